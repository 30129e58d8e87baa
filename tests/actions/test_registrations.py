"""Registering models in a real MLflow, from files and from runs."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from studio import registry
from studio.actions import model_editing, model_sources, models, registrations
from studio.actions.leases import Holder
from studio.actions.model_folders import members_of_folder
from studio.errors import FieldErrors, NotAllowed
from studio.models import Event, ModelVersion, RegisteredModel, Registration
from studio.models.states import MoveRefused
from tests import factories, running
from tests.actions.test_models import MLMODEL
from tests.actions.test_models import register as register_run

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore")]
FILES = {
    "MLmodel": b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_version: 3.11.7\n"
    b"  sklearn:\n    serialization_format: skops\n",
    "requirements.txt": b"mlflow==3.17.2\n",
    "data/some file.txt": b"hello",
}


@pytest.fixture
def client(settings: Any, store: Any) -> Iterator[Any]:
    """MLflow's client, on a registry that is empty again afterwards."""
    settings.MLFLOW_TRACKING_URI = settings.MLFLOW_ADDRESS = running.services.mlflow_uri
    models.registry.cache_clear()
    registry._session.cache_clear()
    made = models.registry()
    yield made
    for found in made.search_registered_models():
        made.delete_registered_model(found.name)
    models.registry.cache_clear()
    registry._session.cache_clear()


def working(name: str) -> Iterator[Holder]:
    """A worker whose heart stops with the test, and with it its connection to the database."""
    made = Holder(name)
    yield made
    made.stopping.set()
    if made._thread:
        made._thread.join()


@pytest.fixture
def holder() -> Iterator[Holder]:
    yield from working("test")


@pytest.fixture
def another() -> Iterator[Holder]:
    yield from working("another")


def staged(person: Any, name: str = "risk", **fields: Any) -> Registration:
    members = members_of_folder(
        [(f"m/{path}", SimpleUploadedFile("file", text)) for path, text in FILES.items()]
    )
    values = {"key": uuid.uuid4(), "description": "What it is for", "tags": {"team": "health"}, "label": "m"}
    return registrations.register_files(user=person, name=name, members=members, **{**values, **fields})


def files_left(store: Any) -> list[Path]:
    root = Path(store.options["root"])
    return [path for path in root.rglob("*") if path.is_file()] if root.exists() else []


def test_files_become_a_version_that_mlflow_can_read(client, person, store, holder, tmp_path):
    made = staged(person)
    assert len(files_left(store)) == 3
    registrations.register(registration_id=made.pk, holder=holder)
    made.refresh_from_db()
    assert (made.status, made.version, made.error) == ("Succeeded", 1, "")
    assert files_left(store) == []
    import mlflow

    local = Path(mlflow.artifacts.download_artifacts("models:/risk/1", dst_path=str(tmp_path)))
    assert (local / "data" / "some file.txt").read_bytes() == b"hello"
    version = ModelVersion.objects.get(registered_model__name="risk")
    assert (version.type, version.serialization, version.created_by) == ("MLFLOW", "skops", "ada")
    assert [file["path"] for file in version.artifacts] == sorted(FILES)
    assert version.description == "What it is for"
    assert version.tags["team"] == "health"
    assert version.size == sum(map(len, FILES.values()))


def test_a_name_that_exists_gets_its_next_version(client, person, holder):
    for _number in range(2):
        registrations.register(registration_id=staged(person).pk, holder=holder)
    assert list(Registration.objects.order_by("pk").values_list("version", flat=True)) == [1, 2]


def test_a_form_that_is_sent_twice_registers_once(client, person, store, holder):
    key = uuid.uuid4()
    assert staged(person, key=key).pk == staged(person, key=key).pk
    assert len(files_left(store)) == 3
    assert Event.objects.filter(action="models.register").count() == 1


