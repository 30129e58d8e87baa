import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from studio.actions import registrations
from studio.actions.leases import Holder
from studio.models import Deployment, ModelVersion, RegisteredModel, Registration
from tests import factories
from tests.actions.test_model_folders import zipped
from tests.actions.test_registrations import FILES, client, files_left, holder, staged
from tests.api.programs import Program

__all__ = ["client", "holder"]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def risk(client: Any, holder: Holder) -> str:
    """A model in MLflow and in its mirror."""
    registrations.register(registration_id=staged(factories.user()).pk, holder=holder)
    return "risk"


def test_a_model_is_looked_at_with_its_versions_and_files(reader: Program, risk: str) -> None:
    model = reader.get("/models/risk")
    assert (model["latestVersion"], model["aliases"]) == (1, {})
    assert [one["name"] for one in reader.get("/models?search=ris&type=MLFLOW")["value"]] == ["risk"]
    [version] = reader.get("/models/risk/versions")["value"]
    assert version["type"] == "MLFLOW"
    shown = reader.get("/models/risk/versions/1")
    assert shown["environmentFiles"]
    files = [one["path"] for one in reader.get("/models/risk/versions/1/artifacts")["value"]]
    assert "MLmodel" in files
    assert b"flavors" in reader.download("/models/risk/versions/1/artifacts/download?path=MLmodel")
    said = reader.refused("get", "/models/risk/versions/1/artifacts/download?path=gone", status=404)
    assert "“gone” is not among the files" in said


def test_description_tags_and_aliases_are_changed_in_mlflow_too(
    scientist: Program, risk: str, client: Any
) -> None:
    scientist.patch("/models/risk", {"description": "Churn", "tags": {"team": "a"}})
    assert scientist.patch("/models/risk", {"tags": {"team": "b"}})["description"] == "Churn"
    assert client.get_registered_model("risk").tags == {"team": "b"}
    assert scientist.patch("/models/risk/versions/1", {"tags": {"stage": "test"}})["tags"] == {
        "stage": "test"
    }
    assert scientist.put("/models/risk/versions/1/aliases", {"aliases": ["champion"]})["aliases"] == [
        "champion"
    ]
    assert client.get_model_version_by_alias("risk", "champion").version in (1, "1")


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("patch", "", {"tags": {"a=b": "c"}}, "tags: Names hold no “=”"),
        ("patch", "", {"tags": {"ä&": "c"}}, "is no name of a tag"),
        ("patch", "", {"description": "x" * 5001}, "description: Ensure this value has at most 5000"),
        ("put", "/versions/1/aliases", {"aliases": ["latest"]}, "MLflow keeps “latest” for itself"),
        ("put", "/versions/1/aliases", {"aliases": ["a b"]}, "an alias has letters, digits"),
        ("post", "/versions", {"runId": "../x"}, "runId: String should match"),
    ],
)
def test_a_wrong_change_is_refused_with_a_sentence(
    scientist: Program, method: str, path: str, body: dict[str, Any], says: str
) -> None:
    factories.model_version("risk")
    assert says in scientist.refused(method, f"/models/risk{path}", body)


def test_a_run_of_mlflow_becomes_the_next_version(
    scientist: Program, risk: str, client: Any, holder: Holder
) -> None:
    run = ModelVersion.objects.get().run_id
    made = scientist.post("/models/other/versions", {"runId": run}, wanted=202)
    assert (made["status"], made["name"]) == ("Waiting", "other")
    registrations.register(registration_id=made["id"], holder=holder)
    assert scientist.get(f"/registrations/{made['id']}")["version"] == 1
    said = scientist.refused("post", "/models/other/versions", {"runId": run, "model": "gone"}, status=404)
    assert "has logged no model “gone”" in said
    scientist.refused("post", "/models/other/versions", {"runId": "0" * 32}, status=404)
    assert Registration.objects.filter(created_by=scientist.owner).count() == 1


def test_an_archive_or_the_files_of_a_folder_become_the_next_version(
    scientist: Program, client: Any, holder: Holder, store: Any
) -> None:
    archive = SimpleUploadedFile("risk.zip", zipped({f"risk/{path}": text for path, text in FILES.items()}))
    folder = {
        "files": [SimpleUploadedFile(path.rpartition("/")[2], text) for path, text in FILES.items()],
        "paths": json.dumps([f"risk/{path}" for path in FILES]),
    }
    for number, form in enumerate(({"files": archive, "tags": "team=a"}, folder), start=1):
        made = scientist.upload("/models/risk/versions/upload", form, wanted=202)
        registrations.register(registration_id=made["id"], holder=holder)
        assert scientist.get(f"/registrations/{made['id']}")["version"] == number
        files = scientist.get(f"/models/risk/versions/{number}/artifacts")["value"]
        assert {one["path"] for one in files} >= set(FILES)
    assert scientist.get("/models/risk/versions/1")["tags"] == {"team": "a"}
    assert not files_left(store)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"files": SimpleUploadedFile("model.pkl", b"x")}, "There is no MLmodel file in the folder"),
        ({"files": SimpleUploadedFile("model.zip", b"x" * 99)}, "This is not a zip file"),
        (
            {"files": SimpleUploadedFile("MLmodel", b"flavors: {}"), "tags": "x"},
            "tags: “x” is not name=value",
        ),
        ({"files": SimpleUploadedFile("MLmodel", b"flavors: {}"), "paths": '["m/../x"]'}, "“../x”"),
        ({}, "files: Field required"),
    ],
)
def test_files_that_are_no_model_are_refused_and_not_kept(
    scientist: Program, store: Any, form: dict[str, Any], says: str
) -> None:
    said = scientist.upload("/models/risk/versions/upload", form, wanted=400)
    assert says in said["error"]["message"]
    assert not Registration.objects.exists()
    assert not files_left(store)


def test_a_version_and_a_model_are_deleted_in_mlflow_too(scientist: Program, risk: str, client: Any) -> None:
    factories.deployment(model_version=ModelVersion.objects.get())
    assert "uses it" in scientist.refused("delete", "/models/risk/versions/1", status=409)
    assert "uses it" in scientist.refused("delete", "/models/risk", status=409)
    Deployment.objects.all().delete()
    scientist.delete("/models/risk/versions/1")
    scientist.delete("/models/risk")
    assert client.search_registered_models() == []
    assert not RegisteredModel.objects.exists()


def test_a_reader_changes_nothing(reader: Program) -> None:
    factories.model_version("risk")
    reader.refused("patch", "/models/risk", {"tags": {}}, status=403)
    reader.refused("delete", "/models/risk", status=403)
    assert "has no version 7" in reader.refused("get", "/models/risk/versions/7", status=404)


def test_mlflow_that_is_away_is_said_so(scientist: Program) -> None:
    factories.model_version("risk")
    said = scientist.refused("patch", "/models/risk", {"description": "now"}, status=503)
    assert "MLflow" in said
