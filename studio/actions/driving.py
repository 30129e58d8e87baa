"""The control worker's share of each job: to prepare it, and once it is scored to finalize it."""

from studio.actions.finalizing import finalize_job
from studio.actions.leases import Holder
from studio.actions.preparing import prepare_job
from studio.models import Job


def drive_all(*, holder: Holder) -> None:
    """Each job that waits for the control worker: also those whose message came while it had no room."""
    unmoved: set[int] = set()  # which wait as before although they were driven
    last: tuple[int, str] | None = None
    while job := Job.objects.for_control().exclude(pk__in=unmoved).only("status").first():
        if (job.pk, job.status) == last:
            unmoved.add(job.pk)
            continue
        last = (job.pk, job.status)
        drive = prepare_job if job.status == Job.Status.QUEUED else finalize_job
        drive(job_id=job.pk, holder=holder)