def test_a_worker_that_dies_after_mlflow_was_told_is_followed_without_a_second_version(
    client, person, holder, another
):
    made = staged(person)
    assert registrations._claim(made.pk, holder) is not None
    claimed = Registration.objects.select_related("created_by").get(pk=made.pk)
    assert registrations._register(claimed) == 1
    Registration.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    registrations.register(registration_id=made.pk, holder=another)
    made.refresh_from_db()
    assert (made.status, made.version) == ("Succeeded", 1)
    assert len(client.search_model_versions("name='risk'")) == 1


def test_a_worker_that_lost_its_lease_registers_nothing_and_leaves_the_files(client, person, store, holder):
    made = staged(person)
    registrations._claim(made.pk, holder)
    claimed = Registration.objects.select_related("created_by").get(pk=made.pk)
    Registration.objects.update(lease=uuid.uuid4())
    with pytest.raises(MoveRefused):
        registrations._register(claimed)
    registrations._fail(claimed, "late")
    made.refresh_from_db()
    assert made.status == "Registering"
    assert len(files_left(store)) == 3
    assert client.search_model_versions("name='risk'") == []


def test_one_that_is_held_is_left_alone(client, person, holder, another):
    made = staged(person)
    registrations._claim(made.pk, holder)
    registrations.register(registration_id=made.pk, holder=another)
    made.refresh_from_db()
    assert made.status == "Registering"


def test_mlflow_away_is_waited_for_and_given_up_after_an_hour(person, store, holder):
    made = staged(person)
    registrations.register(registration_id=made.pk, holder=holder)
    made.refresh_from_db()
    assert made.lease is None
    assert "does not answer" in made.error
    assert len(files_left(store)) == 3
    Registration.objects.update(created_at=timezone.now() - timedelta(hours=2))
    registrations.register(registration_id=made.pk, holder=holder)
    made.refresh_from_db()
    assert made.status == "Failed"
    assert "Not registered within an hour" in made.error
    assert files_left(store) == []


def test_the_sweep_takes_up_what_was_left(person, store, monkeypatch):
    asked = []
    monkeypatch.setattr(registrations, "enqueue", lambda task, **ids: asked.append(ids["registration_id"]))
    made = staged(person)
    asked.clear()
    registrations.recover_registrations()
    assert asked == []
    Registration.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    registrations.recover_registrations()
    assert asked == [made.pk]


def test_files_that_cannot_be_stored_leave_nothing(person, store):
    members = members_of_folder([("m/MLmodel", SimpleUploadedFile("file", FILES["MLmodel"]))])
    members[0].path = "n" * 300
    with pytest.raises(FieldErrors, match="too long"):
        registrations.register_files(
            user=person, key=uuid.uuid4(), name="risk", description="", tags={}, members=members, label="m"
        )
    assert files_left(store) == []
    assert not Registration.objects.exists()


def test_what_a_run_has_logged_is_found_and_registered(client, person, holder, tmp_path):
    register_run(client, tmp_path, "other", MLMODEL)
    run = client.search_runs(["0"], order_by=["attributes.start_time DESC"], max_results=1)[0]
    client.log_metric(run.info.run_id, "auc", 0.91)
    assert "Default" in [one.name for one in model_sources.experiments(words="defau", token="").rows]
    listed = model_sources.runs(experiment_id="0", words="", token="").rows[0]
    assert (listed.id, listed.metrics) == (run.info.run_id, [("auc", 0.91)])
    model = model_sources.logged_models(run=listed)[0]
    assert model.name == "model"
    made = registrations.register_logged_model(
        user=person, key=uuid.uuid4(), name="from-run", description="", tags={}, run=listed, model=model
    )
    registrations.register(registration_id=made.pk, holder=holder)
    version = ModelVersion.objects.get(registered_model__name="from-run")
    assert (version.type, version.run_id) == ("MLFLOW", run.info.run_id)


