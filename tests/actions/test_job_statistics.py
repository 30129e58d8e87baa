from datetime import timedelta

import pytest
from django.utils import timezone

from studio.actions.job_statistics import figures_of, last_runs, names_among, people_among, since
from studio.models import Job
from tests import factories

pytestmark = pytest.mark.django_db
Status = Job.Status


@pytest.fixture
def used(store):
    return factories.deployment()


def lasted(seconds, status=Status.COMPLETED, *, ago=0, **fields):
    """A job that took so many seconds and was created `ago` seconds ago."""
    created = timezone.now() - timedelta(seconds=ago)
    started = created + timedelta(seconds=1)
    job = factories.job(
        status, started_at=started, finished_at=started + timedelta(seconds=seconds), **fields
    )
    Job.objects.filter(pk=job.pk).update(created_at=created)
    return job


def test_nothing_has_no_rates(used):
    figures = figures_of(jobs=Job.objects.all())
    assert (figures.jobs, figures.rows, figures.success_rate, figures.median_seconds) == (0, 0, None, None)


def test_the_median_is_of_the_completed_ones(used):
    for seconds in (2, 3, 10):
        lasted(seconds, deployment=used, rows_scored=1000)
    lasted(500, Status.FAILED, deployment=used)
    figures = figures_of(jobs=Job.objects.all())
    assert figures.median_seconds == pytest.approx(3)
    assert figures.rows == 3000


def test_the_success_rate_leaves_out_what_was_canceled_or_has_not_ended(used):
    for status in (Status.COMPLETED, Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELED):
        lasted(1, status, deployment=used)
    factories.job(Status.RUNNING, deployment=used, started_at=timezone.now())
    figures = figures_of(jobs=Job.objects.all())
    assert figures.success_rate == 0.75
    assert (figures.jobs, figures.ended, figures.canceled, figures.unfinished) == (6, 4, 1, 1)


def test_figures_cover_the_newest_jobs_and_say_so(used):
    for ago, seconds in enumerate((1, 1, 100)):
        lasted(seconds, deployment=used, ago=10 * ago)
    figures = figures_of(jobs=Job.objects.all(), most=2)
    assert (figures.jobs, figures.is_capped, figures.median_seconds) == (2, True, pytest.approx(1))
    assert not figures_of(jobs=Job.objects.all(), most=3).is_capped


def test_figures_are_one_query_whatever_the_number_of_jobs(used, queries):
    lasted(1, deployment=used)
    with queries() as seen:
        figures_of(jobs=Job.objects.all())
    assert len(seen) == 1


def test_last_runs_are_those_that_have_begun_oldest_first(used):
    newest, oldest = lasted(1, deployment=used, ago=1), lasted(2, deployment=used, ago=9)
    middle = lasted(3, deployment=used, ago=5)
    factories.job(deployment=used)
    runs = last_runs(jobs=Job.objects.all())
    assert [run.pk for run in runs] == [oldest.pk, middle.pk, newest.pk]
    assert [run.pk for run in last_runs(jobs=Job.objects.all(), most=2)] == [middle.pk, newest.pk]


def test_since_knows_its_periods_only():
    now = timezone.now()
    assert since(period="24h", now=now) == now - timedelta(days=1)
    assert since(period="90d", now=now) == now - timedelta(days=90)
    assert since(period="", now=now) is None
    assert since(period="; drop", now=now) is None


def test_names_among_jobs_are_each_there_once(used, person):
    factories.job(deployment=used, created_by=person)
    factories.job(deployment=used, created_by=person)
    factories.job(deployment=used)
    assert people_among(jobs=Job.objects.all()) == ["ada"]
    assert names_among(jobs=Job.objects.all(), field="deployment_name") == [used.name]
