import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from studio.models import Deployment, Job, MiniBatch
from studio.models.states import MoveRefused
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [Job, MiniBatch, Deployment])
def test_every_status_has_its_moves_and_leads_to_known_ones(model):
    assert set(model.MOVES) == set(model.Status.values)
    assert {to for following in model.MOVES.values() for to in following} <= set(model.Status.values)


@pytest.mark.parametrize("model", [Job, Deployment])
def test_every_status_has_a_look(model):
    assert set(model.LOOK) == set(model.Status.values)


def test_a_move_that_the_table_forbids_is_refused():
    job = factories.job(Job.Status.COMPLETED)
    with pytest.raises(MoveRefused):
        job.move_to(Job.Status.RUNNING)


def test_the_second_of_two_movers_is_refused():
    job = factories.job()
    other = Job.objects.get(pk=job.pk)
    job.move_to(Job.Status.PREPARING)
    with pytest.raises(MoveRefused):
        other.move_to(Job.Status.CANCEL_REQUESTED)
    assert Job.objects.get(pk=job.pk).status == Job.Status.PREPARING


def test_a_move_with_a_lost_lease_is_refused():
    minibatch = factories.minibatch(factories.job(Job.Status.RUNNING))
    minibatch.move_to(MiniBatch.Status.RUNNING, **MiniBatch.taken_by("first"))
    MiniBatch.objects.filter(pk=minibatch.pk).update(**MiniBatch.taken_by("second"))
    with pytest.raises(MoveRefused):
        minibatch.move_to(MiniBatch.Status.COMPLETED, held=minibatch.lease, finished_at=Now())


def test_a_finished_job_has_its_time_by_constraint():
    job = factories.job(Job.Status.RUNNING)
    with pytest.raises(IntegrityError, match="job_finished_iff_terminal"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(status=Job.Status.COMPLETED)


def test_terminal_statuses_follow_from_the_table():
    assert set(Job.terminal()) == {Job.Status.CANCELED, Job.Status.COMPLETED, Job.Status.FAILED}
