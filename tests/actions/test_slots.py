"""A slot that scores several mini-batches of a job, one of them in hand while another is scored."""

import uuid
from pathlib import Path

import pytest

from scoring.errors import ScoringError
from scoring.plan import whole
from studio.actions import minibatches, scorers, slots
from studio.actions.inputs import input_places, list_input
from studio.models import Job, MiniBatch
from tests import factories


@pytest.fixture
def many(job_over):
    """A job of mini-batches of one file each, one for each act."""

    def make(acts: list[str], **settings) -> Job:
        job = job_over(acts, **settings)
        job.minibatches.all().delete()
        for file in list_input(datastore=job.input_datastore, path=job.input_path):
            factories.minibatch(job, slices=[whole(file).to_dict()])
        job.refresh_from_db()
        return job

    return make


def statuses(job: Job) -> list[str]:
    return list(job.minibatches.in_plan_order().values_list("status", flat=True))


def count_in_hand(monkeypatch) -> list[int]:
    """How many more were held each time one had been claimed ahead."""
    seen = []

    def counted(real):
        def call(**given):
            claimed = real(**given)
            if claimed and given.get("ahead", True):
                seen.append(claimed.job.minibatches.running().count())
            return claimed

        return call

    for name in ("claim_ahead", "record_and_claim"):
        monkeypatch.setattr(minibatches, name, counted(getattr(minibatches, name)))
    return seen


def test_all_are_scored_and_the_next_is_in_hand_while_one_is_scored(node, many, monkeypatch):
    held = count_in_hand(monkeypatch)
    job = many(["echo"] * 8)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert statuses(job) == ["Completed"] * 8
    assert (job.minibatches_done, job.rows_scored, job.rows_failed) == (8, 8, 8)
    assert held
    assert set(held) == {2}
    assert not node._held[MiniBatch]
    assert node.slots[0].job_id is None


def test_one_that_fails_takes_no_neighbour_with_it(node, many):
    job = many(["echo", "echo", "raise", "exit", "echo", "echo", "echo", "echo"], error_threshold=-1)
    node.slots[0].score_all()
    assert statuses(job) == ["Completed"] * 2 + ["Failed"] * 2 + ["Completed"] * 4


@pytest.fixture
def fresh_scorers():
    """Whatever a model does to its process concerns no other test."""
    yield
    for kept in scorers.pool()._idle():
        scorers.pool().discard(kept.scorer)


@pytest.mark.usefixtures("fresh_scorers")
def test_what_a_model_does_to_its_own_process_costs_no_other_mini_batch(node, many):
    harms = ["close", "elsewhere", "no files", "signals", "streams"]
    acts = [act for harm in harms for act in (harm, "list", "list")]
    job = many(acts, max_retries=1)
    node.slots[0].score_all()
    others = [one.status for one in job.minibatches.all() if one.slices[0]["path"].endswith("-list.csv")]
    assert others == ["Completed"] * 10


@pytest.mark.usefixtures("fresh_scorers")
def test_a_process_that_has_gone_bad_costs_attempts_and_no_mini_batch(node, many):
    job = many(["list", "spoil", "list", "list", "list"], max_retries=2)
    node.slots[0].score_all()
    assert statuses(job) == ["Completed"] * 5
    assert sum(job.minibatches.values_list("attempts", flat=True)) == 2


def test_a_result_whose_lease_is_lost_is_discarded(node, store, many, monkeypatch):
    job = many(["echo"] * 8)
    real, taken = minibatches.claim_ahead, []

    def robbed(*, minibatch, node):
        """Of the first mini-batch, while it is scored."""
        if not taken:
            taken.append(minibatch.pk)
            MiniBatch.objects.filter(pk=minibatch.pk).update(lease=uuid.uuid4())
        return real(minibatch=minibatch, node=node)

    monkeypatch.setattr(minibatches, "claim_ahead", robbed)
    node.slots[0].score_all()
    assert sorted(statuses(job)) == ["Completed"] * 7 + ["Running"]
    assert job.minibatches.running().get().pk == taken[0]
    kept = {part["path"] for part in job.minibatches.completed().values_list("part", flat=True)}
    stored = {path.name for path in (Path(store.options["root"]) / job.parts_path).glob("*.part.arrow")}
    assert stored == {path.rsplit("/", 1)[-1] for path in kept}


