"""What storages had the studio ask again, on its way from where it is counted to the jobs that wait for it."""

from django.db import InterfaceError, OperationalError, transaction

from studio.models import Job
from studio.stores import repeats


def record_repeats() -> None:
    """Add to the jobs what was counted in this process since the last time.

    Later, where the database is away or somebody is just writing the job: a heartbeat must not wait.
    """
    for job_id, counted in repeats.taken().items():
        try:
            _record(job_id, counted)
        except (OperationalError, InterfaceError):
            repeats.add(job_id, counted)


@transaction.atomic
def _record(job_id: int, counted: repeats.Repeats) -> None:
    rows = Job.objects.only("repeated_requests").select_for_update(no_key=True, nowait=True)
    job = rows.filter(pk=job_id).first()
    if job is None:
        return  # it was deleted
    known = job.repeated_requests or {}
    for (datastore, cause), times in counted.items():
        causes = known.setdefault(datastore, {})
        causes[cause] = causes.get(cause, 0) + times
    Job.objects.filter(pk=job_id).update(repeated_requests=known)
