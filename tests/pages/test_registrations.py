"""*Register* from local files and from a run, through the pages."""

import io
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from studio.models import Registration
from tests import factories

FILES_PAGE = "/models/-/register/files/"
RUN_PAGE = "/models/-/register/run/"
MLMODEL = b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"
BOUNDARY = "---------------------------model"


def answers(**fields: Any) -> dict[str, Any]:
    return {
        "key": str(uuid.uuid4()),
        "name": "risk",
        "description": "",
        "tags": "",
        "upload": "folder",
        **fields,
    }


def multipart(fields: dict[str, Any], files: list[tuple[str, bytes]]) -> dict[str, Any]:
    """A form as a browser sends a folder: with the files' paths as their names."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for path, content in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="folder"; filename="{path}"\r\n'
        parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n")
    body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
    return {"data": body, "content_type": f"multipart/form-data; boundary={BOUNDARY}"}


def zipped(**files: bytes) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return SimpleUploadedFile("my model.zip", buffer.getvalue())


def stored(store: Any) -> list[str]:
    root = Path(store.options["root"])
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", [FILES_PAGE, f"{FILES_PAGE}?name=titanic"])
def test_register_files_opens(signed_in: Client, path: str) -> None:
    answer = signed_in.get(path)
    assert answer.status_code == 200
    assert "webkitdirectory" in answer.text


def test_register_files_takes_a_folder_with_its_paths(signed_in: Client, store: Any) -> None:
    files = [("my model/MLmodel", MLMODEL), ("my model/code/a.py", b"x"), ("my model/code/__init__.py", b"")]
    answer = signed_in.post(FILES_PAGE, **multipart(answers(tags="team=health"), files))
    made = Registration.objects.get()
    assert answer["Location"] == f"/models/-/registrations/{made.pk}/"
    assert (made.status, made.name, made.tags) == ("Waiting", "risk", {"team": "health"})
    folder = made.files["folder"]
    assert stored(store) == [f"{folder}/{path}" for path in ("MLmodel", "code/__init__.py", "code/a.py")]
    assert folder.startswith("azureml/registrations/")


def test_register_files_takes_a_zip(signed_in: Client, store: Any) -> None:
    signed_in.post(FILES_PAGE, answers(upload="zip", zip=zipped(MLmodel=MLMODEL)))
    assert Registration.objects.get().files["label"] == "my model.zip"
    assert len(stored(store)) == 1


def test_register_files_sent_twice_registers_once(signed_in: Client, store: Any) -> None:
    same = answers()
    for _number in range(2):
        signed_in.post(FILES_PAGE, **multipart(same, [("m/MLmodel", MLMODEL)]))
    assert Registration.objects.count() == 1
    assert len(stored(store)) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "Choose the model’s folder."),
        ([("m/model.pkl", b"x")], "There is no MLmodel file in the folder"),
        ([("m/MLmodel", b"a: [")], "it is not YAML"),
        ([("m/MLmodel", MLMODEL), ("m/../../evil", b"x")], "leads out of its folder"),
        ([("m/MLmodel", MLMODEL), ("m/MLmodel", MLMODEL)], "Two files have the path"),
        ([("m/MLmodel", MLMODEL), *[(f"m/{n}", b"") for n in range(501)]], "more than 500 files"),
    ],
)
def test_register_files_says_what_is_wrong_and_keeps_nothing(
    signed_in: Client, store: Any, files: list[tuple[str, bytes]], said: str
) -> None:
    answer = signed_in.post(FILES_PAGE, **multipart(answers(), files))
    assert answer.status_code == 422
    assert said in answer.text
    assert not Registration.objects.exists()
    assert stored(store) == []


@pytest.mark.parametrize("length", [2_000_000, 200, -20])
def test_register_files_that_is_cut_off_keeps_nothing(
    signed_in: Client, store: Any, settings: Any, length: int
) -> None:
    sent = multipart(answers(), [("m/MLmodel", MLMODEL), ("m/big", b"b" * 3_000_000)])
    sent["data"] = sent["data"][:length]
    before = set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
    answer = signed_in.post(FILES_PAGE, **sent)
    assert answer.status_code == 400
    assert not Registration.objects.exists()
    assert stored(store) == []
    assert set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == before


def test_register_files_needs_a_token(person: Any, store: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    answer = client.post(FILES_PAGE, **multipart(answers(), [("m/MLmodel", MLMODEL)]))
    assert answer.status_code == 403
    assert not Registration.objects.exists()


def test_register_files_asks_who_is_there(client: Client, db: None) -> None:
    assert "/account/sign-in/" in client.post(FILES_PAGE)["Location"]


@pytest.mark.parametrize("name", ["a/b", "a:b", "..", "", "n" * 300])
def test_register_files_refuses_names_that_mlflow_refuses(signed_in: Client, store: Any, name: str) -> None:
    answer = signed_in.post(FILES_PAGE, **multipart(answers(name=name), [("m/MLmodel", MLMODEL)]))
    assert answer.status_code == 422
    assert stored(store) == []


@pytest.mark.parametrize("name", ['it\'s "quoted"', "<b>bold<i>", "modèle 🚀", "نموذج", "n" * 256])
def test_register_files_takes_names_of_every_kind(signed_in: Client, store: Any, name: str) -> None:
    answer = signed_in.post(FILES_PAGE, answers(name=name, upload="zip", zip=zipped(MLmodel=MLMODEL)))
    page = signed_in.get(answer["Location"])
    assert page.status_code == 200
    assert "<b>bold" not in page.text
    assert Registration.objects.get().name == name


def test_check_name_says_which_version_it_becomes(signed_in: Client) -> None:
    factories.model_version("titanic", 4)
    path = "/models/-/register/name/"
    assert "“titanic” exists: this becomes its version 5." in signed_in.get(path, {"name": "titanic"}).text
    assert "A new model, version 1." in signed_in.get(path, {"name": "new"}).text


@pytest.mark.parametrize("query", ["", "?experiment=1", "?run=ab12", "?run=ab12&model=m-1"])
def test_register_run_says_that_mlflow_is_away(signed_in: Client, query: str) -> None:
    answer = signed_in.get(f"{RUN_PAGE}{query}")
    assert answer.status_code == 503
    assert "MLflow at http://127.0.0.1:9 does not answer: no connection." in answer.text


def test_registration_follows_itself_until_it_ends(
    signed_in: Client, person: Any, htmx: dict[str, str]
) -> None:
    made = Registration.objects.create(source="files", name="risk", created_by=person, files={"label": "m"})
    path = f"/models/-/registrations/{made.pk}/"
    assert 'hx-trigger="every 1s"' in signed_in.get(path, headers=htmx).text
    made.move_to("Registering")
    made.move_to("Failed", error="It broke.", finished_at=made.created_at)
    answer = signed_in.get(path).text
    assert "It broke." in answer
    assert "every 1s" not in answer
    assert f"{FILES_PAGE}?name=risk" in answer


def test_registration_leads_to_the_model(signed_in: Client, person: Any) -> None:
    made = Registration.objects.create(source="files", name="risk", created_by=person, files={"label": "m"})
    made.move_to("Registering")
    made.move_to("Succeeded", version=1, finished_at=made.created_at)
    path = f"/models/-/registrations/{made.pk}/"
    assert "It shows up here in a moment" in signed_in.get(path).text
    factories.model_version("risk")
    assert 'href="/models/risk/versions/1/"' in signed_in.get(path).text


def test_registration_of_somebody_else_is_not_found(signed_in: Client) -> None:
    made = Registration.objects.create(source="files", name="risk", created_by=factories.user())
    assert signed_in.get(f"/models/-/registrations/{made.pk}/").status_code == 404


def test_index_names_what_is_being_registered(signed_in: Client, person: Any) -> None:
    Registration.objects.create(source="files", name="risk", created_by=person)
    assert "risk is being registered." in signed_in.get("/models/").text