def test_a_canceled_job_gets_back_what_is_in_hand(node, many, monkeypatch):
    job = many(["echo"] * 8)
    real = minibatches.claim_ahead

    def canceled(*, minibatch, node):
        claimed = real(minibatch=minibatch, node=node)
        Job.objects.filter(pk=job.pk).update(status=Job.Status.CANCEL_REQUESTED)
        at_work.dropped.add(job.pk)
        return claimed

    at_work = node
    monkeypatch.setattr(minibatches, "claim_ahead", canceled)
    node.slots[0].score_all()
    assert statuses(job).count("Canceled") == 2
    assert not job.minibatches.running().exists()
    assert not node._held[MiniBatch]


def test_a_node_that_stops_gives_back_what_is_in_hand(node, many, monkeypatch):
    job = many(["echo"] * 8)
    real = minibatches.claim_ahead

    def stopping(*, minibatch, node):
        claimed = real(minibatch=minibatch, node=node)
        at_work.stopping.set()
        return claimed

    at_work = node
    monkeypatch.setattr(minibatches, "claim_ahead", stopping)
    node.slots[0].score_all()
    done = statuses(job).count("Completed")
    assert done < 3
    assert statuses(job) == ["Completed"] * done + ["Waiting"] * (8 - done)
    assert not job.minibatches.filter(attempts__gt=0).exists()


def local_slices(job, minibatch, folder):
    places = input_places(datastore=job.input_datastore, root=job.input_path)
    return slots.local_slices(job=job, places=places, minibatch=minibatch, folder=folder)


@pytest.fixture
def planned(store):
    """A mini-batch of one file, as prepare plans it."""
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"})
    job = factories.job("Running", datastore=store, input_path=asset.path)
    file = list_input(datastore=store, path=asset.path)[0]
    slices = [whole(file).to_dict()]
    return job, factories.minibatch(job, slices=slices), Path(store.options["root"], asset.path, "a.csv")


@pytest.mark.django_db
def test_a_file_is_handed_over_as_it_was_planned(planned, tmp_path):
    job, minibatch, file = planned
    (found,) = local_slices(job, minibatch, tmp_path)
    assert (found.path, found.name, found.kind) == (file, "a.csv", "csv")


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["x\n2\n3\n", "x\n2\n"])
def test_a_file_that_changed_meanwhile_is_refused(planned, tmp_path, text):
    """Also where it has as many bytes as before."""
    job, minibatch, file = planned
    file.write_text(text)
    (found,) = local_slices(job, minibatch, tmp_path)
    assert found.refused.startswith("a.csv has changed since the job was planned.")


@pytest.mark.django_db
def test_a_file_that_vanished_meanwhile_is_refused(planned, tmp_path):
    job, minibatch, file = planned
    file.unlink()
    (found,) = local_slices(job, minibatch, tmp_path)
    assert found.refused.startswith("a.csv has disappeared since the job was planned.")


@pytest.mark.django_db
def test_a_file_that_changes_while_it_is_scored_is_noticed(planned, tmp_path):
    """And one that was refused before is not refused again."""
    job, minibatch, file = planned

    def check(slices):
        places = input_places(datastore=job.input_datastore, root=job.input_path)
        slots.check_unchanged(job=job, places=places, minibatch=minibatch, slices=slices)

    before = local_slices(job, minibatch, tmp_path)
    check(before)
    file.write_text("x\n2\n3\n")
    with pytest.raises(ScoringError, match="has changed"):
        check(before)
    file.unlink()
    with pytest.raises(ScoringError, match="has disappeared"):
        check(before)
    check(local_slices(job, minibatch, tmp_path))
