import threading
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from studio.actions import driving, finalizing, job_runs, preparing
from studio.actions.leases import CONTROL

# Of the control worker's four threads two are left for the sweep and the registry, however long a listing or an
# output takes. What finds no room is done by whoever has it: a message is a wake-up, and all that waits is driven.
_room = threading.BoundedSemaphore(2)
_logging = threading.BoundedSemaphore(1)  # a slow MLflow holds one of them at most


@contextmanager
def room(of: threading.BoundedSemaphore = _room) -> Iterator[bool]:
    found = of.acquire(blocking=False)
    try:
        yield found
    finally:
        if found:
            of.release()


@shared_task(name="jobs.prepare")
def prepare(*, job_id: int) -> None:
    with room() as found:
        if found:
            preparing.prepare_job(job_id=job_id, holder=CONTROL)
            driving.drive_all(holder=CONTROL)


@shared_task(name="jobs.finalize")
def finalize(*, job_id: int) -> None:
    with room() as found:
        if found:
            finalizing.finalize_job(job_id=job_id, holder=CONTROL)
            driving.drive_all(holder=CONTROL)


@shared_task(name="jobs.log_run")
def log_run(*, job_id: int) -> None:
    with room(_logging) as found:
        if found:
            job_runs.log_run(job_id=job_id)
