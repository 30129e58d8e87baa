import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoring.plan import whole
from scoring.requirements import EnvironmentSpec
from studio.actions import scorers
from studio.actions.inputs import list_input
from studio.actions.nodes import NodeAtWork
from studio.models import Job
from tests import factories
from tests.scoring.conftest import ODD_MODEL, mlflow_quietly

SPEC = EnvironmentSpec.of(python="3.11", lines=["mlflow"])


@pytest.fixture(scope="session")
def save_odd_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves the model that does what the column `act` of its first row says; see odd_model.py."""

    def save(input_example: pd.DataFrame | None = None) -> Path:
        path = tmp_path_factory.mktemp("odd-model") / "odd"
        with mlflow_quietly() as mlflow:
            example = pd.DataFrame({"act": ["echo"], "value": [1.5]})
            mlflow.pyfunc.save_model(
                path,
                python_model=str(ODD_MODEL),
                signature=mlflow.models.infer_signature(example, [1.5]),
                pip_requirements=["mlflow"],
                input_example=input_example,
            )
        return path

    return save


@pytest.fixture(scope="session")
def odd_model(save_odd_model: Callable[..., Path]) -> Path:
    return save_odd_model()


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A STUDIO_HOME where SPEC is built: as this Python. One for all tests, since their warm scorers belong to it."""
    folder = tmp_path_factory.mktemp("home")
    environment = folder / "environments" / SPEC.key
    (environment / "bin").mkdir(parents=True)
    (environment / "ready.json").write_text(json.dumps({"notes": []}))
    python = environment / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    yield folder
    scorers.pool().close()


@pytest.fixture
def home(settings: Any, built_home: Path) -> Callable[[Path], str]:
    """Call it to have a model in the STUDIO_HOME of built_home(), by the key it gives."""
    settings.STUDIO_HOME = built_home

    def keep(model: Path) -> str:
        key = model.parent.name
        shutil.copytree(model, built_home / "models" / key, dirs_exist_ok=True)
        return key

    return keep


@pytest.fixture
def node(db: None) -> Iterator[NodeAtWork]:
    """Its scorers stay warm for the next test."""
    made = NodeAtWork(cluster_name=factories.cluster(slots=1, slot_memory=4 << 30).name)
    made.interval = 3600  # a heartbeat has a connection of its own, which sees nothing of this test
    yield made
    made.stopping.set()
    for slot in made.slots:
        slot.forget()


def spec_of(model_key: str) -> dict[str, Any]:
    """Job.spec with a model that home() keeps."""
    return {
        "environment": SPEC.to_dict(),
        "model_uri": "",
        "model_key": model_key,
        "signature": factories.signature(),
    }


@pytest.fixture
def job_of(node: NodeAtWork, store: Any, home, odd_model) -> Callable[..., Job]:
    """Makes jobs of one mini-batch with these files."""
    spec = spec_of(home(odd_model))

    def make(files: dict[str, str | bytes], **settings: Any) -> Job:
        asset = factories.data_asset(store, files)
        deployment = factories.deployment(cluster=node.row.cluster)
        job = factories.job(
            Job.Status.RUNNING, deployment=deployment, datastore=store, input_path=asset.path, spec=spec
        )
        changed = {**job.settings, "max_retries": 0, **settings}
        Job.objects.filter(pk=job.pk).update(settings=changed, files_total=len(files))
        slices = [whole(file).to_dict() for file in list_input(datastore=store, path=asset.path)]
        factories.minibatch(job, slices=slices)
        job.refresh_from_db()
        return job

    return make


@pytest.fixture
def job_over(job_of: Callable[..., Job]) -> Callable[..., Job]:
    """Makes jobs of one mini-batch: a file of two rows for each act of the model; one of an `echo` is no number."""

    def make(acts: list[str], **settings: Any) -> Job:
        files: dict[str, str | bytes] = {
            f"{n}-{act}.csv": f"act,value\n{act},{n}.5\n{act},{'no' if act == 'echo' else '1'}\n"
            for n, act in enumerate(acts)
        }
        return job_of(files, **settings)

    return make
