"""The end of a job: recorded parts become predictions, errors and a summary, each written once."""

import json
import tempfile
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.dividing import count_records
from scoring.errors import OutputError, ScoringError
from scoring.outputs import PartRef, PartSlice, check_rows, file_labels, write_errors, write_predictions
from scoring.plan import Slice, file_kind
from scoring.reports import ScoreReport
from scoring.scorer.failures import FileFailure
from scoring.settings import ScoringSettings
from scoring.summary import build_schema, build_summary, merge_sketches
from studio.actions import events
from studio.actions.inputs import input_places, opener
from studio.actions.jobs import SCHEMA, SUMMARY, claim_job, fail_by_bug, fail_job, parts_end, put_off
from studio.actions.leases import Holder
from studio.actions.minibatches import first_failure, losses
from studio.actions.scratch import scratch
from studio.errors import NotFound, StudioError, Unavailable
from studio.models import Job, MiniBatch
from studio.models.states import MoveRefused
from studio.queue import enqueue
from studio.stores import Store, checksum, open_store, reason
from studio.stores.repeats import counted_for

MOST_WAITING = timedelta(days=1)  # for a datastore that is away


def finalize_job(*, job_id: int, holder: Holder) -> None:
    """Write the output of a job whose mini-batches have all ended, and complete it; or fail with the reason."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None or (job.status == Job.Status.RUNNING and job.minibatches.unfinished().exists()):
        return
    claimed = claim_job(
        job_id=job_id, before=Job.Status.RUNNING, during=Job.Status.FINALIZING, worker=holder.name
    )
    if claimed is None:
        return
    written: list[str] = []  # also of a finalize that fails half-way: those objects are the job's own
    with holder.holding(claimed) as lease:
        try:
            _finish(claimed, lease, written)
        except MoveRefused:
            return
        except Unavailable as away:
            if not _has_waited_long(claimed):
                put_off(job=claimed, lease=lease, reason=str(away))
                return
            fail_job(job=claimed, lease=lease, error=str(away), outputs=written)
        except (StudioError, ScoringError) as error:
            fail_job(job=claimed, lease=lease, error=str(error), outputs=written)
        except OSError as error:
            full = _("The output cannot be written: %(reason)s. Make room or choose another output path.")
            fail_job(job=claimed, lease=lease, error=full % {"reason": reason(error)}, outputs=written)
        except (OperationalError, InterfaceError):
            raise  # the database is away; the lease runs out and the step is begun again
        except Exception as error:
            fail_by_bug(job=claimed, lease=lease, error=error, outputs=written)
    _tidy_up(claimed, written)


def _has_waited_long(job: Job) -> bool:
    """A job that is being finalized cannot be canceled, so it must not wait for ever. Its parts stay for a retry."""
    recent = job.minibatches.filter(finished_at__gt=Now() - MOST_WAITING)
    return not recent.exists()


def _tidy_up(job: Job, written: list[str]) -> None:
    if not job.is_finished:
        return  # the lease was lost: whoever has it now still needs the proofs to know its own objects
    store = open_store(job.output_datastore)
    for name in written:
        store.settle(job.output_object(name), owner=job.name)
    if job.is_completed and not job.has_unscored:
        store.delete_folder(job.parts_path)


def _finish(job: Job, lease: uuid.UUID, written: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="finalize-") as folder:
        with counted_for(job.pk, job.output_datastore):
            summary = _write(job, Path(folder), written)
        failure = _why_nothing(job)
        if failure:
            fail_job(job=job, lease=lease, outputs=written, **failure)
        else:
            _complete(job, lease, written, summary)


def _write(job: Job, folder: Path, written: list[str]) -> dict[str, Any]:
    """Put the outputs where they belong, each noted in `written`; gives the summary."""
    store = open_store(job.output_datastore)
    planned = list(job.minibatches.in_plan_order())
    completed = [one for one in planned if one.is_completed]
    parts = _parts(job, planned, folder)
    check_rows(parts=parts)
    if job.keeps_predictions and _has_predictions(job):
        numbered = any(file_kind(file["path"]) != "image" for one in planned for file in one.slices)
        _write_predictions(job, parts, folder, numbered)
        for name in (job.output_file_name, SCHEMA):
            written.append(_put(store, job, name, folder / name))  # noqa: PERF401  each is noted before the next
    if job.files_failed:
        file = folder / "errors.csv"
        write_errors(parts=parts, destination=file, failed_files=_failed_files(planned))
        written.append(_put(store, job, "errors.csv", file))
    summary = _summary(job, completed)
    _write_json(folder / SUMMARY, summary)
    written.append(_put(store, job, SUMMARY, folder / SUMMARY))
    return summary


def _write_predictions(job: Job, parts: list[PartRef], folder: Path, numbered: bool) -> None:
    """And, beside them, how they are read."""
    output = write_predictions(
        parts=parts,
        destination=folder / job.output_file_name,
        write_header=job.settings["write_header"],
        pass_through=job.settings.get("pass_through", []),
        numbered=numbered,
    )
    schema = build_schema(
        job=job.name,
        name=job.output_file_name,
        output=output,
        write_header=job.settings["write_header"],
        parts=parts,
    )
    _write_json(folder / SCHEMA, schema)


def _write_json(file: Path, document: dict[str, Any]) -> None:
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _has_predictions(job: Job) -> bool:
    """Files without a single row give an output without one; files that all failed give none."""
    return bool(job.rows_scored) or not job.files_failed


def _put(store: Store, job: Job, name: str, file: Path) -> str:
    store.put_if_absent(job.output_object(name), file, owner=job.name)
    return name


def _parts(job: Job, planned: list[MiniBatch], folder: Path) -> list[PartRef]:
    """Of the mini-batches that were completed, on this machine; each slice with its first row's number in its file."""
    store, labels = open_store(job.output_datastore), _labels(planned)

    def local(note: dict[str, Any]) -> Path:
        path = store.local_copy(note["path"], folder)
        if not path.is_file() or path.stat().st_size != note["size"] or checksum(path) != note["checksum"]:
            raise OutputError(
                _("A part of the output has been damaged: %(path)s. Create the job again.") % note
            )
        return path

    parts, rows = [], _RowNumbers(job)
    for minibatch in planned:
        if not minibatch.is_completed:
            for one in minibatch.slices:
                rows.skip(one)
            continue
        assert minibatch.part is not None, "a completed mini-batch has a part"
        assert minibatch.report is not None, "a completed mini-batch has a report"
        report = ScoreReport.from_dict(minibatch.report)
        slices = [
            PartSlice(
                file_name=labels[one["path"]], offset_row=rows.first(one, scored.records), report=scored
            )
            for one, scored in zip(minibatch.slices, report.slices, strict=True)
        ]
        errors = minibatch.part["errors"]
        parts.append(
            PartRef(part=local(minibatch.part), errors=local(errors) if errors else None, slices=slices)
        )
    return parts


