"""Paths that come in addresses and forms: whatever stands in one, nothing outside of its datastore is touched."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.models import Datastore
from tests import factories
from tests.pages.job_drafts import at, begin
from tests.pages.job_rows import finished

SECRET = "column_of_somebody_else"
PARTS = st.one_of(
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "...",
            "%2e%2e",
            "%252e%252e",
            "%2f",
            "..%2f..",
            "․․",
            "．．",
            "‥",
            "..;",
            "../",
            "..\\",
            "\\",
            "~",
            "/etc/passwd",
            "file:",
            "C:",
            "out",
            "secret.csv",
            "a.csv",
            "link.csv",
            "linked",
            "x" * 300,
            "\u202e",
            "\x00",
            "\n",
            "😀",
            "'\"<script>",
        ]
    ),
    st.text(max_size=6),
)
PATHS = st.builds(
    lambda parts, between: between.join(parts),
    st.lists(PARTS, min_size=1, max_size=5),
    st.sampled_from(["/", "//", "\\", "%2f"]),
)


@pytest.fixture
def inside(store: Datastore, tmp_path: Path) -> dict[str, str]:
    """Rows of everything that reads from a datastore, in which links lead out to a secret."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret.csv").write_text(f"{SECRET}\n1\n")
    (tmp_path / "secret.csv").write_text(f"{SECRET}\n1\n")
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    job = finished(store, input_datastore=store, input_path=version.path)
    root = Path(store.options["root"])
    for folder in (root, root / version.path, root / job.output_path):
        (folder / "link.csv").symlink_to(tmp_path / "out" / "secret.csv")
        (folder / "linked").symlink_to(tmp_path / "out")
    return {"store": store.name, "asset": version.asset.name, "job": job.name}


def looked_at(names: dict[str, str], draft: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    store, asset, job = ([names[one]] for one in ("store", "asset", "job"))
    return [
        (reverse("datastores:browse", args=store), {"path": path}),
        (reverse("datastores:browse", args=store), {"file": path}),
        (reverse("datastores:download", args=store), {"path": path}),
        (reverse("datastores:picture", args=store), {"path": path}),
        (reverse("datastores:upload", args=store), {"path": path}),
        (reverse("datastores:new_folder", args=store), {"path": path}),
        (reverse("data:browse"), {"path": path}),
        (reverse("data:explore", args=asset), {"file": path}),
        (reverse("data:picture", args=asset), {"file": path}),
        (reverse("jobs:browse_input", args=[draft.key]), {"path": path}),
        (reverse("jobs:preview", args=job), {"file": path}),
        (reverse("jobs:download", args=job), {"file": path}),
        (reverse("jobs:log", args=job), {"path": path}),
        (reverse("jobs:log_download", args=job), {"path": path}),
    ]


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=PATHS)
def test_no_path_of_a_page_shows_what_lies_outside(
    signed_in: Client, inside: dict[str, str], used: Any, path: str
) -> None:
    draft = begin(signed_in, used)
    for address, query in looked_at(inside, draft, path):
        response = signed_in.get(address, query)
        assert response.status_code < 500, (address, query)
        assert SECRET.encode() not in content(response), (address, query)
    typed = {"source": "datastore", "datastore": Datastore.objects.get().pk, "path": path}
    checked = signed_in.post(reverse("jobs:check_input", args=[draft.key]), typed)
    assert checked.status_code < 500
    assert SECRET not in checked.text
    assert signed_in.post(at(draft, "input"), typed).status_code < 500


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=PATHS, name=PARTS)
def test_no_path_of_a_form_writes_outside(
    signed_in: Client, inside: dict[str, str], store: Datastore, tmp_path: Path, path: str, name: str
) -> None:
    before = around(tmp_path)
    folder = reverse("datastores:new_folder", args=[inside["store"]])
    responses = [
        signed_in.post(folder, {"name": name}, query_params={"path": path}),
        signed_in.post(
            reverse("data:new"),
            {
                "name": "outside",
                "type": "uri_folder",
                "source": "datastore",
                "datastore": store.pk,
                "path": path,
            },
        ),
    ]
    assert all(response.status_code < 500 for response in responses)
    assert around(tmp_path) == before


def around(tmp_path: Path) -> dict[str, str]:
    """Everything beside the datastore."""
    others = (one for one in tmp_path.rglob("*") if not one.is_relative_to(tmp_path / "store"))
    return {str(one): one.read_text() if one.is_file() else "" for one in others}
