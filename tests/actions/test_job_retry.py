import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from studio.actions import finalizing, job_retry, minibatches, preparing, sweep
from studio.actions.leases import Holder
from studio.errors import NotAllowed
from studio.models import Event, Job, MiniBatch
from tests import factories
from tests.actions.scored import scored_part

pytestmark = pytest.mark.django_db
CONTROL = Holder("test")
Status = Job.Status


@pytest.fixture(autouse=True)
def enqueued(monkeypatch):
    """What is handed to the broker, instead of handing it: no worker runs in these tests."""
    sent = []
    for module in ("job_retry", "preparing", "minibatches"):
        monkeypatch.setattr(f"studio.actions.{module}.enqueue", lambda task, **ids: sent.append((task, ids)))
    return sent


def planned(store, count=3, **settings):
    """A running job of `count` mini-batches of a file each."""
    files = {f"{number}.csv": f"x\n{number}\n" for number in range(count)}
    asset = factories.data_asset(store, files)
    job = factories.job(datastore=store, input_path=asset.path)
    Job.objects.filter(pk=job.pk).update(settings={**job.settings, "mini_batch_size": 1, **settings})
    preparing.prepare_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    return job


def score(job, numbers, fail=()):
    """As a node does: the mini-batches `numbers` leave a part, those in `fail` fail for good."""
    node = factories.node(cluster=job.cluster, slots=9)
    Job.objects.filter(pk=job.pk).update(settings={**job.settings, "max_concurrency": 9})
    while True:
        minibatch = minibatches.claim_minibatch(node=node, slot=1)
        if minibatch is None:
            break
        if minibatch.number in fail:
            minibatches.fail_attempt(minibatch=minibatch, error="The model is tired.", is_final=True)
        elif minibatch.number in numbers:
            part, report = scored_part(job, minibatch)
            minibatches.record_minibatch(minibatch=minibatch, part=part, report=report, seconds=1, ago=0)
    job.refresh_from_db()


def ended(store, fail=(1,), count=3, **settings):
    job = planned(store, count, **settings)
    score(job, range(count), fail)
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    return job


def retried(person, job):
    retry = job_retry.retry_job(user=person, job=job)
    preparing.prepare_job(job_id=retry.pk, holder=CONTROL)
    retry.refresh_from_db()
    return retry


def output(job):
    return Path(job.output_datastore.options["root"], job.output_object("predictions.csv")).read_bytes()


def test_a_retry_runs_only_what_failed_and_keeps_what_the_job_ran_with(person, store, enqueued):
    job = ended(store)
    assert (job.status, job.files_failed) == (Status.COMPLETED, 1)
    retry = retried(person, job)
    assert (retry.retry_of, retry.spec, retry.settings) == (job, job.spec, job.settings)
    assert retry.output_path != job.output_path
    assert ("jobs.prepare", {"job_id": retry.pk}) in enqueued
    statuses = retry.minibatches.in_plan_order().values_list("status", flat=True)
    assert list(statuses) == ["Completed", "Waiting", "Completed"]
    assert (retry.minibatches_total, retry.minibatches_done, retry.rows_scored, retry.rows_taken) == (
        3,
        2,
        2,
        2,
    )
    assert Event.objects.filter(action="job.retry", actor=person, subject=retry.name).exists()


def test_a_retry_writes_what_a_job_that_never_failed_writes(person, store):
    retry = retried(person, ended(store, count=4))
    score(retry, range(4))
    finalizing.finalize_job(job_id=retry.pk, holder=CONTROL)
    whole = ended(store, fail=(), count=4)
    retry.refresh_from_db()
    assert (retry.status, retry.files_failed, retry.parts_until) == (Status.COMPLETED, 0, None)
    assert output(retry) == output(whole)


def test_the_parts_of_the_first_job_outlive_the_retry(person, store):
    job = ended(store)
    retry = retried(person, job)
    score(retry, range(3))
    finalizing.finalize_job(job_id=retry.pk, holder=CONTROL)
    again = retried(person, job)
    assert again.minibatches_done == 2


def test_a_part_that_is_gone_is_scored_anew(person, store):
    job = ended(store)
    part = job.minibatches.get(number=0).part
    Path(store.options["root"], part["path"]).unlink()
    retry = retried(person, job)
    assert (retry.minibatches_done, retry.rows_scored) == (1, 1)
    assert retry.minibatches.get(number=0).status == MiniBatch.Status.WAITING


