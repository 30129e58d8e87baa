"""How long a job will take, from how long those before it took."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from studio.models import Deployment, Job

RUNS = 5


@dataclass(frozen=True)
class ExpectedTime:
    seconds: float
    runs: int  # that it was learnt from


@dataclass(frozen=True)
class _Run:
    """A job that completed: what its scorers worked in all, and what it took besides."""

    work_per_byte: float
    besides: float


def expected_time(
    *, deployment: Deployment, settings: dict[str, Any], size: int, minibatches: int
) -> ExpectedTime | None:
    """From the last jobs of this deployment that completed; None where there is none."""
    completed = Job.objects.filter(deployment=deployment, status=Job.Status.COMPLETED, bytes_total__gt=0)
    fields = ("settings", "bytes_total", "minibatches_total", "started_at", "finished_at", "summary")
    jobs = completed.exclude(started_at=None).newest_first().values(*fields)[:RUNS]
    slots = deployment.cluster.slots
    runs = [run for job in jobs if (run := _learnt(job, slots))]
    if not runs:
        return None
    work = median(run.work_per_byte for run in runs) * size
    seconds = median(run.besides for run in runs) + work / _at_once(settings, slots, minibatches)
    return ExpectedTime(seconds=seconds, runs=len(runs))


def _learnt(job: dict[str, Any], slots: int) -> _Run | None:
    work = sum(((job["summary"] or {}).get("seconds") or {}).values())
    if not work:
        return None
    took = (job["finished_at"] - job["started_at"]).total_seconds()
    besides = took - work / _at_once(job["settings"], slots, job["minibatches_total"])
    return _Run(work_per_byte=work / job["bytes_total"], besides=max(besides, 0))


def _at_once(settings: dict[str, Any], slots: int, minibatches: int) -> int:
    """Mini-batches that are scored at the same time, if all nodes come."""
    return max(1, min(settings["instance_count"] * (settings["max_concurrency"] or slots), minibatches))
