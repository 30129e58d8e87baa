import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from studio.models import DataAsset, DataAssetVersion
from tests import factories
from tests.api.programs import Program
from tests.pages.test_data_asset import take_away


def file(name: str = "a.csv", text: bytes = b"x\n1\n2\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text)


def test_uploaded_files_are_a_version_that_is_explored_and_downloaded(scientist: Program, store: Any) -> None:
    path = "/data/visits/versions"
    made = scientist.upload(
        f"{path}/upload",
        {
            "type": "uri_folder",
            "files": [file(), file("b.csv")],
            "paths": json.dumps(["v/a.csv", "v/sub/b.csv"]),
        },
    )
    assert (made["uri"], made["files"], made["datastore"]) == ("azureml:visits:1", 2, store.name)
    assert [one["path"] for one in scientist.get(f"{path}/1/files")["value"]] == ["a.csv", "sub/b.csv"]
    explored = scientist.get(f"{path}/1/explore?file=sub/b.csv")
    assert explored["columns"][0] | {"name": "x", "least": "1", "greatest": "2"} == explored["columns"][0]
    assert explored["rows"] == [["1"], ["2"]]
    assert scientist.download(f"{path}/1/download?file=a.csv") == b"x\n1\n2\n"
    asset = scientist.get("/data/visits")
    assert (asset["type"], asset["latestVersion"], asset["createdBy"]) == (
        "uri_folder",
        1,
        scientist.owner.username,
    )


def test_archives_are_unpacked_where_that_is_asked_for(scientist: Program, store: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "x\n1\n")
        archive.writestr("b.csv", "x\n2\n")
    answers = {"type": "uri_folder", "unpack": "true", "files": file("all.zip", packed.getvalue())}
    assert scientist.upload("/data/visits/versions/upload", answers)["files"] == 2


def test_a_large_upload_goes_over_the_disk_and_not_through_memory(
    scientist: Program, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.files.uploadedfile import TemporaryUploadedFile

    seen = []
    chunks = TemporaryUploadedFile.chunks
    monkeypatch.setattr(
        TemporaryUploadedFile, "chunks", lambda one, *size: seen.append(one.size) or chunks(one)
    )
    text = b"x\n" + b"1\n" * (2 << 20)
    scientist.upload("/data/large/versions/upload", {"type": "uri_file", "files": file(text=text)})
    assert seen == [len(text)]
    assert scientist.download("/data/large/versions/1/download") == text


def test_an_upload_that_is_cut_off_or_has_too_many_files_leaves_nothing(
    scientist: Program, store: Any
) -> None:
    part = b"--x\r\nContent-Disposition: form-data; name="
    cut = part + b'"type"\r\n\r\nuri_file\r\n' + part + b'"files"; filename="a.csv"\r\n\r\nx\n1'
    path = "/api/data/visits/versions/upload"
    answer = scientist.client.generic("POST", path, cut, "multipart/form-data; boundary=x")
    assert answer.status_code == 400
    many = {"type": "uri_folder", "files": [file(f"{number}.csv") for number in range(501)]}
    assert "at most 500 files" in str(scientist.upload("/data/visits/versions/upload", many, wanted=413))
    assert not DataAsset.objects.exists()
    assert not list(Path(store.options["root"]).rglob("*.csv"))


def test_what_lies_in_a_datastore_is_registered_as_the_next_version(scientist: Program, store: Any) -> None:
    first = factories.data_asset(store, {"a.csv": "x\n1\n"}, name="visits")
    body = {"type": "uri_folder", "datastore": store.name, "path": first.path, "description": "Anew"}
    made = scientist.post("/data/visits/versions", body, wanted=201)
    assert (made["version"], made["path"]) == (2, first.path)
    assert [one["version"] for one in scientist.get("/data/visits/versions")["value"]] == [2, 1]
    assert scientist.get("/data/visits")["description"] == "Anew"
    assert scientist.get("/data/visits/versions/1")["size"] == first.size


def test_an_address_is_registered_without_what_may_be_its_key(scientist: Program, web: Any) -> None:
    body = {"type": "uri_file", "address": web.put("/a.csv", b"x\n1\n") + "?key=secret"}
    made = scientist.post("/data/visits/versions", body, wanted=201)
    assert (made["datastore"], made["path"], made["files"]) == (None, None, 1)
    assert "secret" not in str(made)
    assert made["location"].endswith("/a.csv?…")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"type": "uri_file"}, "give datastore and path, or address"),
        ({"type": "uri_file", "datastore": "STORE", "path": "gone"}, "There is no file at “gone”"),
        ({"type": "uri_file", "datastore": "STORE", "path": "../etc"}, "leaves its datastore"),
        (
            {"type": "uri_table", "datastore": "STORE", "path": "a"},
            "type: Input should be 'uri_file' or 'uri_folder'",
        ),
        ({"type": "uri_file", "address": "https://127.0.0.1/a.csv"}, "127.0.0.1"),
    ],
)
def test_wrong_data_is_refused_with_a_sentence(
    scientist: Program, store: Any, body: dict[str, Any], says: str
) -> None:
    body = {name: store.name if value == "STORE" else value for name, value in body.items()}
    assert says in scientist.refused("post", "/data/visits/versions", body)
    assert not DataAsset.objects.exists()


