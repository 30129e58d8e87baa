"""A datastore behind a network, of each kind: its form, its pages, and its credentials, which no page shows."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studio.models import Datastore, Event
from studio.sealing import unseal
from studio.stores import Store, open_store
from tests.stores.far import Place

pytestmark = pytest.mark.django_db
NEW = reverse("datastores:new")


@pytest.fixture
def answers(far: Place) -> dict[str, str]:
    return {"name": "visits", "kind": far.kind, **far.options, **far.secrets, "folder": "team/"}


@pytest.fixture
def visits(signed_in: Client, answers: dict[str, str]) -> Datastore:
    assert signed_in.post(NEW, answers).status_code == 302
    return Datastore.objects.get(name="visits")


def page_of(store: Datastore, part: str = "detail") -> str:
    return reverse(f"datastores:{part}", args=[store.name])


def test_it_is_registered_with_its_credentials_sealed(visits: Datastore, far: Place) -> None:
    assert visits.location.endswith("/team")
    assert visits.options == {**far.options, "folder": "team"}
    assert unseal(visits.secrets) == far.secrets
    assert not [secret for secret in far.secrets.values() if secret in visits.secrets]
    assert list(open_store(visits).list("")) == []
    assert Event.objects.get(action="datastore.create").details == {"folder": visits.location}


def test_no_page_shows_a_credential(
    signed_in: Client, visits: Datastore, far: Place, answers: dict[str, str]
) -> None:
    for part in ("detail", "browse", "access", "credentials", "unregister", "upload"):
        page = signed_in.get(page_of(visits, part)).text
        assert not [secret for secret in far.secrets.values() if secret in page]
    again = signed_in.post(NEW, {**answers, "name": "NOT A NAME"})
    assert again.status_code == 422
    hidden = set(far.secrets) - {"access_key"}  # what names a key is shown again where it was given
    assert not [name for name in hidden if far.secrets[name] in again.text]


def test_a_folder_that_leaves_is_refused(signed_in: Client, answers: dict[str, str]) -> None:
    response = signed_in.post(NEW, answers | {"folder": "../other"})
    assert response.status_code == 422
    assert "leaves its datastore" in response.text


@pytest.mark.parametrize("folder", ["", "team", "team/deeper"])
def test_places_that_lie_in_each_other_are_refused(
    signed_in: Client, visits: Datastore, answers: dict[str, str], folder: str
) -> None:
    response = signed_in.post(NEW, answers | {"name": "other", "folder": folder})
    assert "lie in each other" in response.text
    assert signed_in.post(NEW, answers | {"name": "other", "folder": "team2"}).status_code == 302


def test_files_are_uploaded_looked_at_and_downloaded(signed_in: Client, visits: Datastore) -> None:
    file = SimpleUploadedFile("a b.csv", b"x,city\n1,Ulm\n")
    assert signed_in.post(page_of(visits, "upload") + "?path=2026", {"files": file}).status_code == 302
    assert "a b.csv" in signed_in.get(page_of(visits, "browse") + "?path=2026").text
    assert "Ulm" in signed_in.get(page_of(visits, "browse") + "?path=2026/a%20b.csv").text
    download = signed_in.get(page_of(visits, "download") + "?path=2026/a%20b.csv")
    assert b"".join(download.streaming_content) == b"x,city\n1,Ulm\n"
    refused = signed_in.post(
        page_of(visits, "upload") + "?path=2026", {"files": SimpleUploadedFile("a b.csv", b"other")}
    )
    assert "There already" in refused.text


def test_a_long_folder_comes_in_pages(signed_in: Client, visits: Datastore) -> None:
    store = open_store(visits)
    for number in range(101):
        store.write(f"{number:03}.csv", [b"x"])
    page = signed_in.get(page_of(visits, "browse"))
    assert ">099.csv<" in page.text
    assert ">100.csv<" not in page.text
    begin = page.context["folder"].page.after
    following = signed_in.get(page_of(visits, "browse"), {"begin": begin}).text
    assert ">100.csv<" in following
    assert ">099.csv<" not in following


def test_access_is_tested_step_by_step(signed_in: Client, visits: Datastore) -> None:
    assert signed_in.post(page_of(visits, "access")).text.count("worked") == 4


def large(kind: str) -> bytes:
    """More than 12 MB in 400,000 rows."""
    if kind == "csv":
        return b"x,city\n" + b"".join(b"%d.25,%s\n" % (row, b"Ulm" * 8) for row in range(400_000))
    file, rows = io.BytesIO(), np.random.default_rng(1).normal(size=(400_000, 4))
    table = pa.table({"x": rows[:, 0], "y": rows[:, 1], "z": rows[:, 2], "city": rows[:, 3].astype(str)})
    pq.write_table(table, file, row_group_size=20_000)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_explore_reads_little_of_a_large_file(
    signed_in: Client, visits: Datastore, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    size = open_store(visits).write(f"in/large.{kind}", [large(kind)]).size
    asset = {
        "name": "large",
        "type": "uri_folder",
        "source": "datastore",
        "datastore": visits.pk,
        "path": "in",
    }
    assert signed_in.post(reverse("data:new"), asset).status_code == 302
    asked, store = [], type(open_store(visits))
    real = store.body

    def body(self: Store, path: str, etag: str, start: int, end: int) -> Any:
        asked.append(end - start)
        return real(self, path, etag, start, end)

    monkeypatch.setattr(store, "body", body)
    page = signed_in.get(reverse("data:explore", args=["large"])).text
    assert "over the first 10,000" in page
    assert size > 12_000_000
    assert 0 < sum(asked) < size / 6
