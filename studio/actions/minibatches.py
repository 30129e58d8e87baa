"""The mini-batch between database and node: claimed, recorded once, given back.

Each function locks the job's row first, then the mini-batch's, so no two of them wait for each other.
"""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio.actions.jobs import fail_job, settle_cancel
from studio.models import Job, MiniBatch, Node
from studio.models.states import MoveRefused
from studio.queue import enqueue, wake

LOOKED_AT = (
    "name",
    "status",
    "settings",
    "waiting_for",
    "cluster",
    "files_total",
    "files_failed",
    "minibatches_total",
    "minibatches_done",
)
COUNTERS = (
    "minibatches_total",
    "minibatches_done",
    "minibatches_failed",
    "bytes_done",
    "rows_scored",
    "rows_failed",
    "files_failed",
    "files_unscored",
    "bytes_taken",
    "rows_taken",
    "drives",
)
MAX_LOSSES = 10  # nodes that may die under one mini-batch before it is taken for the cause


def claim_minibatch(*, node: Node, slot: int) -> MiniBatch | None:
    """The next mini-batch for a slot: of the job with the fewest running first, within the jobs' limits."""
    for job_id in _jobs_with_work(node):
        try:
            with transaction.atomic():
                claimed = _next_of(_locked(job_id), node, slot)
        except MoveRefused:
            continue
        if claimed:
            return claimed
    return None


def _jobs_with_work(node: Node) -> list[int]:
    of_job = MiniBatch.objects.filter(job=OuterRef("pk"))
    running = of_job.running().order_by().values("job").annotate(n=Count("pk")).values("n")
    wanted = Node.objects.wanted().filter(pk=node.pk)
    jobs = (
        Job.objects.filter(cluster=node.cluster_id, status=Job.Status.RUNNING)
        .filter(Exists(wanted), Exists(of_job.waiting()))
        .annotate(running=Coalesce(Subquery(running), 0))
        .order_by("running", "created_at")
    )
    return list(jobs.values_list("pk", flat=True))


def _locked(job_id: int) -> Job:
    """With little more than what is looked at here. Raises MoveRefused for a job that was deleted meanwhile."""
    try:
        return Job.objects.only(*LOOKED_AT).select_for_update(no_key=True).get(pk=job_id)
    except Job.DoesNotExist:
        raise MoveRefused(_("The job was deleted meanwhile.")) from None


def _next_of(job: Job, node: Node, slot: int, *, ahead: bool = False) -> MiniBatch | None:
    """Of a job that is locked, within its limits. `ahead`: the slot is busy, and scores it next."""
    if job.status != Job.Status.RUNNING:
        return None
    held = list(job.minibatches.running().values_list("node", "slot"))
    busy = set(held)
    here = {number for name, number in busy if name == node.name}
    if slot not in here and len(here) >= (job.settings["max_concurrency"] or node.slots):
        return None
    if not here and len({name for name, _number in busy}) >= job.settings["instance_count"]:
        return None
    waiting = job.minibatches_total - job.minibatches_done - len(held)
    if ahead and waiting < 2 * len(busy):
        return None  # near the end of a job, slots that are free shall find some
    minibatch = job.minibatches.waiting().in_order_of_work().first()
    if minibatch is None:
        return None
    minibatch.move_to(
        MiniBatch.Status.RUNNING,
        node=node.name,
        slot=slot,
        started_at=Now(),
        **MiniBatch.taken_by(node.name),
    )
    if job.waiting_for:
        Job.objects.filter(pk=job.pk).update(waiting_for="")
    return minibatch


@transaction.atomic
def claim_ahead(*, minibatch: MiniBatch, node: Node) -> MiniBatch | None:
    """The one that the slot which scores `minibatch` is to score next, if the job has plenty left."""
    assert minibatch.slot is not None, "it was claimed for a slot"
    try:
        return _next_of(_locked(minibatch.job_id), node, minibatch.slot, ahead=True)
    except MoveRefused:
        return None


@transaction.atomic
def record_minibatch(*, minibatch: MiniBatch, **scored: Any) -> None:
    """Note a finished mini-batch, of which `scored` is what _record() says.

    Raises MoveRefused when its lease has gone to somebody else.
    """
    _record(_locked(minibatch.job_id), minibatch, **scored)


@transaction.atomic
def record_and_claim(
    *, minibatch: MiniBatch, node: Node, ahead: bool = False, **scored: Any
) -> MiniBatch | None:
    """record_minibatch(), and then the next one of its job for the same slot, if there is one: under one lock.

    `ahead`: the slot scores another one already.
    """
    job = _locked(minibatch.job_id)
    _record(job, minibatch, **scored)
    assert minibatch.slot is not None, "it was claimed for a slot"
    return _next_of(job, node, minibatch.slot, ahead=ahead)


