"""A node at work with real scorers: what a model does to one file costs that file alone."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from scoring.plan import whole
from scoring.requirements import EnvironmentSpec
from studio.actions import minibatches, nodes
from studio.actions.finalizing import finalize_job
from studio.actions.inputs import list_input
from studio.models import Job, MiniBatch
from tests import factories
from tests.scoring.conftest import odd_model  # noqa: F401

pytestmark = pytest.mark.django_db
SPEC = EnvironmentSpec.of(python="3.11", lines=["mlflow"])


@pytest.fixture
def home(settings, tmp_path, odd_model):  # noqa: F811
    """A STUDIO_HOME that has the odd model, and this Python as its environment."""
    settings.STUDIO_HOME = tmp_path / "home"
    environment = settings.STUDIO_HOME / "environments" / SPEC.key
    (environment / "bin").mkdir(parents=True)
    (environment / "ready.json").write_text(json.dumps({"notes": []}))
    python = environment / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    shutil.copytree(odd_model, settings.STUDIO_HOME / "models" / "odd")


@pytest.fixture
def node(home):
    made = nodes.NodeAtWork(cluster_name=factories.cluster(slots=1, slot_memory=4 << 30).name)
    made.interval = 3600  # a heartbeat has a connection of its own, which sees nothing of this test
    yield made
    made.leave()


def job_over(node, store, acts, **settings):
    """A job of one mini-batch with a file for each act of the model, of two rows; one of an `echo` is no number."""
    files = {
        f"{n}-{act}.csv": f"act,value\n{act},{n}.5\n{act},{'no' if act == 'echo' else '1'}\n"
        for n, act in enumerate(acts)
    }
    asset = factories.data_asset(store, files)
    deployment = factories.deployment(cluster=node.row.cluster)
    spec = {"environment": SPEC.to_dict(), "model_uri": "", "model_key": "odd", "signature": None}
    job = factories.job(
        Job.Status.RUNNING, deployment=deployment, datastore=store, input_path=asset.path, spec=spec
    )
    settings = {**job.settings, "max_retries": 0, **settings}
    Job.objects.filter(pk=job.pk).update(settings=settings, files_total=len(files))
    slices = [whole(file).to_dict() for file in list_input(datastore=store, path=asset.path)]
    factories.minibatch(job, slices=slices)
    job.refresh_from_db()
    return job


def outputs(job):
    folder = Path(job.output_datastore.options["root"]) / job.output_path
    return {path.name: path.read_text() for path in folder.iterdir()}


def claim(node):
    return minibatches.claim_minibatch(node=node.row, slot=1)


def worked(node, job):
    node._score_all(1)
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    return job.minibatches.get()


def test_only_the_files_that_the_model_fails_on_are_lost(node, store):
    acts = ["list", "raise", "echo", "crash", "list", "spin", "echo"]
    job = job_over(node, store, acts, timeout=3, error_threshold=5)
    minibatch = worked(node, job)
    assert (minibatch.error, minibatch.status, minibatch.files_unscored) == (
        "",
        MiniBatch.Status.COMPLETED,
        3,
    )
    assert (job.files_unscored, job.rows_scored, job.rows_failed) == (3, 6, 2)
    assert job.status_label == "Completed, 5 of 7 files failed"
    assert job.error.startswith("5 of 7 files failed. ValueError: the feature store is closed")
    assert job.error_input == "1-raise.csv"
    assert "odd_model.py" in job.traceback
    written = outputs(job)
    assert written["predictions.csv"].splitlines()[1:] == [
        "0,0.5,0-list.csv",
        "1,1,0-list.csv",
        "0,2.5,2-echo.csv",
        "0,4.5,4-list.csv",
        "1,1,4-list.csv",
        "0,6.5,6-echo.csv",
    ]
    failed = written["errors.csv"].splitlines()
    assert failed[1].startswith("1-raise.csv,,file,ValueError: the feature store is closed")
    assert failed[2].startswith("3-crash.csv,,file,The model's process was ended by SIGSEGV.")
    assert failed[3].startswith("5-spin.csv,,file,Scoring the mini-batch took longer than 3 seconds")
    assert [line.split(",")[:3] for line in failed[4:]] == [[f"{n}-echo.csv", "1", "cast"] for n in (2, 6)]


def test_a_mini_batch_all_of_whose_files_fail_has_failed(node, store):
    job = job_over(node, store, ["raise", "raise"])
    minibatch = worked(node, job)
    assert (minibatch.status, minibatch.attempts) == (MiniBatch.Status.FAILED, 1)
    assert (job.status, job.minibatches_failed, job.files_unscored, job.files_failed) == ("Failed", 1, 0, 2)


def test_files_are_isolated_by_the_last_attempt_and_a_lost_node_is_none(node, store):
    job = job_over(node, store, ["raise", "list"], max_retries=1)
    lost = claim(node)
    MiniBatch.objects.update(lease_until="2026-01-01T00:00:00Z")
    minibatches.recover_lost(minibatch_id=lost.pk, lease=lost.lease)
    node._score(1, claim(node))
    waiting = job.minibatches.get()
    assert (waiting.status, waiting.attempts, waiting.losses) == (MiniBatch.Status.WAITING, 1, 1)
    assert worked(node, job).files_unscored == 1
