from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from studio.models import Datastore
from tests.api.programs import Program
from tests.stores.far import Place
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY


def test_a_folder_is_registered_tested_made_the_default_and_unregistered(
    admin: Program, store: Any, tmp_path: Path
) -> None:
    body = {"name": "visits", "kind": "local", "options": {"root": str(tmp_path / "visits")}}
    made = admin.post("/datastores", body, wanted=201)
    assert (made["location"], made["default"], made["hasCredentials"]) == (
        str(tmp_path / "visits"),
        False,
        False,
    )
    tested = admin.post("/datastores/visits/access")
    assert tested["passed"] is True
    assert len(tested["steps"]) == 4
    assert admin.put("/datastores/visits/default")["default"] is True
    assert "default datastore already" in admin.refused("put", "/datastores/visits/default", status=409)
    assert {one["name"] for one in admin.get("/datastores")["value"]} == {store.name, "visits"}
    admin.delete(f"/datastores/{store.name}")
    assert "default datastore" in admin.refused("delete", "/datastores/visits", status=409)


def test_credentials_go_in_and_never_come_out(admin: Program, bucket: dict[str, Any]) -> None:
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    body = {"name": "lake", "kind": "s3", "options": bucket, "credentials": keys}
    made = admin.post("/datastores", body, wanted=201)
    assert made["hasCredentials"] is True
    anew = admin.put("/datastores/lake/credentials", {"credentials": keys})
    for said in (made, anew, admin.get("/datastores/lake"), admin.get("/audit")):
        assert SECRET_KEY not in str(said)


def test_the_key_of_a_server_is_shown_before_anything_is_sent_to_it(
    admin: Program, sftp_place: Place
) -> None:
    options = {name: value for name, value in sftp_place.options.items() if name != "host_key"}
    body = {"name": "partner", "kind": "sftp", "options": options, "credentials": sftp_place.secrets}
    said = admin.refused("post", "/datastores", body)
    assert "shows the key" in said
    shown = said.partition("To confirm it, send host_key among the credentials: ")[2]
    assert shown == sftp_place.options["host_key"]
    known = {**sftp_place.secrets, "host_key": shown}
    assert admin.post("/datastores", {**body, "credentials": known}, wanted=201)["kind"] == "sftp"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "Visits"}, "name: Use small letters, digits and “_”"),
        ({"options": {}}, "root: This field is required."),
        ({"options": {"root": "/etc"}}, "belongs to the operating system"),
        ({"options": {"root": "/tmp/x", "bucket": "b"}}, "options: this kind has no bucket. It has root."),
        ({"credentials": {"password": "p"}}, "credentials: this kind has none."),
        ({"kind": "ftp"}, "kind: Input should be 'local'"),
    ],
)
def test_a_wrong_datastore_is_refused_with_a_sentence(
    admin: Program, change: dict[str, Any], says: str
) -> None:
    body = {"name": "visits", "kind": "local", "options": {"root": "/tmp/visits"}}
    assert says in admin.refused("post", "/datastores", {**body, **change})
    assert not Datastore.objects.exists()


def test_files_are_uploaded_browsed_and_downloaded(scientist: Program, store: Any) -> None:
    files = f"/datastores/{store.name}/files"

    def send(text: bytes, wanted: int, **more: str) -> Any:
        file = SimpleUploadedFile("a.csv", text)
        return scientist.upload(files, {"path": "in", "files": file, **more}, wanted=wanted)

    assert send(b"one", 201)["value"] == ["in/a.csv"]
    assert "There already: a.csv" in send(b"two", 400)["error"]["message"]
    send(b"two", 201, replace="true")
    scientist.post(f"/datastores/{store.name}/folders", {"path": "in", "name": "sub"}, wanted=201)
    assert scientist.get(f"{files}?path=in&prefix=b")["value"] == []
    listed = scientist.get(f"{files}?path=in")
    assert [(one["path"], one["folder"]) for one in listed["value"]] == [
        ("in/sub", True),
        ("in/a.csv", False),
    ]
    assert scientist.download(f"{files}/download?path=in/a.csv") == b"two"
    part = scientist.client.get(f"/api{files}/download?path=in/a.csv", headers={"Range": "bytes=1-"})
    assert (part.status_code, b"".join(part)) == (206, b"wo")
    assert "There is no file" in scientist.refused("get", f"{files}/download?path=gone", status=404)


def test_who_is_no_administrator_registers_none(scientist: Program, store: Any) -> None:
    for method, path in (("post", ""), ("delete", f"/{store.name}"), ("put", f"/{store.name}/default")):
        body = {"name": "visits", "kind": "local"}
        assert "Only an Administrator" in scientist.refused(method, f"/datastores{path}", body, status=403)


def test_a_reader_writes_nothing(reader: Program, store: Any) -> None:
    reader.refused("post", f"/datastores/{store.name}/access", status=403)
    answers = {"files": SimpleUploadedFile("a.csv", b"x")}
    reader.upload(f"/datastores/{store.name}/files", answers, wanted=403)
    assert not list(Path(store.options["root"]).rglob("*.csv"))
