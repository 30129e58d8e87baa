from datetime import timedelta

import pytest
from django.utils import timezone

from scoring.settings import ScoringSettings
from studio.actions import run_times, trials
from studio.actions.leases import Holder
from studio.errors import NotAllowed
from studio.models import Deployment, Event, Job, Trial
from tests import factories

pytestmark = pytest.mark.django_db
Status = Trial.Status


@pytest.fixture
def used(store):
    return factories.deployment(cluster=factories.node().cluster)


@pytest.fixture
def asked(person, used, store):
    """Asks for a trial of the same things, unless told otherwise."""
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})

    def ask(**changes):
        given = {"user": person, "deployment": used, "settings": ScoringSettings(), "datastore": store}
        return trials.request_trial(**{**given, "path": version.path, **changes})

    return ask


def lost(trial):
    Trial.objects.filter(pk=trial.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_request_wakes_a_node_and_is_recorded(asked, django_capture_on_commit_callbacks, monkeypatch):
    woken = []
    monkeypatch.setattr("studio.queue.broker_answers", lambda: woken.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        trial = asked()
    assert (trial.status, trial.drives, woken) == (Status.WAITING, 0, [1])
    assert Event.objects.get().action == "trial.request"


def test_pressing_twice_makes_one(asked):
    assert asked() == asked()
    assert Trial.objects.count() == 1


def test_what_differs_is_tried_for_itself(asked):
    assert asked() != asked(settings=ScoringSettings(pass_through=["id"]))
    assert asked() != asked(user=factories.user())


def test_one_that_has_ended_is_tried_again(asked):
    first = asked()
    first.move_to(Status.FAILED, error="no", finished_at=timezone.now())
    assert asked() != first


def test_a_deployment_that_cannot_score_is_refused(asked, used):
    used.status = Deployment.Status.FAILED
    with pytest.raises(NotAllowed, match="cannot score"):
        asked(deployment=used)
    assert not Trial.objects.exists()


def test_a_node_takes_what_waits_longest_for_its_cluster(asked, used):
    first, _second = asked(), asked(path="elsewhere")
    assert trials.claim_trial(node=factories.node()) is None
    claimed = trials.claim_trial(node=factories.node(cluster=used.cluster))
    assert (claimed, claimed.status, claimed.drives) == (first, Status.RUNNING, 1)
    assert claimed.lease is not None


def test_one_whose_node_died_waits_for_another(asked, used):
    asked()
    claimed = trials.claim_trial(node=used.cluster.nodes.get())
    trials.recover_lost_trials()
    assert Trial.objects.get().status == Status.RUNNING
    lost(claimed)
    trials.recover_lost_trials()
    again = Trial.objects.get()
    assert (again.status, again.lease, again.drives) == (Status.WAITING, None, 1)


def test_one_that_killed_three_nodes_has_failed(asked, used):
    asked()
    for _ in range(3):
        lost(trials.claim_trial(node=used.cluster.nodes.get()))
        trials.recover_lost_trials()
    trial = Trial.objects.get()
    assert trial.status == Status.FAILED
    assert "The node died 3 times" in trial.error


def run(trial):
    trials.run_trial(trial=trial, holder=Holder("node"), memory=1 << 30, stop=lambda: False)
    trial.refresh_from_db()
    return trial


def test_data_that_is_not_there_fails_it_with_a_sentence(asked, used):
    asked(path="nowhere")
    trial = run(trials.claim_trial(node=used.cluster.nodes.get()))
    assert trial.status == Status.FAILED
    assert "There is nothing at “nowhere”" in trial.error
    assert (trial.lease, trial.result) == (None, None)
    assert trial.seconds >= 0


def test_a_stop_of_the_node_gives_it_back(asked, used):
    asked()
    claimed = trials.claim_trial(node=used.cluster.nodes.get())
    trials.run_trial(trial=claimed, holder=Holder("node"), memory=1 << 30, stop=lambda: True)
    trial = Trial.objects.get()
    assert (trial.status, trial.drives, trial.lease) == (Status.WAITING, 0, None)


def test_one_whose_deployment_was_deleted_ends_quietly(asked, used):
    asked(path="nowhere")
    claimed = trials.claim_trial(node=used.cluster.nodes.get())
    Trial.objects.all().delete()
    trials.run_trial(trial=claimed, holder=Holder("node"), memory=1 << 30, stop=lambda: False)
    assert not Trial.objects.exists()


def test_a_lost_lease_writes_nothing(asked, used):
    asked(path="nowhere")
    claimed = trials.claim_trial(node=used.cluster.nodes.get())
    Trial.objects.update(lease=None, lease_until=None)
    trials.run_trial(trial=claimed, holder=Holder("node"), memory=1 << 30, stop=lambda: False)
    assert Trial.objects.get().error == ""


def test_it_says_why_it_waits(asked, used):
    trial = asked()
    assert "is about to take it" in trials.waiting_sentence(trial)
    used.cluster.nodes.all().delete()
    assert trials.waiting_sentence(trial).startswith("Waiting")
    assert trials.waiting_sentence(trials.find_trial(
        user=trial.created_by, deployment=used, settings=ScoringSettings(),
        datastore=trial.datastore, path=trial.path,
    ))  # fmt: skip


def test_the_sweep_forgets_them_after_a_day(asked):
    asked()
    trials.forget_old_trials()
    assert Trial.objects.exists()
    Trial.objects.update(created_at=timezone.now() - timedelta(hours=25))
    trials.forget_old_trials()
    assert not Trial.objects.exists()


def finished(deployment, seconds, **fields):
    end = timezone.now()
    values = {
        "bytes_total": 1000,
        "minibatches_total": 1,
        "summary": {"seconds": {"read": 1.0, "predict": 3.0}},
    }
    times = {"started_at": end - timedelta(seconds=seconds), "finished_at": end}
    return factories.job(Job.Status.COMPLETED, deployment=deployment, **{**values, **times, **fields})


def expected(deployment, **changes):
    settings = ScoringSettings().to_dict()
    given = {"deployment": deployment, "settings": settings, "size": 1000, "minibatches": 1}
    return run_times.expected_time(**{**given, **changes})


def test_the_time_of_a_job_is_learnt_from_earlier_ones(used):
    for _ in range(7):
        finished(used, 6)
    found = expected(used)
    assert (round(found.seconds), found.runs) == (6, 5)
    # Ten times the bytes: the work grows, what is done once does not; two slots share it.
    assert round(expected(used, size=10_000).seconds) == 42
    assert round(expected(used, size=10_000, minibatches=8).seconds) == 22


def test_nothing_is_said_of_the_time_where_nothing_is_known(used):
    finished(used, 6, summary=None)
    finished(used, 6, bytes_total=0)
    finished(factories.deployment(), 6)
    assert expected(used) is None
