"""kill -9 in the middle of the work: every row is there, once."""

import textwrap
from pathlib import Path

import pandas as pd
import pytest

from tests.journeys.running import RunningStudio
from tests.journeys.steps import wait_for_model
from tests.proving import kills

SLOW_MODEL = """
import pandas as pd
from mlflow.models import infer_signature

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import time
        time.sleep({seconds})
        return model_input["x"] * 2

frame = pd.DataFrame({{"x": [1.0, 2.0]}})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model", python_model=Slow(), registered_model_name={name!r},
        signature=infer_signature(frame, frame["x"]),
        pip_requirements=["mlflow==3.17.2", "pandas==3.1.1", "numpy==2.4.6"],
    )
"""
SUBMIT = """
from django.contrib.auth import get_user_model
from scoring.settings import ScoringSettings
from studio.actions.datastores import default_datastore
from studio.actions.endpoints import create_deployment
from studio.actions.jobs import JobRequest, submit_job
from studio.models import Cluster, Deployment, Endpoint, ModelVersion
import time

admin = get_user_model().objects.get(username="admin")
deployment = Deployment.objects.filter(endpoint__name={name!r}).first()
if deployment is None:
    deployment = create_deployment(
        user=admin, endpoint=None, new_endpoint={{"name": {name!r}}}, name="slow",
        model_version=ModelVersion.objects.get(registered_model__name={name!r}),
        cluster=Cluster.objects.get(name="cpu-cluster"), settings=ScoringSettings(mini_batch_size=1, timeout=300),
    )
while not deployment.finished_at:
    time.sleep(0.2)
    deployment.refresh_from_db()
assert deployment.is_ready, deployment.error + deployment.log
job = submit_job(user=admin, request=JobRequest(
    deployment=deployment, input_datastore=default_datastore(), input_path={path!r}))
print(job.name)
"""


def register(studio: RunningStudio, name: str, seconds: float) -> None:
    studio.in_notebook(textwrap.dedent(SLOW_MODEL).format(name=name, seconds=seconds))
    wait_for_model(studio, name)


def found(studio: RunningStudio, job: str) -> list[tuple[str, int, float]]:
    rows = pd.read_csv(studio.output(job))[["file_name", "row", "prediction"]]
    return list(rows.itertuples(index=False, name=None))


@pytest.mark.journey
def test_kill_of_the_node_in_the_middle_of_a_job(studio: RunningStudio) -> None:
    folder = studio.home / "datastore" / "killed-node"
    folder.mkdir(parents=True)
    for number in range(12):
        rows = "".join(f"{number * 10 + row}\n" for row in range(10))
        (folder / f"file-{number:02}.csv").write_text(f"x\n{rows}")
    register(studio, "killed-node", 0.6)
    job = studio.run(SUBMIT.format(name="killed-node", path="killed-node"))
    done = "SELECT minibatches_done FROM studio_job WHERE name = %s AND minibatches_done >= 2"
    studio.wait_for(lambda: studio.query(done, job), seconds=40, every=0.02)
    studio.child("manage.py node --cluster cpu-cluster").kill()
    assert studio.job(job)["status"] == "Running"
    studio.wait_for(lambda: studio.job(job)["status"] == "Completed", seconds=90)
    expected = [
        (f"file-{number:02}.csv", row, 2.0 * (number * 10 + row)) for number in range(12) for row in range(10)
    ]
    assert found(studio, job) == expected
    of_job = "FROM studio_minibatch b JOIN studio_job j ON j.id = b.job_id WHERE j.name = %s"
    losses, attempts = studio.query(f"SELECT sum(losses), sum(attempts) {of_job}", job)[0]
    assert losses >= 1
    assert attempts == 0


@pytest.mark.journey
def test_kill_of_the_control_worker_in_the_middle_of_finalizing(studio: RunningStudio) -> None:
    folder = studio.home / "datastore" / "killed-control"
    folder.mkdir(parents=True)
    rows = 400_000
    for number in range(6):
        (folder / f"file-{number}.csv").write_text("x\n" + "".join(f"{row}\n" for row in range(rows)))
    register(studio, "killed-control", 0)
    job = studio.run(SUBMIT.format(name="killed-control", path="killed-control"))
    studio.wait_for(lambda: studio.job(job)["status"] == "Finalizing", seconds=120, every=0.01)
    studio.child("-Q control").kill()
    assert studio.job(job)["status"] == "Finalizing"
    assert not studio.output(job).exists()
    studio.wait_for(lambda: studio.job(job)["status"] == "Completed", seconds=90)
    assert found(studio, job) == [
        (f"file-{number}.csv", row, 2.0 * row) for number in range(6) for row in range(rows)
    ]
    assert studio.query("SELECT drives FROM studio_job WHERE name = %s", job) == [(2,)]


@pytest.mark.journey
def test_jobs_survive_whatever_is_killed_under_them(studio: RunningStudio) -> None:
    """Five of the rounds of `make prove`, one of each harm."""
    seen = list(kills.rounds(studio, count=5, seed=7))
    assert {one.harm for one in seen} == set(kills.HARMS)
    assert [one for one in seen if not one.same] == []


@pytest.mark.journey
def test_what_people_wait_for_goes_before_what_scores(studio: RunningStudio) -> None:
    def niceness(words: str) -> set[int]:
        """Of the process, and of its session where this Linux shares a core among sessions."""
        process, *_ = studio.wait_for(lambda: studio.processes(words))
        session = Path(f"/proc/{process.pid}/autogroup")
        told = int(session.read_text().split()[-1]) if session.exists() else process.nice()
        return {process.nice(), told}

    for words in ("-Q control", "manage.py node --cluster cpu-cluster", "scoring/scorer"):
        assert studio.wait_for(lambda words=words: niceness(words) == {10}, seconds=10)
    for words in ("gunicorn", "bin/postgres", "valkey-server"):
        assert max(niceness(words)) < 10
