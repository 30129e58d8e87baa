"""Logs of a job that are written from its rows when somebody reads them, named as Azure names them.

They are English whatever the reader's language, and their times are UTC: logs are searched and sent around. `most`
bounds the mini-batches that one tells of, the last ones; None means all.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, F, Func, IntegerField, Min

from studio.models import Event, Job, MiniBatch
from studio.models.minibatches import MiniBatchQuerySet

MOST_EVENTS = 500
MOST_ERRORS = 50
FIELDS = (
    "number",
    "status",
    "bytes",
    "attempts",
    "losses",
    "node",
    "slot",
    "started_at",
    "finished_at",
    "rows_scored",
    "rows_failed",
    "error",
    "report__seconds",
    "files",
)
CSV_HEADER = (
    "Mini-batch Id",
    "Picked Count",
    "Process",
    "Process Start Time",
    "Total",
    "Succeeded",
    "Failed",
    "Elapsed Seconds",
    "Process Seconds",
    "Run Method Seconds",
    "Status",
    "Error Message",
    "Mini-batch Detail",
)
README = """\
Layout of the logs of a job. Times are UTC.

logs/
  job_progress_overview.txt        mini-batches planned and processed; where to look first
  job_result.txt                   how the job ended
  job_error.txt                    why it failed, where it did
  readme.txt                       this file
  sys/                             what the studio notes
    master_role.txt                what was asked of the job, and which node took which mini-batch
    node/<node>/process<slot>.txt  mini-batches that a slot of a node scored: rows, failures, times
    job_report/processed_mini-batches.csv
                                   the same of all mini-batches, as a table
  user/                            what the model says
    error.txt                      its errors, each once
    error/<node>/process<slot>.txt the errors with their tracebacks
    stdout/<node>/process<slot>.stdout.txt
                                   what the model's process printed: the last 1 MB, kept for 30 days

