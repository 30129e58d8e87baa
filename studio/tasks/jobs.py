from celery import shared_task

from studio.actions import finalizing, jobs
from studio.actions.leases import CONTROL


@shared_task(name="jobs.prepare")
def prepare(*, job_id: int) -> None:
    jobs.prepare_job(job_id=job_id, holder=CONTROL)


@shared_task(name="jobs.finalize")
def finalize(*, job_id: int) -> None:
    finalizing.finalize_job(job_id=job_id, holder=CONTROL)


@shared_task(name="jobs.settle_cancel")
def settle_cancel(*, job_id: int) -> None:
    jobs.settle_cancel(job_id=job_id)
