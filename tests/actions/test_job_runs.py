"""Completed jobs as runs of a real MLflow."""

from datetime import timedelta

import pytest
from django.utils import timezone

from studio import registry
from studio.actions import job_runs, sweep
from studio.models import Job
from tests import factories, running

pytestmark = pytest.mark.django_db
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def mlflow(settings):
    """Finds the runs of an endpoint in MLflow."""
    settings.MLFLOW_TRACKING_URI = settings.MLFLOW_ADDRESS = running.services.mlflow_uri
    registry._session.cache_clear()

    def runs(job):
        experiment = registry.ensure_experiment(name=job.endpoint_name)
        return registry.search_runs(experiment_id=experiment, words="", limit=10).get("runs", [])

    yield runs
    registry._session.cache_clear()


@pytest.fixture
def completed(store, person):
    now = timezone.now()
    return factories.job(
        Job.Status.COMPLETED,
        name=f"batchjob-{now.timestamp()}",
        endpoint_name=f"endpoint-{int(now.timestamp() * 1000)}",
        created_by=person,
        started_at=now - timedelta(seconds=20),
        finished_at=now - timedelta(seconds=10),
        run_due_at=now,
        rows_scored=500,
        rows_failed=7,
        files_total=4,
        files_failed=1,
    )


def log(job):
    job_runs.log_run(job_id=job.pk)
    job.refresh_from_db()
    return job


def due_again(job):
    Job.objects.filter(pk=job.pk).update(run_due_at=timezone.now(), mlflow_run_id="")


def values(found, what):
    return {one["key"]: one["value"] for one in found["data"][what]}


def test_a_run_has_the_settings_the_figures_and_the_places(mlflow, completed, settings):
    settings.STUDIO_ADDRESS = "https://studio.example.com"
    changed = {
        **completed.settings,
        "environment_variables": {"TOKEN": "hidden"},
        "pass_through": ["id", "day"],
    }
    Job.objects.filter(pk=completed.pk).update(settings=changed)
    job = log(completed)
    (found,) = mlflow(job)
    assert (found["info"]["run_id"], job.run_due_at) == (job.mlflow_run_id, None)
    assert (found["info"]["status"], found["info"]["run_name"]) == ("FINISHED", job.display_name)
    assert found["info"]["end_time"] - found["info"]["start_time"] == 10_000
    params, tags = values(found, "params"), values(found, "tags")
    assert (params["model"], params["deployment"]) == (job.model_label, job.deployment_name)
    assert (params["input"], params["output"]) == (job.input_label, job.output_label)
    assert (params["timeout"], params["max_concurrency"], params["pass_through"]) == ("30", "auto", "id, day")
    assert params["environment_variables"] == "TOKEN"
    assert "hidden" not in str(found)
    assert values(found, "metrics") == {
        "rows": 500,
        "failed_rows": 7,
        "files": 4,
        "failed_files": 1,
        "bytes": 0,
        "seconds": 10,
        "rows_per_second": 50,
    }
    assert tags["scoring_studio.job"] == job.name
    assert tags["scoring_studio.address"] == f"https://studio.example.com/jobs/{job.name}/"
    assert tags["mlflow.user"] == "ada"


def test_logged_twice_it_is_one_run(mlflow, completed):
    first = log(completed).mlflow_run_id
    due_again(completed)
    assert log(completed).mlflow_run_id == first
    (found,) = mlflow(completed)
    assert len(found["data"]["metrics"]) == 7


def test_whoever_comes_second_leaves_it_to_the_first(mlflow, completed):
    Job.objects.update(run_due_at=timezone.now() + timedelta(seconds=30))
    assert log(completed).mlflow_run_id == ""
    assert mlflow(completed) == []


def test_an_mlflow_that_is_away_is_asked_again_and_given_up_after_three_days(settings, completed):
    settings.MLFLOW_TRACKING_URI = NOBODY
    registry._session.cache_clear()
    job = log(completed)
    assert timedelta(seconds=50) < job.run_due_at - timezone.now() < timedelta(seconds=70)
    assert (job.status, job.mlflow_run_id) == ("Completed", "")
    Job.objects.update(finished_at=timezone.now() - timedelta(days=4), run_due_at=timezone.now())
    assert log(completed).run_due_at is None


def test_a_deleted_experiment_is_left_alone(mlflow, completed):
    experiment = registry.ensure_experiment(name=completed.endpoint_name)
    registry._call("POST", "experiments/delete", {"experiment_id": experiment})
    job = log(completed)
    assert (job.run_due_at, job.mlflow_run_id) == (None, "")


def test_the_sweep_brings_back_what_is_due(completed, monkeypatch):
    sent = []
    monkeypatch.setattr(job_runs, "enqueue", lambda task, **ids: sent.append((task, ids["job_id"])))
    later = factories.job(Job.Status.COMPLETED, run_due_at=timezone.now() + timedelta(minutes=1))
    sweep.sweep()
    assert sent == [("jobs.log_run", completed.pk)]
    assert later.pk != completed.pk