def test_a_model_that_mlflow_3_logs_beside_its_run_is_found_and_registered(client, person, holder, tmp_path):
    run = client.create_run("0")
    logged = client.create_logged_model("0", name="beside", source_run_id=run.info.run_id)
    (tmp_path / "MLmodel").write_bytes(FILES["MLmodel"])
    client.log_model_artifacts(logged.model_id, str(tmp_path))
    client.finalize_logged_model(logged.model_id, "READY")
    found = model_sources.logged_models(run=model_sources.run(id=run.info.run_id))
    assert [(one.name, one.is_ready) for one in found] == [("beside", True)]
    made = registrations.register_logged_model(
        user=person,
        key=uuid.uuid4(),
        name="from-logged",
        description="",
        tags={},
        run=model_sources.run(id=run.info.run_id),
        model=found[0],
    )
    registrations.register(registration_id=made.pk, holder=holder)
    version = ModelVersion.objects.get(registered_model__name="from-logged")
    assert [file["path"] for file in version.artifacts] == ["MLmodel"]
    assert model_sources.preview_artifact(version=version, path="MLmodel").text.startswith("flavors:")


def test_files_are_read_through_mlflow(client, person, holder):
    registrations.register(registration_id=staged(person).pk, holder=holder)
    version = ModelVersion.objects.get(registered_model__name="risk")
    assert model_sources.preview_artifact(version=version, path="data/some file.txt").text == "hello"
    assert (
        b"".join(model_sources.open_artifact(version=version, path="requirements.txt").pieces)
        == FILES["requirements.txt"]
    )


def test_deleting_goes_through_to_mlflow_unless_it_is_deployed(client, person, holder):
    for _number in range(2):
        registrations.register(registration_id=staged(person).pk, holder=holder)
    model = RegisteredModel.objects.get(name="risk")
    first, second = model.versions.order_by("version")
    model_editing.set_aliases(user=person, version=first, aliases=["champion"])
    used = factories.deployment(model_version=second)
    with pytest.raises(NotAllowed, match="uses it"):
        model_editing.delete_model(user=person, model=model)
    model_editing.delete_version(user=person, version=first)
    assert [found.version for found in client.search_model_versions("name='risk'")] == ["2"]
    assert RegisteredModel.objects.get().aliases == {}
    used.endpoint.delete()
    model_editing.delete_model(user=person, model=model)
    assert client.search_registered_models("name='risk'") == []
    assert not RegisteredModel.objects.exists()


def test_descriptions_tags_and_aliases_reach_mlflow(client, person, holder):
    for _number in range(2):
        registrations.register(registration_id=staged(person).pk, holder=holder)
    model = RegisteredModel.objects.get(name="risk")
    first, second = model.versions.order_by("version")
    model_editing.edit_model(user=person, model=model, description="new", tags={"a": "1"})
    model_editing.edit_version(user=person, version=first, description="v", tags={"b": "2"})
    model_editing.set_aliases(user=person, version=first, aliases=["champion", "old"])
    first.registered_model.refresh_from_db()
    second.registered_model.refresh_from_db()
    assert model_editing.set_aliases(user=person, version=second, aliases=["champion"]) == ["champion"]
    found = client.get_registered_model("risk")
    assert (found.description, found.tags, found.aliases) == (
        "new",
        {"a": "1"},
        {"champion": "2", "old": "1"},
    )
    tags = client.get_model_version("risk", "1").tags
    assert tags == {"b": "2", registrations.MARK: tags[registrations.MARK]}
    models.follow_registry(now=timezone.now(), full=True)
    assert RegisteredModel.objects.get().aliases == {"champion": 2, "old": 1}


def test_one_that_was_deleted_in_mlflow_meanwhile_goes_from_the_mirror(client, person, holder):
    registrations.register(registration_id=staged(person).pk, holder=holder)
    client.delete_registered_model("risk")
    model_editing.delete_model(user=person, model=RegisteredModel.objects.get(name="risk"))
    assert not RegisteredModel.objects.exists()


def test_what_mlflow_refuses_fails_with_its_reason(client, person, store, holder):
    made = staged(person, name="a:b")
    registrations.register(registration_id=made.pk, holder=holder)
    made.refresh_from_db()
    assert made.status == "Failed"
    assert "MLflow refuses" in made.error
    assert files_left(store) == []
