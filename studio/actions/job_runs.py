"""A completed job as an MLflow run, in the experiment that is named after its endpoint."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from studio import registry
from studio.errors import NotFound, Unavailable
from studio.models import Job
from studio.queue import enqueue
from studio.registry import RegistryRefused

logger = logging.getLogger(__name__)

JOB_TAG = "scoring_studio.job"
AGAIN = timedelta(minutes=1)  # after an attempt that came to nothing
TRIED_FOR = timedelta(days=3)
AT_ONCE = 5  # of one sweep: what waits for an MLflow that is away must not fill the queue
LONGEST = 500  # characters of a parameter, in every version of MLflow


def enqueue_due_runs() -> None:
    for job_id in Job.objects.with_run_due().values_list("pk", flat=True)[:AT_ONCE]:
        enqueue("jobs.log_run", expires=AGAIN.total_seconds(), job_id=job_id)


def log_run(*, job_id: int) -> None:
    """Log the run of a job that is due; what is interrupted, or meets no MLflow, is due again a minute later."""
    if not Job.objects.with_run_due().filter(pk=job_id).update(run_due_at=Now() + AGAIN):
        return  # somebody else does it
    job = Job.objects.select_related("created_by", "input_asset__asset").get(pk=job_id)
    try:
        run_id = _log(job)
    except (Unavailable, NotFound) as reason:
        if job.finished_at and job.finished_at < timezone.now() - TRIED_FOR:
            _give_up(job, reason)
        return
    except RegistryRefused as reason:
        _give_up(job, reason)
        return
    Job.objects.filter(pk=job_id).update(mlflow_run_id=run_id, run_due_at=None)


def _give_up(job: Job, reason: Exception) -> None:
    logger.warning(
        "a job is not logged as a run: %s", reason, extra={"action": "run_given_up", "job": job.name}
    )
    Job.objects.filter(pk=job.pk).update(run_due_at=None)


def _log(job: Job) -> str:
    assert job.started_at, "a completed job was begun"
    assert job.finished_at, "a completed job has ended"
    experiment = registry.ensure_experiment(name=job.endpoint_name)
    # An earlier attempt may have made it and died before it was noted.
    run_id = registry.find_run(experiment_id=experiment, tag=JOB_TAG, value=job.name)
    if run_id is None:
        run_id = registry.create_run(
            experiment_id=experiment,
            name=job.display_name,
            began=_milliseconds(job.started_at),
            tags=_tags(job),
        )
    ended = _milliseconds(job.finished_at)
    registry.log_run(run_id=run_id, params=_params(job), metrics=_metrics(job), at=ended)
    registry.finish_run(run_id=run_id, ended=ended)
    return run_id


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _tags(job: Job) -> dict[str, str]:
    page = settings.STUDIO_ADDRESS + reverse("jobs:detail", args=[job.name])
    person = {"mlflow.user": job.created_by.get_username()} if job.created_by else {}
    return {JOB_TAG: job.name, "scoring_studio.address": page, **person}


def _params(job: Job) -> dict[str, str]:
    settings_ = {name: _in_words(value) for name, value in job.settings.items()}
    # Their values may be secret.
    settings_["environment_variables"] = ", ".join(job.settings.get("environment_variables", {}))
    known = {
        "endpoint": job.endpoint_name,
        "deployment": job.deployment_name,
        "model": job.model_label,
        "model_uri": job.spec["model_uri"],
        "cluster": job.cluster_name,
        "input": job.input_label,
        "output": job.output_label,
    }
    return {name: value[:LONGEST] for name, value in (known | settings_).items()}


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "auto" if value is None else str(value)


def _metrics(job: Job) -> dict[str, float]:
    measured: dict[str, float | None] = {
        "rows": job.rows_scored,
        "failed_rows": job.rows_failed,
        "files": job.files_total,
        "failed_files": job.files_failed,
        "bytes": job.bytes_total,
        "seconds": job.duration,
        "rows_per_second": job.rows_per_second,
    }
    return {name: float(value) for name, value in measured.items() if value is not None}