def _record(
    job: Job,
    minibatch: MiniBatch,
    *,
    part: dict[str, Any],
    report: dict[str, Any],
    seconds: float,
    ago: float,
) -> None:
    """`seconds` is how long it was scored, `ago` the seconds since that was over."""
    slices = report["slices"]
    rows, errors = sum(one["rows"] for one in slices), sum(one["errors"] for one in slices)
    planned = zip(minibatch.slices, slices, strict=True)
    failed = [file for file, one in planned if one["errors"] or one["failed"]]
    newly_failed = _newly_failed(minibatch, failed)
    minibatch.move_to(
        MiniBatch.Status.COMPLETED,
        held=minibatch.lease,
        part=part,
        report=report,
        rows_scored=rows,
        rows_failed=errors,
        failed_files=[file["path"] for file in failed],
        files_unscored=sum(1 for one in slices if one["failed"]),
        started_at=Now() - timedelta(seconds=ago + seconds),
        finished_at=Now() - timedelta(seconds=ago),
        **MiniBatch.RELEASED,
    )
    _count(
        job,
        minibatches_done=1,
        bytes_done=minibatch.bytes,
        rows_scored=rows,
        rows_failed=errors,
        files_failed=newly_failed,
        files_unscored=minibatch.files_unscored,
    )


def _count(job: Job, *, minibatches_done: int, files_failed: int, **more: int) -> None:
    """Add one finished mini-batch to the job, which is locked, and see whether that ends it."""
    job.minibatches_done += minibatches_done
    job.files_failed += files_failed
    added = {name: F(name) + amount for name, amount in more.items()}
    Job.objects.filter(pk=job.pk).update(
        minibatches_done=job.minibatches_done, files_failed=job.files_failed, recorded_at=Now(), **added
    )
    _after_recording(job)


def _newly_failed(minibatch: MiniBatch, files: list[dict[str, Any]]) -> int:
    """How many of these files of `minibatch` have not failed before: a divided file counts once."""
    others = MiniBatch.objects.filter(job=minibatch.job_id).exclude(pk=minibatch.pk)
    return sum(
        1
        for file in files
        if not (file["start"] or file["end"])
        or not others.filter(failed_files__contains=[file["path"]]).exists()
    )


@transaction.atomic
def fail_attempt(
    *,
    minibatch: MiniBatch,
    error: str,
    error_input: str = "",
    traceback: str = "",
    is_final: bool = False,
    is_of_every_minibatch: bool = False,
) -> None:
    """Note an attempt that failed: again later, or failed for good when its retries are used up.

    `is_final` is for causes that another attempt cannot mend; `is_of_every_minibatch` for a model that cannot be
    loaded, which then fails the job instead of each mini-batch in turn. Raises MoveRefused when the lease is lost.
    """
    job = _locked(minibatch.job_id)
    attempts = minibatch.attempts + 1
    fields = {"error": error, "error_input": error_input[:1024], "traceback": traceback, "attempts": attempts}
    if not is_final and attempts <= job.settings["max_retries"]:
        minibatch.move_to(MiniBatch.Status.WAITING, held=minibatch.lease, **fields, **MiniBatch.RELEASED)
        return
    _fail(minibatch, minibatch.lease, **fields)
    if is_of_every_minibatch:
        fail_job(job=job, error=error, traceback=traceback)
    else:
        _count_failed(job, minibatch)


def _fail(minibatch: MiniBatch, lease: uuid.UUID | None, **fields: Any) -> None:
    minibatch.move_to(
        MiniBatch.Status.FAILED,
        held=lease,
        failed_files=[one["path"] for one in minibatch.slices],
        finished_at=Now(),
        **fields,
        **MiniBatch.RELEASED,
    )


def _count_failed(job: Job, minibatch: MiniBatch) -> None:
    _count(
        job,
        minibatches_done=1,
        minibatches_failed=1,
        bytes_done=minibatch.bytes,
        files_failed=_newly_failed(minibatch, minibatch.slices),
    )


def _after_recording(job: Job) -> None:
    if job.status != Job.Status.RUNNING:
        transaction.on_commit(partial(settle_cancel, job_id=job.pk))
        return
    threshold = job.settings["error_threshold"]
    if 0 <= threshold < job.files_failed:
        first = first_failure(job)
        fail_job(
            job=job,
            error=_("%(losses)s; the error threshold is %(threshold)s. %(first)s")
            % {"losses": losses(job), "threshold": threshold, "first": first.get("error", "")},
            error_input=first.get("error_input", ""),
            traceback=first.get("traceback", ""),
        )
    elif job.minibatches_done >= job.minibatches_total:
        enqueue("jobs.finalize", job_id=job.pk)


