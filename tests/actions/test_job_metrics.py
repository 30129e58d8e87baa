"""What a job's metrics and timeline say, from its summary and from the mini-batches so far."""

from datetime import timedelta

import pyarrow as pa
import pytest
from django.utils import timezone

from scoring.scorer.sketching import sketch
from scoring.summary import build_summary, merge_sketches
from studio.actions import job_metrics, job_timeline
from studio.models import Job, MiniBatch
from tests import factories

pytestmark = pytest.mark.django_db
Status = Job.Status


def report(values):
    seconds = {"read": 1.0, "predict": 3.0, "write": 0.0}
    return {"slices": [], "seconds": seconds, "sketches": {"prediction": sketch(pa.array(values))}}


def summary(values):
    return build_summary(
        job="",
        status="Completed",
        rows=len(values),
        failed_rows=0,
        files=1,
        failed_files=0,
        seconds={"read": 1, "predict": 2, "write": 1},
        sketches=merge_sketches([{"prediction": sketch(pa.array(values))}]),
        versions={},
    )


@pytest.fixture
def used(store):
    return factories.deployment()


def completed(used, values, ago=0, **fields):
    job = factories.job(Status.COMPLETED, deployment=used, summary=summary(values), **fields)
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(seconds=ago))
    return Job.objects.get(pk=job.pk)


def running(used, done, total=None, seconds=1.0, **fields):
    """A running job whose first `done` mini-batches are done, one after the other."""
    job = factories.job(Status.RUNNING, deployment=used, started_at=timezone.now())
    begun = timezone.now() - timedelta(seconds=100)
    for number in range(total or done):
        is_done = number < done
        factories.minibatch(
            job,
            MiniBatch.Status.COMPLETED if is_done else MiniBatch.Status.WAITING,
            number=number,
            report=report([0.5, 1.5]) if is_done else None,
            rows_scored=100 if is_done else 0,
            node="node-1" if is_done else "",
            slot=number % 2 if is_done else None,
            started_at=begun + timedelta(seconds=number * seconds) if is_done else None,
            finished_at=begun + timedelta(seconds=(number + 1) * seconds) if is_done else None,
            **fields,
        )
    Job.objects.filter(pk=job.pk).update(minibatches_done=done, minibatches_total=total or done)
    return Job.objects.get(pk=job.pk)


def test_numbers_have_a_histogram_beside_that_of_the_last_completed_job(used):
    before = completed(used, [0.1, 0.2, 0.3, 0.4], ago=60)
    completed(factories.deployment(), [9.0], ago=30)
    found = job_metrics.predictions(job=completed(used, [0.1, 0.9, 0.3, None]))
    column = found.columns[0]
    assert found.last == before
    assert (column.name, column.figures["nulls"], column.last["mean"]) == ("prediction", 1, 0.25)
    assert sum(one.share for one in column.bins) == pytest.approx(1)
    assert sum(one.last for one in column.bins) == pytest.approx(1)
    assert column.stability is not None
    assert column.is_shifted


def test_classes_have_bars_and_the_rest_is_counted(used):
    completed(used, ["a", "b"], ago=60)
    values = ["a"] * 5 + [f"rare-{number}" for number in range(20)]
    column = job_metrics.predictions(job=completed(used, values)).columns[0]
    assert (column.values[0].value, column.values[0].count, column.values[0].last) == ("a", 5, 0.5)
    assert column.others == 25 - 5 - (job_metrics.BARS - 1)
    assert not column.bins


def test_few_whole_numbers_are_classes_and_many_are_not(used):
    assert job_metrics.predictions(job=completed(used, [0, 1, 1])).columns[0].values
    assert job_metrics.predictions(job=completed(used, list(range(50)))).columns[0].bins


def test_the_same_distribution_is_stable(used):
    values = [number / 100 for number in range(100)]
    completed(used, values, ago=60)
    column = job_metrics.predictions(job=completed(used, values)).columns[0]
    assert column.is_stable
    assert column.stability == pytest.approx(0)


def test_a_running_job_shows_what_its_mini_batches_have_so_far(used):
    found = job_metrics.predictions(job=running(used, done=3, total=9))
    assert (found.sampled, found.of) == (3, 3)
    assert found.columns[0].figures["count"] == 6
    assert found.seconds == {"read": 3.0, "predict": 9.0, "write": 0.0}


def test_of_very_many_mini_batches_an_even_sample_is_read(used, monkeypatch, queries):
    monkeypatch.setattr(job_metrics, "MOST_REPORTS", 4)
    job = running(used, done=20)
    with queries() as seen:
        found = job_metrics.predictions(job=job)
    assert (found.sampled, found.of) == (4, 20)
    assert len(seen) == 2


@pytest.mark.parametrize("done", [0, 1, 199, 200, 201, 10_000, 999_999])
def test_spread_reaches_from_the_first_to_the_last_within_its_limit(done):
    numbers = job_metrics.spread(done, 200)
    assert len(numbers) <= 200
    assert numbers[0] == 0
    assert done - numbers[-1] <= numbers.step


def test_throughput_spreads_rows_over_the_time_they_took(used):
    found = job_metrics.throughput(job=running(used, done=10))
    assert len(found.points) == job_metrics.POINTS
    assert sum(point.rate * found.step for point in found.points) == pytest.approx(1000)
    assert found.points[0].rate == pytest.approx(100)


def test_throughput_of_a_sample_stands_for_all(used, monkeypatch):
    monkeypatch.setattr(job_metrics, "MOST_STEPS", 5)
    found = job_metrics.throughput(job=running(used, done=20))
    assert (found.sampled, found.of) == (4, 20)
    assert sum(point.rate * found.step for point in found.points) == pytest.approx(2000)


def test_a_job_that_has_scored_nothing_has_no_throughput(used):
    assert job_metrics.throughput(job=running(used, done=0, total=2)).points == []


def test_the_timeline_has_a_lane_for_each_slot(used):
    found = job_timeline.timeline(job=running(used, done=4, total=6))
    assert [(node, slot, len(bars)) for node, slot, bars in found.lanes] == [
        ("node-1", 0, 2),
        ("node-1", 1, 2),
    ]
    assert (found.drawn, found.of) == (4, 4)


def test_the_timeline_of_a_large_job_draws_what_failed_and_a_sample(used, monkeypatch):
    monkeypatch.setattr(job_timeline, "MOST_BARS", 6)
    job = running(used, done=30)
    MiniBatch.objects.filter(job=job, number=17).update(status="Failed")
    MiniBatch.objects.filter(job=job, number=19).update(losses=1)
    found = job_timeline.timeline(job=job)
    drawn = {one.number for _node, _slot, bars in found.lanes for one in bars}
    assert {17, 19} <= drawn
    assert found.drawn <= 6
    assert found.of == 30
