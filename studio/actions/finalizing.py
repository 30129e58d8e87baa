"""The end of a job: recorded parts become predictions, errors and a summary, each written once."""

import json
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.errors import OutputError, ScoringError
from scoring.outputs import PartRef, PartSlice, file_labels, write_errors, write_predictions
from scoring.processes import ScoreReport
from scoring.summary import build_summary, merge_sketches
from studio.actions import events
from studio.actions.jobs import claim_job, fail_by_bug, fail_job, parts_end
from studio.actions.leases import Holder
from studio.actions.minibatches import first_failure, losses
from studio.actions.scratch import scratch
from studio.errors import StudioError
from studio.models import Job, MiniBatch
from studio.models.states import MoveRefused
from studio.stores import checksum, open_store, reason


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


def _tidy_up(job: Job, written: list[str]) -> None:
    if not job.is_finished:
        return  # the lease was lost: whoever has it now still needs the proofs to know its own objects
    store = open_store(job.output_datastore)
    for name in written:
        store.settle(job.output_object(name), owner=job.name)
    if job.is_completed and not job.minibatches_failed:
        store.delete_folder(job.parts_path)


def _finish(job: Job, lease: uuid.UUID, written: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="finalize-") as folder:
        summary = _write(job, Path(folder), written)
        failure = _why_nothing(job)
        if failure:
            fail_job(job=job, lease=lease, outputs=written, **failure)
        else:
            _complete(job, lease, written, summary)


def _write(job: Job, folder: Path, written: list[str]) -> dict[str, Any]:
    """Put the outputs where they belong, each noted in `written`; gives the summary."""
    store = open_store(job.output_datastore)
    completed = list(job.minibatches.completed().in_plan_order())
    parts = _parts(job, completed)
    if job.settings["output_action"] == "append_row" and _has_predictions(job):
        file = folder / job.output_file_name
        write_predictions(
            parts=parts,
            destination=file,
            write_header=job.settings["write_header"],
            pass_through=job.settings.get("pass_through", []),
        )
        written.append(_put(store, job, job.output_file_name, file))
    if job.rows_failed or job.minibatches_failed:
        file = folder / "errors.csv"
        write_errors(parts=parts, destination=file, failed_files=_failed_files(job))
        written.append(_put(store, job, "errors.csv", file))
    summary = _summary(job, completed)
    file = folder / "_summary.json"
    file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    written.append(_put(store, job, "_summary.json", file))
    return summary


def _has_predictions(job: Job) -> bool:
    """Files without a single row give an output without one; files that all failed give none."""
    return bool(job.rows_scored) or not (job.rows_failed or job.minibatches_failed)


def _put(store: Any, job: Job, name: str, file: Path) -> str:
    store.put_if_absent(job.output_object(name), file, owner=job.name)
    return name


def _parts(job: Job, completed: list[MiniBatch]) -> list[PartRef]:
    store = open_store(job.output_datastore)
    planned = job.minibatches.in_plan_order().values_list("slices", flat=True)
    labels = file_labels(paths=[one["path"] for slices in planned for one in slices])

    def local(note: dict[str, Any]) -> Path:
        path: Path = store.local_file(note["path"])
        if not path.is_file() or path.stat().st_size != note["size"] or checksum(path) != note["checksum"]:
            raise OutputError(
                _("A part of the output has been damaged: %(path)s. Create the job again.") % note
            )
        return path

    parts = []
    for minibatch in completed:
        assert minibatch.part is not None, "a completed mini-batch has a part"
        assert minibatch.report is not None, "a completed mini-batch has a report"
        report = ScoreReport.from_dict(minibatch.report)
        slices = [
            PartSlice(file_name=labels[one["path"]], offset_row=0, report=scored)
            for one, scored in zip(minibatch.slices, report.slices, strict=True)
        ]
        errors = minibatch.part["errors"]
        parts.append(
            PartRef(part=local(minibatch.part), errors=local(errors) if errors else None, slices=slices)
        )
    return parts


def _failed_files(job: Job) -> list[tuple[str, str]]:
    """Files of mini-batches that failed for good, with the sentence."""
    failed = job.minibatches.failed().in_plan_order()
    return [(one["path"], minibatch.error) for minibatch in failed for one in minibatch.slices]


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
    if job.minibatches_failed:
        return first
    return first | {
        "error": _("None of the %(rows)s rows could be scored; errors.csv in the outputs has them. %(first)s")
        % {"rows": job.rows_failed, "first": first.get("error", "")}
    }


def _complete(job: Job, lease: uuid.UUID, written: list[str], summary: dict[str, Any]) -> None:
    first = first_failure(job)
    error = f"{losses(job)}. {first['error']}" if first else ""
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
            parts_until=parts_end() if job.minibatches_failed else None,
            finished_at=Now(),
            **Job.RELEASED,
        )
        events.record(actor=None, action="job.completed", subject=job.name, rows=job.rows_scored)
