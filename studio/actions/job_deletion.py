"""The end of a job's record, and of what is kept for a while after it has ended."""

import logging
from collections.abc import Sequence
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from studio.actions import events, scratch
from studio.actions.outputs import list_outputs
from studio.errors import NotFound, StudioError
from studio.models import DataAssetVersion, Datastore, Job
from studio.permissions import check_can_delete_job
from studio.stores import StoredObject, open_store, reason

logger = logging.getLogger(__name__)


def deletable_outputs(*, job: Job) -> Sequence[StoredObject]:
    """The files that the job wrote and that are still its own: no job after it has written there."""
    if job.output_datastore is None:
        return []
    same = Job.objects.filter(output_datastore=job.output_datastore, output_path=job.output_path)
    others = same.exclude(pk=job.pk).values_list("outputs", flat=True)
    taken = {name for names in others for name in names}
    return [file for file in list_outputs(job=job) if file.name not in taken]


def why_outputs_stay(*, job: Job) -> str:
    """Why the files that the job wrote are not deleted with it; empty when they can be."""
    if job.output_datastore is None:
        return ""
    folder = job.output_path.strip("/")
    reading = DataAssetVersion.objects.around(job.output_datastore, folder).first()
    if reading is not None:
        return _("The data asset %(asset)s reads these files, so they stay.") % {"asset": reading}
    busy = Job.objects.unfinished().around(job.output_datastore, folder).exclude(pk=job.pk).first()
    if busy is not None:
        return _("The job %(job)s, which has not ended, reads or writes here, so they stay.") % {"job": busy}
    return ""


def delete_job(*, user: User, job: Job, with_outputs: bool = False) -> None:
    """Remove the record of a job with its logs, mini-batches and parts; `with_outputs` also the files it wrote.

    Raises NotAllowed, NotFound, or StudioError when the files cannot be deleted: then nothing is.
    """
    with transaction.atomic():
        kept = Job.objects.select_for_update().filter(pk=job.pk).first()
        if kept is None:
            raise NotFound(_("The job was deleted meanwhile."))
        check_can_delete_job(user, kept)
        deleted = _delete_outputs(kept) if with_outputs else []
        events.record(
            actor=user,
            action="job.delete",
            subject=kept.name,
            display_name=kept.display_name,
            outputs=deleted,
        )
        # A retry of a retry still leads to the first, whose parts it may read.
        Job.objects.filter(retry_of=kept).update(retry_of=kept.retry_of)
        kept.delete()
        rest = partial(_remove_rest, kept.output_datastore, kept.name, kept.parts_path)
        transaction.on_commit(rest, robust=True)


def _delete_outputs(job: Job) -> list[str]:
    why = why_outputs_stay(job=job)
    if why:
        raise StudioError(why)
    store, files = open_store(job.output_datastore), deletable_outputs(job=job)
    try:
        for file in files:
            store.delete(file.path)
    except OSError as error:
        raise StudioError(
            _("The output files cannot be deleted: %(reason)s. The job is kept.") % {"reason": reason(error)}
        ) from error
    return [file.path for file in files]


def _remove_rest(datastore: Datastore | None, name: str, parts_path: str) -> None:
    """What nobody else has: its parts, the folder made for it where that is empty, its logs on this machine."""
    if datastore is not None:
        store, own = open_store(datastore), f"azureml/{name}"
        store.delete_folder(parts_path)
        if store.is_folder(own) and not any(store.list(own)):
            store.delete_folder(own)
    for log in scratch.scorer_logs().glob(f"{name}-*.log"):
        log.unlink(missing_ok=True)


def remove_outdated_parts() -> None:
    """Of jobs that failed a month ago: nobody can retry them any more."""
    for job_id in Job.objects.with_outdated_parts().values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            locked = Job.objects.select_for_update(no_key=True).with_outdated_parts()
            job = locked.filter(pk=job_id).first()
            if job is None:
                continue
            Job.objects.filter(pk=job_id).update(parts_until=None)
            if job.output_datastore is not None:
                open_store(job.output_datastore).delete_folder(job.parts_path)