Rows that could not be scored are not here but in errors.csv, among the data outputs.
How much is noted follows the job's logging level: warning tells only of mini-batches with failures, debug also of
files.
"""


def moment(time: datetime | None) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if time else "-"


def overview(job: Job) -> Iterator[str]:
    yield f"Job {job.name} ({job.display_name}) of {job.endpoint_name}/{job.deployment_name}: {job.status}."
    if not job.minibatches_total:
        yield job.error or job.waiting_for or "No mini-batch has been planned yet."
        return
    yield f"There are {job.minibatches_total} mini-batches with {job.files_total} files, {job.bytes_total} bytes."
    completed = job.minibatches_done - job.minibatches_failed
    yield (
        f"Processed {job.minibatches_done} of {job.minibatches_total} mini-batches in {_seconds(job.duration)}:"
        f" {completed} succeeded, {job.minibatches_failed} failed."
    )
    yield f"{job.rows_scored} rows scored, {job.rows_failed} rows failed."
    threshold = job.settings["error_threshold"]
    yield f"Failed files: {job.files_failed}. The error threshold is {threshold}."
    if job.rows_taken:
        yield f"{job.rows_taken} of the rows were taken over from the job that this one retries."
    for datastore, causes in (job.repeated_requests or {}).items():
        counted = ", ".join(f"{count} × {cause}" for cause, count in causes.items())
        yield f"{datastore} throttled or broke off requests, which were made again: {counted}."
    if job.waiting_for:
        yield job.waiting_for
    elif job.seconds_left and not job.is_finished:
        yield f"Estimate remaining: {_seconds(job.seconds_left)}."
    yield ""
    if job.is_failed:
        yield "The job failed. Begin with logs/job_error.txt, then logs/user/error.txt."
    elif job.has_losses:
        yield "The job completed with losses. errors.csv among the data outputs has each of them."
    elif job.is_finished:
        yield f"The job is {job.status}. logs/job_result.txt says how it ended."
    yield "logs/readme.txt is a map of all logs."


def result(job: Job) -> Iterator[str]:
    yield f"Status: {job.status}"
    yield f"Started: {moment(job.started_at)}"
    yield f"Finished: {moment(job.finished_at)}"
    yield f"Duration: {_seconds(job.duration)}"
    yield f"Mini-batches: {job.minibatches_done} of {job.minibatches_total}, {job.minibatches_failed} failed"
    yield f"Files: {job.files_total}, {job.files_failed} failed"
    yield f"Rows: {job.rows_scored} scored, {job.rows_failed} failed"
    yield f"Output: {job.output_label}"
    for name in job.outputs:
        yield f"  {name}"


def error(job: Job) -> Iterator[str]:
    yield job.error
    if job.error_input:
        yield f"Failing input: {job.error_input}"
    if job.traceback:
        yield ""
        yield job.traceback.rstrip()


def readme(job: Job) -> Iterator[str]:
    yield from README.splitlines()


def master(job: Job, most: int | None) -> Iterator[str]:
    events = Event.objects.filter(subject=job.name).select_related("actor").order_by("at")[:MOST_EVENTS]
    for event in events:
        who = event.actor.get_username() if event.actor else "the studio"
        details = f" {json.dumps(event.details, ensure_ascii=False)}" if event.details else ""
        yield f"{moment(event.at)}  {event.action} by {who}{details}"
    if job.started_at:
        yield f"{moment(job.started_at)}  planning of the input begun"
    if job.minibatches_total:
        yield f"{job.minibatches_total} mini-batches planned, in the order of the plan:"
    for row in _told(job, job.minibatches.all(), most):
        if isinstance(row, str):
            yield row
            continue
        yield f"{moment(row['started_at'])}  mini-batch {row['number']}: {_course(row)}"


def _course(row: dict[str, Any]) -> str:
    if row["status"] == MiniBatch.Status.COMPLETED and row["started_at"] is None:
        return "taken over from the job that this one retries"
    said = [f"{row['status'].lower()}"]
    if row["node"]:
        said.append(f"claimed by {row['node']}, slot {row['slot']}")
    if row["attempts"]:
        said.append(f"failed attempts: {row['attempts']}")
    if row["losses"]:
        said.append(f"leases lost with their node: {row['losses']}")
    if row["error"]:
        said.append(row["error"])
    return ", ".join(said)


def process(job: Job, node: str, slot: int, most: int | None) -> Iterator[str]:
    rows = job.minibatches.filter(node=node, slot=slot)
    level = job.settings["logging_level"]
    if level == "warning":
        rows = rows.filter(attempts__gt=0) | rows.filter(losses__gt=0) | rows.filter(rows_failed__gt=0)
    yield f"{node}, slot {slot}. Logging level: {level}."
    for row in _told(job, rows, most):
        if isinstance(row, str):
            yield row
            continue
        total = row["rows_scored"] + row["rows_failed"]
        times = row["report__seconds"] or {}
        parts = ", ".join(f"{name} {spent:.3f} s" for name, spent in times.items())
        yield (
            f"{moment(row['started_at'])}  mini-batch {row['number']} {row['status'].lower()}:"
            f" {total} total, {row['rows_scored']} succeeded, {row['rows_failed']} failed,"
            f" {_seconds(_elapsed(row))}{f' ({parts})' if parts else ''}"
        )
        if level == "debug":
            yield f"    files: {row['files']}, bytes: {row['bytes']}; {_course(row)}"
        elif row["error"]:
            yield f"    {row['error']}"


def processed_csv(job: Job, most: int | None) -> Iterator[str]:
    yield _csv_line(CSV_HEADER)
    for row in _told(job, job.minibatches.filter(status__in=MiniBatch.terminal()), most):
        if isinstance(row, str):
            continue
        times = row["report__seconds"] or {}
        elapsed = _elapsed(row)
        yield _csv_line(
            (
                row["number"],
                row["attempts"] + row["losses"] + (row["status"] == MiniBatch.Status.COMPLETED),
                f"{row['node']}/process{row['slot']:03}" if row["node"] else "",
                moment(row["started_at"]),
                row["rows_scored"] + row["rows_failed"],
                row["rows_scored"],
                row["rows_failed"],
                "" if elapsed is None else f"{elapsed:.3f}",
                f"{sum(times.values()):.3f}" if times else "",
                f"{times['predict']:.3f}" if "predict" in times else "",
                row["status"],
                row["error"],
                f"{row['files']} files, {row['bytes']} bytes",
            )
        )


def user_error(job: Job) -> Iterator[str]:
    """Each error once, the most frequent first."""
    failed = with_errors(job).order_by().values("error")
    found = failed.annotate(count=Count("pk"), first=Min("number")).order_by("-count", "first")
    some = False
    for one in found[:MOST_ERRORS]:
        some = True
        batches = "1 mini-batch" if one["count"] == 1 else f"{one['count']} mini-batches"
        yield f"{batches}, the first of them {one['first']}: {one['error']}"
    if job.rows_failed:
        some = True
        yield f"{job.rows_failed} rows could not be scored: errors.csv among the data outputs has each of them."
    if not some:
        yield "No error so far." if not job.is_finished else "No error."


def user_error_of(job: Job, node: str, slot: int, most: int | None) -> Iterator[str]:
    rows = with_errors(job).filter(node=node, slot=slot).order_by("-number")
    if most is not None:
        rows = rows[:most]
    for minibatch in reversed(
        list(rows.only("number", "error", "error_input", "traceback", "attempts", "status"))
    ):
        yield f"mini-batch {minibatch.number}, {minibatch.status.lower()}, failed attempts: {minibatch.attempts}"
        yield minibatch.error
        if minibatch.error_input:
            yield f"Failing input: {minibatch.error_input}"
        if minibatch.traceback:
            yield minibatch.traceback.rstrip()
        yield ""


def with_errors(job: Job) -> MiniBatchQuerySet:
    troubled = job.minibatches.filter(attempts__gt=0) | job.minibatches.filter(losses__gt=0)
    found: MiniBatchQuerySet = troubled.exclude(error="")
    return found


def _told(job: Job, rows: MiniBatchQuerySet, most: int | None) -> Iterable[dict[str, Any] | str]:
    """The rows in the order of the plan; the last `most` of them behind a line that says what is left out."""
    length = Func(F("slices"), function="jsonb_array_length", output_field=IntegerField())
    ordered = rows.annotate(files=length)
    if most is None:
        yield from ordered.order_by("number").values(*FIELDS).iterator(chunk_size=2000)
        return
    last = list(ordered.order_by("-number").values(*FIELDS)[: most + 1])
    if len(last) > most:
        last.pop()
        yield f"… only the last {most} mini-batches are shown; the download has all."
    yield from reversed(last)


def _elapsed(row: dict[str, Any]) -> float | None:
    if row["started_at"] is None or row["finished_at"] is None:
        return None
    took: float = (row["finished_at"] - row["started_at"]).total_seconds()
    return took


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
