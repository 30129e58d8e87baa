import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from scoring.plan import Slice
from studio.actions import minibatches
from studio.models import Job, MiniBatch
from studio.models.states import MoveRefused
from tests import factories

pytestmark = pytest.mark.django_db
SLICE = {"records": 3, "rows": 2, "errors": 1, "failed": "", "first_error": None, "columns": []}
REPORT = {"slices": [SLICE], "seconds": {}, "sketches": {}}
SCORED = {"part": {"path": "p"}, "report": REPORT, "seconds": 2.0, "ago": 1.0}


@pytest.fixture
def node():
    return factories.node()


def running_job(node, count=3, **settings):
    deployment = factories.deployment(cluster=node.cluster)
    job = factories.job(Job.Status.RUNNING, deployment=deployment)
    Job.objects.filter(pk=job.pk).update(settings={**job.settings, **settings}, files_total=count)
    for _ in range(count):
        factories.minibatch(job)
    job.refresh_from_db()
    return job


def claim(node, slot=1):
    return minibatches.claim_minibatch(node=node, slot=slot)


def test_claims_follow_the_order_of_the_plan(node):
    running_job(node)
    assert [claim(node).number for _ in range(2)] == [0, 1]


def test_the_largest_is_begun_first(node):
    job = running_job(node)
    job.minibatches.filter(number=1).update(bytes=10**9)
    assert [claim(node).number for _ in range(2)] == [1, 0]


def test_a_claim_is_a_lease_of_the_node(node):
    running_job(node)
    claimed = claim(node)
    assert claimed.leased_by == node.name
    assert claimed.lease_until > timezone.now()


def test_no_more_of_a_job_on_a_node_than_its_concurrency(node):
    running_job(node, max_concurrency=1)
    assert claim(node)
    assert claim(node, slot=2) is None


def test_no_more_nodes_for_a_job_than_its_instance_count(node):
    running_job(node, instance_count=1)
    assert claim(node)
    assert claim(factories.node(cluster=node.cluster)) is None


def test_the_job_with_the_fewest_running_goes_first(node):
    first, second = running_job(node), running_job(node)
    assert [claim(node).job_id for _ in range(2)] == [first.pk, second.pk]


def test_a_mini_batch_is_recorded_once(node):
    job = running_job(node)
    claimed = claim(node)
    again = MiniBatch.objects.get(pk=claimed.pk)
    minibatches.record_minibatch(minibatch=claimed, **SCORED)
    with pytest.raises(MoveRefused):
        minibatches.record_minibatch(minibatch=again, **{**SCORED, "part": {"path": "q"}})
    job.refresh_from_db()
    assert (job.minibatches_done, job.rows_scored, job.rows_failed, job.files_failed) == (1, 2, 1, 1)


def test_a_node_that_lost_its_lease_records_nothing(node):
    job = running_job(node)
    claimed = claim(node)
    MiniBatch.objects.filter(pk=claimed.pk).update(lease=uuid.uuid4())
    with pytest.raises(MoveRefused):
        minibatches.record_minibatch(minibatch=claimed, **SCORED)
    job.refresh_from_db()
    assert job.rows_scored == 0


def record_and_claim(minibatch, node, **more):
    return minibatches.record_and_claim(minibatch=minibatch, node=node, **SCORED, **more)


def test_the_next_one_is_claimed_as_one_is_recorded(node):
    job = running_job(node, count=2, max_concurrency=1)
    following = record_and_claim(claim(node, slot=2), node)
    assert (following.number, following.slot, following.leased_by) == (1, 2, node.name)
    assert record_and_claim(following, node) is None
    job.refresh_from_db()
    assert (job.minibatches_done, job.rows_scored) == (2, 4)


def test_a_record_says_when_the_scoring_was(node):
    running_job(node, count=1)
    claimed = claim(node)
    minibatches.record_minibatch(minibatch=claimed, **SCORED)
    recorded = MiniBatch.objects.get(pk=claimed.pk)
    assert recorded.duration == pytest.approx(2.0)
    assert timezone.now() - recorded.finished_at >= timedelta(seconds=1)


def test_a_busy_slot_takes_one_ahead_while_plenty_are_left(node):
    job = running_job(node, count=4, max_concurrency=1)
    current = claim(node)
    following = minibatches.claim_ahead(minibatch=current, node=node)
    assert (following.number, following.slot, following.leased_by) == (1, current.slot, node.name)
    assert record_and_claim(current, node, ahead=True).number == 2
    assert record_and_claim(following, node, ahead=True) is None
    assert job.minibatches.waiting().get().number == 3


def test_near_the_end_what_waits_is_left_to_slots_that_are_free(node):
    running_job(node, count=5)
    first, second = claim(node, slot=1), claim(node, slot=2)
    assert minibatches.claim_ahead(minibatch=first, node=node) is None
    assert record_and_claim(second, node).number == 2


def test_nothing_is_taken_ahead_of_a_job_that_is_gone_or_canceled(node):
    job = running_job(node, count=9)
    current = claim(node)
    Job.objects.filter(pk=job.pk).update(status=Job.Status.CANCEL_REQUESTED)
    assert minibatches.claim_ahead(minibatch=current, node=node) is None
    job.delete()
    assert minibatches.claim_ahead(minibatch=current, node=node) is None