def _labels(planned: list[MiniBatch]) -> dict[str, str]:
    """What the outputs call each file."""
    return file_labels(paths=[one["path"] for minibatch in planned for one in minibatch.slices])


class _RowNumbers:
    """The number of each slice's first row in its file, for slices that come in the order of the plan."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._next: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def first(self, planned: dict[str, Any], records: int) -> int:
        if planned["path"] in self._unknown:
            raise OutputError(
                _(
                    "The rows of %(path)s cannot be numbered: a part of it was not scored, and the file has changed"
                    " since. Create the job again."
                )
                % planned
            )
        number = self._next[planned["path"]]
        self._next[planned["path"]] += records
        return number

    def skip(self, planned: dict[str, Any]) -> None:
        """Past a slice that was not scored: its rows are counted where others of the file follow."""
        if planned["end"] is None:
            return
        try:
            self._next[planned["path"]] += self._counted(planned)
        except (OSError, FileFailure, NotFound):
            self._unknown.add(planned["path"])

    def _counted(self, planned: dict[str, Any]) -> int:
        job = self._job
        places = input_places(datastore=job.input_datastore, root=job.input_path)
        present = open_store(job.input_datastore).stat(places(planned["path"]))
        if present is None or present.etag != planned["etag"]:
            raise FileFailure(planned["path"])
        settings = ScoringSettings.from_dict(job.settings)
        with counted_for(job.pk, job.input_datastore):
            return count_records(
                file=Slice(**planned),
                opened=opener(job.input_datastore, job.input_path),
                dialect=settings.dialect,
            )


def _failed_files(planned: list[MiniBatch]) -> list[tuple[str, str]]:
    """Files, or slices of them, of which nothing could be scored, with the sentence."""
    labels = _labels(planned)
    failed: list[tuple[str, str]] = []
    for minibatch in planned:
        if minibatch.is_failed:
            failed += ((labels[one["path"]], minibatch.error) for one in minibatch.slices)
        elif minibatch.files_unscored and minibatch.report:
            reports = zip(minibatch.slices, minibatch.report["slices"], strict=True)
            failed += ((labels[one["path"]], scored["failed"]) for one, scored in reports if scored["failed"])
    return failed


def _summary(job: Job, completed: list[MiniBatch]) -> dict[str, Any]:
    reports = [ScoreReport.from_dict(minibatch.report or {}) for minibatch in completed]
    seconds: Counter[str] = Counter()
    for report in reports:
        seconds.update(report.seconds)
    return build_summary(
        job=job.name,
        status=Job.Status.COMPLETED if job.rows_scored or not job.files_failed else Job.Status.FAILED,
        rows=job.rows_scored,
        failed_rows=job.rows_failed,
        files=job.files_total,
        failed_files=job.files_failed,
        seconds=seconds,
        sketches=merge_sketches([report.sketches for report in reports]),
        versions={"model": job.model_label},
        extra={"endpoint": job.endpoint_name, "deployment": job.deployment_name, "input": job.input_label},
    )


def _why_nothing(job: Job) -> dict[str, str] | None:
    """The failure of a job in which nothing succeeded, whatever its error threshold."""
    if _has_predictions(job):
        return None
    first = first_failure(job)
    if job.has_unscored:
        return first
    return first | {
        "error": _("None of the %(rows)s rows could be scored; errors.csv in the outputs has them. %(first)s")
        % {"rows": job.rows_failed, "first": first.get("error", "")}
    }


def _why_empty(job: Job) -> str:
    """Of a job without a failure."""
    if job.rows_scored:
        return ""
    return _(
        "The input has no rows, so there are no predictions. Check that its files hold more than a header."
    )


def _complete(job: Job, lease: uuid.UUID, written: list[str], summary: dict[str, Any]) -> None:
    first = first_failure(job) if job.files_failed else {}
    error = f"{losses(job)}. {first['error']}" if first else _why_empty(job)
    with transaction.atomic():
        job.move_to(
            Job.Status.COMPLETED,
            held=lease,
            summary=summary,
            outputs=written,
            error=error,
            error_input=first.get("error_input", ""),
            traceback=first.get("traceback", ""),
            waiting_for="",
            parts_until=parts_end() if job.has_unscored else None,
            run_due_at=Now(),
            finished_at=Now(),
            **Job.RELEASED,
        )
        events.record(actor=None, action="job.completed", subject=job.name, rows=job.rows_scored)
        enqueue("jobs.log_run", job_id=job.pk)
