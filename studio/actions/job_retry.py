"""*Retry failed*: a new job that takes over what another one has scored, and scores the rest."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio.actions import events
from studio.errors import NotAllowed, NotFound
from studio.models import Job, MiniBatch
from studio.permissions import check_can_retry_job
from studio.queue import enqueue
from studio.stores import Store, open_store

AT_ONCE = 2000  # mini-batches that are copied in one statement
COPIED = (
    "endpoint",
    "endpoint_name",
    "deployment",
    "deployment_name",
    "model_label",
    "cluster",
    "cluster_name",
    "spec",
    "settings",
    "setting_origins",
    "input_datastore",
    "input_path",
    "input_asset",
    "input_label",
    "output_datastore",
    "output_datastore_name",
)


@dataclass(frozen=True, kw_only=True)
class RetryPlan:
    """What a retry would do, for the person who is asked."""

    runs: int  # mini-batches to score
    takes: int  # mini-batches to take over
    problem: str = ""  # why it would fail at once, as a sentence


def retry_plan(*, job: Job) -> RetryPlan:
    taken = job.minibatches.scored_whole()
    takes = taken.count()
    problem, threshold = "", job.settings["error_threshold"]
    if threshold >= 0:
        again = len({path for paths in taken.values_list("failed_files", flat=True) for path in paths})
        if again > threshold:
            problem = ngettext(
                "%(count)s of its files has rows that would fail again, more than its error threshold of"
                " %(threshold)s. Resubmit it with a higher one.",
                "%(count)s of its files have rows that would fail again, more than its error threshold of"
                " %(threshold)s. Resubmit it with a higher one.",
                again,
            ) % {"count": again, "threshold": threshold}
    return RetryPlan(runs=job.minibatches_total - takes, takes=takes, problem=problem)


def retry_job(*, user: User, job: Job, key: uuid.UUID | None = None) -> Job:
    """Create the job that scores what this one has not, once for each `key`. Raises NotAllowed, NotFound."""
    key = key or uuid.uuid4()
    first = Job.objects.filter(idempotency_key=key).first()
    if first:
        return first
    name = f"batchjob-{uuid.uuid4()}"
    try:
        with transaction.atomic():
            # Locked as delete_job() and the sweep lock it, so that its parts are still there afterwards.
            kept = Job.objects.select_for_update(no_key=True).filter(pk=job.pk).first()
            if kept is None:
                raise NotFound(_("The job was deleted meanwhile."))
            check_can_retry_job(user, kept)
            problem = retry_plan(job=kept).problem
            if problem:
                raise NotAllowed(problem)
            retry = Job.objects.create(
                name=name,
                display_name=f"{kept.display_name[:249]}_retry",
                idempotency_key=key,
                retry_of=kept,
                output_path=f"azureml/{name}/score",
                created_by=user,
                **_copied(kept),
            )
            events.record(actor=user, action="job.retry", subject=retry.name, of=kept.name)
            enqueue("jobs.prepare", job_id=retry.pk)
    except IntegrityError:
        first = Job.objects.filter(idempotency_key=key).first()
        if first is None:
            raise
        return first
    return retry


def _copied(kept: Job) -> dict[str, Any]:
    values = {name: getattr(kept, name) for name in COPIED}
    # What is taken over is divided well; with this it would all be planned anew.
    values["spec"] = {key: value for key, value in kept.spec.items() if key != Job.READS_TO_DIVIDE}
    return values


@dataclass
class TakenOver:
    """What a retry begins with: the counters of the job."""

    minibatches: int = 0
    files: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    counters: dict[str, int] = field(
        default_factory=lambda: {
            "minibatches_done": 0,
            "bytes_total": 0,
            "bytes_done": 0,
            "bytes_taken": 0,
            "rows_scored": 0,
            "rows_taken": 0,
            "rows_failed": 0,
        }
    )

    @property
    def fields(self) -> dict[str, int]:
        return {**self.counters, "files_total": len(self.files), "files_failed": len(self.failed)}

    def add(self, minibatch: MiniBatch) -> None:
        self.minibatches += 1
        self.files.update(one["path"] for one in minibatch.slices)
        self.failed.update(minibatch.failed_files)
        found = {"bytes_total": minibatch.bytes}
        if minibatch.report is not None:
            found |= {
                "minibatches_done": 1,
                "bytes_done": minibatch.bytes,
                "bytes_taken": minibatch.bytes,
                "rows_scored": minibatch.rows_scored,
                "rows_taken": minibatch.rows_scored,
                "rows_failed": minibatch.rows_failed,
            }
        for name, count in found.items():
            self.counters[name] += count


def take_over(*, job: Job) -> TakenOver:
    """Give `job` the plan of the job that it retries, completed where a part of that is still there.

    Part of the transaction that lets the nodes at it. The parts stay where they lie.
    """
    assert job.retry_of is not None, "only a retry takes over"
    store, taken = open_store(job.output_datastore), TakenOver()
    earlier = job.retry_of.minibatches.in_plan_order().iterator(chunk_size=AT_ONCE)
    for some in _in_lots(earlier):
        copies = [_copy(job, store, one) for one in some]
        for copy in copies:
            taken.add(copy)
        MiniBatch.objects.bulk_create(copies)
    return taken


def _in_lots(rows: Iterator[MiniBatch]) -> Iterator[list[MiniBatch]]:
    while lot := list(islice(rows, AT_ONCE)):
        yield lot


def _copy(job: Job, store: Store, earlier: MiniBatch) -> MiniBatch:
    planned: dict[str, Any] = {
        "job": job,
        "number": earlier.number,
        "slices": earlier.slices,
        "bytes": earlier.bytes,
        "rows_scored": 0,
        "rows_failed": 0,
    }
    if not earlier.is_scored_whole or not _is_there(store, earlier.part or {}):
        return MiniBatch(**planned)
    found = {
        "rows_scored": earlier.rows_scored,
        "rows_failed": earlier.rows_failed,
        "failed_files": earlier.failed_files,
    }
    return MiniBatch(
        **planned | found,
        status=MiniBatch.Status.COMPLETED,
        part=earlier.part,
        report=earlier.report,
        finished_at=Now(),
    )


def _is_there(store: Store, part: dict[str, Any]) -> bool:
    """Only looked at here: finalizing holds the checksum against it."""
    noted = [part, part["errors"]] if part.get("errors") else [part]
    found = ((store.stat(note["path"]), note["size"]) for note in noted if note)
    return bool(part) and all(item is not None and item.size == size for item, size in found)
