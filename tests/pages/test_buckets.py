"""A bucket as a datastore: its form, its pages, and its keys, which no page shows."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studio.models import Datastore, Event
from studio.sealing import unseal
from studio.stores import open_store
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.django_db
NEW = reverse("datastores:new")


@pytest.fixture
def answers(bucket: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "visits",
        "kind": "s3",
        "bucket": bucket["bucket"],
        "bucket_folder": "team/",
        "endpoint": bucket["endpoint"],
        "region": bucket["region"],
        "path_style": "on",
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
    }


@pytest.fixture
def visits(signed_in: Client, answers: dict[str, Any]) -> Datastore:
    assert signed_in.post(NEW, answers).status_code == 302
    return Datastore.objects.get(name="visits")


def page_of(store: Datastore, part: str = "detail") -> str:
    return reverse(f"datastores:{part}", args=[store.name])


def test_a_bucket_is_registered_with_its_keys_sealed(visits: Datastore, answers: dict[str, Any]) -> None:
    assert visits.location == f"s3://{answers['bucket']}/team"
    assert visits.options["path_style"] is True
    assert SECRET_KEY not in visits.secrets
    assert unseal(visits.secrets) == {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    assert list(open_store(visits).list("")) == []
    assert Event.objects.get(action="datastore.create").details == {"folder": visits.location}


def test_no_page_shows_a_key(signed_in: Client, visits: Datastore, answers: dict[str, Any]) -> None:
    for part in ("detail", "browse", "access", "credentials", "unregister", "upload"):
        page = signed_in.get(page_of(visits, part)).text
        assert SECRET_KEY not in page
        assert ACCESS_KEY not in page
    again = signed_in.post(NEW, {**answers, "name": "NOT A NAME"})
    assert again.status_code == 422
    assert SECRET_KEY not in again.text


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"bucket": ""}, "This field is required."),
        ({"bucket": "No_Bucket"}, "small letters, digits, dots and hyphens"),
        ({"bucket": "there-is-none"}, "List its files: there is no bucket “there-is-none”"),
        ({"secret_key": ""}, "belong together"),
        ({"access_key": ""}, "belong together"),
        ({"endpoint": "http://me:secret@127.0.0.1"}, "keys go into the fields below"),
        ({"endpoint": "file:///etc"}, "Enter a valid URL"),
        ({"region": "eu central"}, "A region is a word"),
        ({"bucket_folder": "../other"}, "leaves its datastore"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    signed_in: Client, answers: dict[str, Any], changed: dict[str, str], sentence: str
) -> None:
    response = signed_in.post(NEW, answers | changed)
    assert response.status_code == 422
    assert sentence in response.text
    assert not Datastore.objects.filter(name="visits").exists()


@pytest.mark.parametrize("folder", ["", "team", "team/deeper"])
def test_places_that_lie_in_each_other_are_refused(
    signed_in: Client, visits: Datastore, answers: dict[str, Any], folder: str
) -> None:
    response = signed_in.post(NEW, answers | {"name": "other", "bucket_folder": folder})
    assert "lie in each other" in response.text
    assert signed_in.post(NEW, answers | {"name": "other", "bucket_folder": "team2"}).status_code == 302


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
    assert "099.csv" in page.text
    assert "100.csv" not in page.text
    begin = page.context["folder"].page.after
    following = signed_in.get(page_of(visits, "browse"), {"begin": begin}).text
    assert "100.csv" in following
    assert "099.csv" not in following


def test_new_keys_are_tried_and_then_kept(signed_in: Client, visits: Datastore) -> None:
    address = page_of(visits, "credentials")
    page = signed_in.get(address).text
    assert "What you give replaces the keys that are kept" in page
    assert signed_in.post(address, {"access_key": "ONLY"}).status_code == 422
    given = {"access_key": "NEWKEY", "secret_key": "new-secret", "session_token": "for-an-hour"}
    assert signed_in.post(address, given).status_code == 302
    visits.refresh_from_db()
    assert unseal(visits.secrets) == given
    event = Event.objects.get(action="datastore.update_credentials")
    assert "new-secret" not in str(event.details)


def test_keys_that_are_refused_are_not_kept(
    signed_in: Client, visits: Datastore, bucket, monkeypatch
) -> None:
    from botocore.exceptions import ClientError

    from studio.stores.s3 import S3Bucket

    def refuse(self: S3Bucket, *given: Any, **more: Any) -> None:
        with self.speaking():
            raise ClientError({"Error": {"Code": "InvalidAccessKeyId", "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr(S3Bucket, "entries", refuse)
    response = signed_in.post(page_of(visits, "credentials"), {"access_key": "BAD", "secret_key": "bad"})
    assert response.status_code == 422
    assert "refuses the datastore’s credentials (InvalidAccessKeyId)" in response.text
    visits.refresh_from_db()
    assert unseal(visits.secrets)["access_key"] == ACCESS_KEY


def test_a_local_folder_has_no_credentials(signed_in: Client, store: Datastore) -> None:
    assert "A local folder has no credentials." in signed_in.get(page_of(store, "credentials")).text
    assert "Update authentication" not in signed_in.get(page_of(store)).text
    assert signed_in.post(page_of(store, "credentials"), {}).status_code == 403
