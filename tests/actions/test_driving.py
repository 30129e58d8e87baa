"""The control worker drives whatever waits for it, whichever message woke it."""

from typing import Any

import pytest

from studio.actions.driving import drive_all
from studio.actions.jobs import JobRequest, submit_job
from studio.actions.leases import Holder
from studio.models import Datastore, Job, MiniBatch
from studio.tasks import jobs as tasks
from tests import factories

pytestmark = pytest.mark.django_db
CONTROL = Holder("test")
Status = Job.Status


def submitted(person: Any, store: Datastore) -> Job:
    data = factories.data_asset(store, {"a.csv": "x\n1\n2\n"})
    request = JobRequest(
        deployment=factories.deployment(), input_datastore=store, input_path=data.path, input_asset=data
    )
    return submit_job(user=person, request=request)


def scored(person: Any, store: Datastore) -> Job:
    """All of it, in vain."""
    job = submitted(person, store)
    drive_all(holder=CONTROL)
    job.minibatches.update(status=MiniBatch.Status.FAILED, finished_at=job.created_at, error="e")
    Job.objects.filter(pk=job.pk).update(minibatches_done=1, minibatches_failed=1, files_failed=1)
    return job


def statuses(*jobs: Job) -> list[str]:
    return [Job.objects.get(pk=job.pk).status for job in jobs]


def test_one_message_drives_every_job_that_waits(person: Any, store: Datastore) -> None:
    ended, first, second = scored(person, store), submitted(person, store), submitted(person, store)
    tasks.prepare(job_id=second.pk)
    assert statuses(ended, first, second) == [Status.FAILED, Status.RUNNING, Status.RUNNING]


def test_a_message_that_finds_no_room_drives_nothing(person: Any, store: Datastore) -> None:
    job = submitted(person, store)
    with tasks.room(), tasks.room():
        tasks.prepare(job_id=job.pk)
    assert statuses(job) == [Status.QUEUED]


def test_a_job_that_cannot_move_yet_holds_up_no_other(person: Any, store: Datastore) -> None:
    stays = scored(person, store)
    stays.minibatches.update(status=MiniBatch.Status.WAITING, finished_at=None)
    other = submitted(person, store)
    drive_all(holder=CONTROL)
    assert statuses(stays, other) == [Status.RUNNING, Status.RUNNING]


def test_a_job_whose_step_was_put_off_is_left_to_the_sweep(person: Any, store: Datastore) -> None:
    job = submitted(person, store)
    Job.objects.filter(pk=job.pk).update(status=Status.PREPARING)
    drive_all(holder=CONTROL)
    assert statuses(job) == [Status.PREPARING]
