"""The begin of a job: its input is listed and planned as mini-batches, or the plan of the job it retries taken over."""

import uuid

from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now

from scoring.dividing import divider
from scoring.errors import ScoringError
from scoring.plan import plan
from scoring.settings import ScoringSettings
from studio.actions.compute import wake_cluster
from studio.actions.inputs import list_input, opener, unreadable
from studio.actions.job_retry import take_over
from studio.actions.jobs import claim_job, fail_by_bug, fail_job, objects_written, put_off, waiting_reason
from studio.actions.leases import Holder
from studio.errors import StudioError, Unavailable
from studio.models import Job, MiniBatch
from studio.models.states import MoveRefused
from studio.queue import enqueue
from studio.stores import open_store
from studio.stores.repeats import counted_for


def prepare_job(*, job_id: int, holder: Holder) -> None:
    """List the input, plan the mini-batches and let the nodes at them; or fail with the reason."""
    job = claim_job(job_id=job_id, before=Job.Status.QUEUED, during=Job.Status.PREPARING, worker=holder.name)
    if job is None:
        return
    with holder.holding(job) as lease:
        try:
            _plan(job, lease)
        except MoveRefused:
            return
        except Unavailable as away:
            put_off(job=job, lease=lease, reason=str(away))
            return
        except (StudioError, ScoringError) as error:
            fail_job(job=job, lease=lease, error=str(error))
            return
        except OSError as error:
            fail_job(job=job, lease=lease, error=unreadable(error))
            return
        except (OperationalError, InterfaceError):
            raise  # the database is away; the lease runs out and the step is begun again
        except Exception as error:
            fail_by_bug(job=job, lease=lease, error=error)
            return
    if job.cluster:
        wake_cluster(job.cluster)


def _plan(job: Job, lease: uuid.UUID) -> None:
    Job.objects.filter(pk=job.pk, started_at=None).update(started_at=Now())
    settings, store = ScoringSettings.from_dict(job.settings), open_store(job.output_datastore)
    with counted_for(job.pk, job.output_datastore):
        for name in objects_written(settings):
            store.free_path(job.output_object(name))
    takes_over = job.retry_of and not job.spec.get(Job.READS_TO_DIVIDE)
    with counted_for(job.pk, job.input_datastore):
        planned = None if takes_over else _planned_anew(job, settings)
    with transaction.atomic():
        if planned is None:
            taken = take_over(job=job)
            count, counters = taken.minibatches, taken.fields
        else:
            count = len(planned)
            counters = {
                "files_total": len({one["path"] for batch in planned for one in batch.slices}),
                "bytes_total": sum(one.bytes for one in planned),
            }
            MiniBatch.objects.bulk_create(planned, batch_size=2000)
        job.move_to(
            Job.Status.RUNNING,
            held=lease,
            minibatches_total=count,
            waiting_for=waiting_reason(job.cluster),
            **counters,
            **Job.RELEASED,
        )
        if job.minibatches_done >= job.minibatches_total:  # a retry of what only its writing had failed
            enqueue("jobs.finalize", job_id=job.pk)


def _planned_anew(job: Job, settings: ScoringSettings) -> list[MiniBatch]:
    split_size = 0 if job.why_never_divided else settings.split_size
    planned = plan(
        files=list_input(datastore=job.input_datastore, path=job.input_path),
        mini_batch_size=settings.mini_batch_size,
        split_size=split_size,
        divide=divider(
            opened=opener(job.input_datastore, job.input_path),
            split_size=split_size,
            dialect=settings.dialect,
            guesses=open_store(job.input_datastore).is_far and not job.spec.get(Job.READS_TO_DIVIDE),
        ),
    )
    return [
        MiniBatch(
            job=job,
            number=number,
            slices=[one.to_dict() for one in slices],
            bytes=sum(one.size for one in slices),
        )
        for number, slices in enumerate(planned)
    ]