def test_who_lost_the_lease_claims_nothing_either(node):
    job = running_job(node, count=2)
    claimed = claim(node)
    MiniBatch.objects.filter(pk=claimed.pk).update(lease=uuid.uuid4())
    with pytest.raises(MoveRefused):
        record_and_claim(claimed, node)
    assert job.minibatches.waiting().count() == 1


def test_nothing_more_is_claimed_of_a_job_that_the_record_ends(node):
    job = running_job(node, count=2, error_threshold=0)
    assert record_and_claim(claim(node), node) is None
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert not job.minibatches.running().exists()


def test_three_retries_are_three_more_attempts(node):
    job = running_job(node, count=1, max_retries=3)
    for attempt in range(1, 5):
        minibatches.fail_attempt(minibatch=claim(node), error=f"failed {attempt}")
    failed = job.minibatches.get()
    assert (failed.status, failed.attempts, failed.error) == (MiniBatch.Status.FAILED, 4, "failed 4")


def test_a_final_failure_is_not_tried_again(node):
    job = running_job(node, count=1)
    minibatches.fail_attempt(minibatch=claim(node), error="not a CSV", is_final=True)
    assert job.minibatches.get().status == MiniBatch.Status.FAILED


def test_a_model_that_cannot_be_loaded_fails_the_job_and_not_each_mini_batch(node):
    job = running_job(node, max_retries=1)
    for _ in range(2):
        minibatches.fail_attempt(minibatch=claim(node), error="no such weights", is_of_every_minibatch=True)
    job.refresh_from_db()
    assert (job.status, job.error) == (Job.Status.FAILED, "no such weights")
    assert set(job.minibatches.values_list("status", flat=True)) == {"Failed", "Canceled"}


def test_the_last_node_that_gives_back_settles_the_cancel_without_a_broker(
    node, django_capture_on_commit_callbacks
):
    job = running_job(node, count=1)
    claimed = claim(node)
    job.move_to(Job.Status.CANCEL_REQUESTED)
    with django_capture_on_commit_callbacks(execute=True):
        minibatches.give_back(minibatch=claimed)
    job.refresh_from_db()
    assert job.status == Job.Status.CANCELED


def test_more_failed_files_than_the_threshold_fail_the_job(node):
    job = running_job(node, error_threshold=1)
    minibatches.fail_attempt(minibatch=claim(node), error="The first reason.", is_final=True)
    job.refresh_from_db()
    assert job.status == Job.Status.RUNNING
    minibatches.fail_attempt(minibatch=claim(node), error="The second.", is_final=True)
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert "2 of 3 files failed" in job.error
    assert "The first reason." in job.error
    assert job.minibatches.get(number=2).status == MiniBatch.Status.CANCELED


@pytest.mark.parametrize(
    ("threshold", "status", "failed"),
    [(-1, "Running", 3), (0, "Failed", 1), (1, "Failed", 2), (3, "Running", 3), (99, "Running", 3)],
)
def test_as_many_files_may_fail_as_the_threshold_says(node, threshold, status, failed):
    job = running_job(node, count=4, error_threshold=threshold)
    while job.status == Job.Status.RUNNING and job.files_failed < 3:
        minibatches.fail_attempt(minibatch=claim(node), error="Broken.", is_final=True)
        job.refresh_from_db()
    assert (job.status, job.files_failed) == (status, failed)


def test_a_lost_node_is_not_an_attempt(node):
    job = running_job(node, count=1)
    claimed = claim(node)
    MiniBatch.objects.filter(pk=claimed.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    minibatches.recover_lost(minibatch_id=claimed.pk, lease=claimed.lease)
    again = job.minibatches.get()
    assert (again.status, again.attempts, again.losses) == (MiniBatch.Status.WAITING, 0, 1)


def test_a_lease_that_was_renewed_is_not_taken(node):
    job = running_job(node, count=1)
    claimed = claim(node)
    minibatches.recover_lost(minibatch_id=claimed.pk, lease=claimed.lease)
    assert job.minibatches.get().status == MiniBatch.Status.RUNNING


def test_what_is_given_back_waits_again_or_is_canceled(node):
    job = running_job(node, count=2)
    minibatches.give_back(minibatch=claim(node))
    assert job.minibatches.get(number=0).status == MiniBatch.Status.WAITING
    claimed = claim(node)
    job.move_to(Job.Status.CANCEL_REQUESTED)
    minibatches.give_back(minibatch=claimed)
    assert job.minibatches.get(number=0).status == MiniBatch.Status.CANCELED


def test_a_divided_file_that_fails_in_several_mini_batches_counts_once(db):
    job = factories.job("Running")
    for start, end in ((0, 10), (10, 20), (20, None)):
        one = Slice(path="big.csv", size=10, start=start, end=end)
        factories.minibatch(job, slices=[one.to_dict()])
    node = factories.node(cluster=job.cluster, slots=9)
    first, second, third = (minibatches.claim_minibatch(node=node, slot=1) for _ in range(3))
    minibatches.record_minibatch(minibatch=first, **SCORED)
    minibatches.fail_attempt(minibatch=second, error="The model is tired.", is_final=True)
    minibatches.record_minibatch(minibatch=third, **SCORED)
    job.refresh_from_db()
    assert (job.files_failed, job.minibatches_failed, job.rows_failed) == (1, 1, 2)