def losses(job: Job) -> str:
    return ngettext(
        "%(failed)s of %(total)s file failed", "%(failed)s of %(total)s files failed", job.files_total
    ) % {"failed": job.files_failed, "total": job.files_total}


def first_failure(job: Job) -> dict[str, str]:
    """What failed first in the order of the plan: {error, error_input, traceback}, or nothing."""
    failed = job.minibatches.failed().in_plan_order()
    first = failed.values("error", "error_input", "traceback").first()
    return first or _first_loss(job)


def _first_loss(job: Job) -> dict[str, str]:
    minibatch = job.minibatches.with_losses().in_plan_order().first()
    if minibatch is None:
        return {}
    for planned, scored in zip(minibatch.slices, minibatch.report["slices"], strict=True):
        if scored.get("failed"):
            return {
                "error": scored["failed"],
                "error_input": planned["path"],
                "traceback": scored.get("traceback", ""),
            }
        if scored.get("first_error"):
            row, message = scored["first_error"]
            place = {"file": planned["path"], "row": row, "message": message}
            # Behind the start of a divided file only errors.csv knows the row's number in the file.
            sentence = (
                _("%(file)s: %(message)s.") if planned["start"] else _("%(file)s, row %(row)s: %(message)s.")
            )
            return {"error": sentence % place, "error_input": planned["path"]}
    return {}


@transaction.atomic
def give_back(*, minibatch: MiniBatch, at_once: bool = True, reason: str = "") -> None:
    """Undo a claim: the node stops, or the job is being canceled. Nothing counts as an attempt.

    Not `at_once` leaves the next try to the sweep; `reason` says on the job's page what is waited for.
    """
    try:
        job = _locked(minibatch.job_id)
        running = job.status == Job.Status.RUNNING
        status = MiniBatch.Status.WAITING if running else MiniBatch.Status.CANCELED
        finished = {} if running else {"finished_at": Now()}
        minibatch.move_to(status, held=minibatch.lease, **finished, **MiniBatch.RELEASED)
    except MoveRefused:
        return
    if running and reason:
        Job.objects.filter(pk=job.pk).update(waiting_for=reason)
    if running and at_once and job.cluster:
        wake(job.cluster.queue)
    if not running:
        transaction.on_commit(partial(settle_cancel, job_id=job.pk))


@transaction.atomic
def plan_anew(*, minibatch: MiniBatch) -> None:
    """Of a job whose file was divided by a guess that was wrong: nothing that was scored so far is used."""
    try:
        job = _locked(minibatch.job_id)
        job.minibatches.filter(pk=minibatch.pk, lease=minibatch.lease).get()
        job.move_to(
            Job.Status.PREPARING,
            spec={**job.spec, Job.READS_TO_DIVIDE: True},
            waiting_for=_("A file has line ends between quotes, so it is read once more to divide it."),
            **dict.fromkeys(COUNTERS, 0),
        )
    except (MoveRefused, MiniBatch.DoesNotExist):
        return
    job.minibatches.all().delete()
    enqueue("jobs.prepare", job_id=job.pk)


@transaction.atomic
def recover_lost(*, minibatch_id: int, lease: uuid.UUID) -> None:
    """Take a mini-batch from a node that has gone silent. The model is not blamed for it."""
    job_id = MiniBatch.objects.filter(pk=minibatch_id).values_list("job", flat=True).first()
    if job_id is None:
        return  # its job was deleted
    job = _locked(job_id)
    silent = MiniBatch.objects.running().lease_lost().filter(pk=minibatch_id, lease=lease)
    minibatch = silent.select_for_update().first()
    if minibatch is None:
        return
    lost = minibatch.losses + 1
    try:
        if job.status != Job.Status.RUNNING:
            minibatch.move_to(MiniBatch.Status.CANCELED, held=lease, finished_at=Now(), **MiniBatch.RELEASED)
        elif lost < MAX_LOSSES:
            minibatch.move_to(MiniBatch.Status.WAITING, held=lease, losses=lost, **MiniBatch.RELEASED)
        else:
            error = _("The node died %(times)s times while it scored this mini-batch.") % {"times": lost}
            _fail(minibatch, lease, losses=lost, error=error)
            _count_failed(job, minibatch)
    except MoveRefused:
        return


def jobs_to_drop(*, job_ids: set[int]) -> set[int]:
    """Those of `job_ids` whose mini-batches nobody wants any more."""
    wanted = Job.objects.filter(pk__in=job_ids, status=Job.Status.RUNNING).values_list("pk", flat=True)
    return job_ids - set(wanted)