def test_a_job_whose_writing_failed_is_only_written_again(person, store, enqueued):
    job = planned(store)
    score(job, range(3))
    taken = Path(store.options["root"], job.output_path)
    taken.mkdir(parents=True)
    (taken / "predictions.csv").write_text("somebody else’s")
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert (job.status, job.has_parts) == (Status.FAILED, True)
    retry = retried(person, job)
    assert ("jobs.finalize", {"job_id": retry.pk}) in enqueued
    finalizing.finalize_job(job_id=retry.pk, holder=CONTROL)
    retry.refresh_from_db()
    assert retry.status == Status.COMPLETED


def test_one_key_makes_one_retry(person, store):
    job, key = ended(store), uuid.uuid4()
    first = job_retry.retry_job(user=person, job=job, key=key)
    assert job_retry.retry_job(user=person, job=job, key=key) == first
    assert job.retries.count() == 1


@pytest.mark.parametrize(
    ("status", "fields", "reason"),
    [
        (Status.RUNNING, {}, "has not ended"),
        (Status.CANCELED, {}, "was canceled"),
        (Status.COMPLETED, {}, "Nothing of this job has failed"),
        (Status.COMPLETED, {"rows_failed": 2}, "would fail again"),
        (Status.FAILED, {}, "before its mini-batches were planned"),
        (Status.FAILED, {"minibatches_total": 2}, "kept for 30 days"),
        (Status.FAILED, {"minibatches_total": 2, "rows_failed": 9}, "None of its rows"),
    ],
)
def test_what_cannot_be_retried_says_why(person, store, status, fields, reason):
    job = factories.job(status, datastore=store, **fields)
    with pytest.raises(NotAllowed, match=reason):
        job_retry.retry_job(user=person, job=job)


def test_a_job_whose_cluster_or_datastore_is_gone_is_not_retried(person, store):
    kept = {"minibatches_total": 2, "parts_until": timezone.now() + timedelta(days=1)}
    for gone, reason in (("cluster", "cluster"), ("input_datastore", "unregistered")):
        job = factories.job(Status.FAILED, datastore=store, **{**kept, gone: None})
        with pytest.raises(NotAllowed, match=reason):
            job_retry.retry_job(user=person, job=job)


def test_files_with_failed_rows_beyond_the_threshold_are_not_retried(person, store):
    job = ended(store)
    for minibatch in job.minibatches.completed():
        minibatch.failed_files = [minibatch.first_file]
        minibatch.save(update_fields=["failed_files"])
    Job.objects.filter(pk=job.pk).update(settings={**job.settings, "error_threshold": 1})
    with pytest.raises(NotAllowed, match="2 of its files have rows that would fail again"):
        job_retry.retry_job(user=person, job=job)


def test_the_sweep_removes_parts_after_their_time_and_not_those_that_a_retry_reads(person, store):
    job = ended(store)
    folder = Path(store.options["root"], job.parts_path)
    retry = job_retry.retry_job(user=person, job=job)
    Job.objects.filter(pk=job.pk).update(parts_until=timezone.now() - timedelta(seconds=1))
    sweep.remove_outdated_parts()
    assert any(folder.iterdir())
    retry.move_to(Status.FAILED, finished_at=timezone.now())
    sweep.remove_outdated_parts()
    job.refresh_from_db()
    assert not folder.exists()
    assert job.parts_until is None


def test_speed_and_time_left_are_of_the_retrys_own_work(person, store):
    retry = retried(person, ended(store, count=4))
    retry.started_at = timezone.now() - timedelta(seconds=10)
    assert retry.rows_per_second is None
    assert retry.seconds_left is None


def test_a_mini_batch_with_a_file_that_was_not_scored_is_scored_again(person, store):
    job = planned(store, 2)
    node = factories.node(cluster=job.cluster)
    minibatch = minibatches.claim_minibatch(node=node, slot=1)
    part, report = scored_part(job, minibatch)
    report["slices"][0] |= {"records": 0, "rows": 0, "failed": "0.csv is empty."}
    minibatches.record_minibatch(minibatch=minibatch, part=part, report=report, seconds=1, ago=0)
    score(job, [1])
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert job.status == Status.COMPLETED
    assert job.status_label == "Completed, 1 of 2 files failed"
    assert job.error == "1 of 2 files failed. 0.csv is empty."
    assert (job.files_unscored, job.has_parts) == (1, True)
    errors = Path(store.options["root"], job.output_object("errors.csv")).read_text()
    assert errors.splitlines()[1:] == ["0.csv,,file,0.csv is empty."]
    plan = job_retry.retry_plan(job=job)
    assert (plan.runs, plan.takes) == (1, 1)
    retry = retried(person, job)
    assert [one.status for one in retry.minibatches.in_plan_order()] == ["Waiting", "Completed"]