@pytest.mark.parametrize("part", ["files", "explore", "download"])
def test_a_storage_that_is_away_is_no_missing_file(
    scientist: Program, store: Any, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    version = factories.data_asset(store, {"a.csv": "x\n1\n"}, name="visits")
    take_away(version.datastore, monkeypatch)
    assert "does not answer" in scientist.refused("get", f"/data/visits/versions/1/{part}", status=503)


def test_a_wrong_name_or_a_missing_file_is_refused(scientist: Program, store: Any) -> None:
    said = scientist.upload("/data/-a/versions/upload", {"type": "uri_file", "files": file()}, wanted=400)
    assert "name: Use letters, digits" in said["error"]["message"]
    said = scientist.upload("/data/a/versions/upload", {"type": "uri_file"}, wanted=400)
    assert "files: Field required" in said["error"]["message"]
    assert not DataAsset.objects.exists()


def test_an_asset_is_edited_archived_restored_and_deleted(scientist: Program, store: Any) -> None:
    version = factories.data_asset(store, {"a.csv": "x\n"}, name="visits")
    edited = scientist.patch("/data/visits", {"tags": {"team": "a"}})
    assert (edited["tags"], edited["description"]) == ({"team": "a"}, "")
    assert "line breaks" in scientist.refused("patch", "/data/visits", {"tags": {"a=b": "c"}})
    assert "changed visits" in scientist.refused(
        "patch", "/data/visits", {"tags": {}, "revision": 1}, status=409
    )
    assert scientist.post("/data/visits/archive")["archived"] is True
    assert scientist.get("/data")["value"] == []
    assert len(scientist.get("/data?archived=true")["value"]) == 1
    assert scientist.post("/data/visits/restore")["archived"] is False
    scientist.delete("/data/visits")
    assert not DataAssetVersion.objects.exists()
    assert Path(store.options["root"], version.path, "a.csv").exists()


def test_another_persons_asset_is_left_alone(scientist: Program, store: Any) -> None:
    factories.data_asset(store, {"a.csv": "x\n"}, name="visits", created_by=factories.user("ada"))
    said = scientist.refused("delete", "/data/visits", status=403)
    assert "It belongs to ada" in said


def test_a_reader_only_looks(reader: Program, store: Any) -> None:
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="visits")
    assert reader.get("/data/visits/versions/1/explore")["rows"] == [["1"]]
    reader.refused("delete", "/data/visits", status=403)
    assert "no file “b.csv”" in reader.refused(
        "get", "/data/visits/versions/1/explore?file=b.csv", status=404
    )
