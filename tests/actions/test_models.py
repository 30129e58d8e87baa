"""The mirror of MLflow's registry, against a real MLflow server."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from studio.actions import models
from studio.errors import Unavailable
from studio.models import ModelVersion, RegisteredModel, RegistryState
from tests import factories, running

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore")]
MLMODEL = {
    "flavors": {
        "python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.11.7"},
        "sklearn": {"sklearn_version": "1.9.1"},
    },
    "mlflow_version": "3.17.2",
    "model_size_bytes": 1234,
    "signature": {"inputs": '[{"type": "double", "name": "x", "required": true}]', "outputs": None},
}


@pytest.fixture(scope="module")
def address() -> str:
    return running.services.mlflow_uri


@pytest.fixture
def client(address: str, settings: Any, tmp_path: Path) -> Iterator[Any]:
    """MLflow's client, on a registry that is empty again afterwards."""
    settings.MLFLOW_TRACKING_URI = address
    models.registry.cache_clear()
    made = models.registry()
    yield made
    for found in made.search_registered_models():
        made.delete_registered_model(found.name)
    models.registry.cache_clear()


def register(client: Any, folder: Path, name: str, description: dict[str, Any] | None) -> None:
    """A model as a run logs it; without `description` a folder that is none."""
    files = folder / name
    files.mkdir(exist_ok=True)
    (files / "requirements.txt").write_text("mlflow==3.17.2\nscikit-learn==1.9.1\n")
    if description is not None:
        (files / "MLmodel").write_text(json.dumps(description))
    run = client.create_run("0", tags={"mlflow.user": "ada"})
    client.log_artifacts(run.info.run_id, str(files), "model")
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name, tags={"team": "health"})
    client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)


def follow(**fields: Any) -> None:
    models.follow_registry(now=timezone.now(), **fields)


def test_a_registered_model_is_mirrored_with_what_its_files_say(client, tmp_path):
    register(client, tmp_path, "risk", MLMODEL)
    client.set_registered_model_alias("risk", "champion", "1")
    follow()
    version = ModelVersion.objects.get(registered_model__name="risk")
    assert (version.type, version.flavors, version.size) == ("MLFLOW", ["sklearn"], 1234)
    assert version.signature["inputs"] == [{"name": "x", "type": "double", "required": True}]
    assert "scikit-learn==1.9.1" in version.environment_files["requirements.txt"]
    assert version.created_by == "ada"
    assert version.registered_model.aliases == {"champion": 1}
    assert version.registered_model.tags == {"team": "health"}


def test_models_that_cannot_be_scored_are_custom_and_say_why(client, tmp_path):
    register(client, tmp_path, "no-mlmodel", None)
    register(client, tmp_path, "no-pyfunc", {**MLMODEL, "flavors": {"onnx": {}}})
    follow()
    why = dict(ModelVersion.objects.values_list("registered_model__name", "why_custom"))
    assert "no MLmodel file" in why["no-mlmodel"]
    assert "no python_function flavor" in why["no-pyfunc"]
    assert set(ModelVersion.objects.values_list("type", flat=True)) == {"CUSTOM"}


def test_an_odd_model_does_not_hide_the_others(client, tmp_path):
    odd = {**MLMODEL, "model_size_bytes": "lots", "mlflow_version": "x" * 99}
    odd["flavors"] = {"python_function": {"python_version": "3.11" + "1" * 50}, "a\\u0000b": {}}
    register(client, tmp_path, "plain", MLMODEL)
    register(client, tmp_path, "odd", odd)
    follow()
    assert set(ModelVersion.objects.values_list("registered_model__name", flat=True)) == {"plain", "odd"}
    assert RegistryState.current().error == ""


def test_a_later_pass_sees_only_what_changed(client, tmp_path):
    register(client, tmp_path, "first", MLMODEL)
    follow()
    register(client, tmp_path, "second", MLMODEL)
    register(client, tmp_path, "first", MLMODEL)
    follow()
    found = ModelVersion.objects.order_by("registered_model__name", "version")
    assert [str(version) for version in found] == ["first:1", "first:2", "second:1"]


def test_a_full_pass_forgets_what_was_deleted_but_not_what_is_deployed(client, tmp_path):
    for name in ("gone", "deployed", "kept"):
        register(client, tmp_path, name, MLMODEL)
    follow()
    factories.deployment(model_version=ModelVersion.objects.get(registered_model__name="deployed"))
    client.delete_registered_model("gone")
    client.delete_registered_model("deployed")
    client.set_registered_model_alias("kept", "late", "1")
    follow(full=True)
    names = RegisteredModel.objects.filter(name__in=["gone", "deployed", "kept"]).values_list(
        "name", flat=True
    )
    assert set(names) == {"deployed", "kept"}
    assert RegisteredModel.objects.get(name="kept").aliases == {"late": 1}


def test_a_name_that_was_deleted_and_used_again_is_another_model(client, tmp_path):
    register(client, tmp_path, "again", MLMODEL)
    follow()
    first = ModelVersion.objects.get().key
    client.delete_registered_model("again")
    register(client, tmp_path, "again", {**MLMODEL, "model_size_bytes": 99})
    follow()
    version = ModelVersion.objects.get()
    assert version.size == 99
    assert version.key != first


def test_mlflow_being_away_is_said_and_changes_nothing(client, tmp_path, settings):
    register(client, tmp_path, "kept", MLMODEL)
    follow()
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"
    models.registry.cache_clear()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 does not answer"):
        follow()
    assert "does not answer" in RegistryState.current().error
    assert ModelVersion.objects.count() == 1


def test_somebody_who_looks_at_the_models_brings_a_pass_soon(monkeypatch):
    asked = []
    monkeypatch.setattr(models, "enqueue", lambda task, **options: asked.append(task))
    models.follow_soon(now=timezone.now())
    RegistryState.report()
    models.follow_soon(now=timezone.now())
    models.follow_soon(now=timezone.now() + timedelta(seconds=3))
    assert asked == ["models.follow_registry"] * 2
