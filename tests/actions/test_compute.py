from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from studio.actions import compute
from studio.actions.jobs import waiting_reason
from studio.actions.sweep import sweep
from studio.errors import ChangedMeanwhile, FieldErrors, NotAllowed
from studio.models import Cluster, Event, Node
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster() -> Cluster:
    return factories.cluster("gpu", slots=2, max_nodes=3)


def edited(cluster: Cluster, person: Any, revision: int = 1, **changes: Any) -> None:
    names = ("slots", "slot_memory", "min_nodes", "max_nodes", "idle_seconds", "tier")
    values = {name: getattr(cluster, name) for name in names}
    compute.edit_cluster(user=person, cluster=cluster, revision=revision, **{**values, **changes})


def test_a_fresh_studio_has_a_cluster_that_is_always_warm() -> None:
    made = compute.set_up_local_cluster()
    assert (made.name, made.kind, made.min_nodes, made.max_nodes) == ("cpu-cluster", "local", 1, 1)
    assert compute.set_up_local_cluster() == made


def test_a_cluster_that_somebody_made_instead_is_taken(cluster: Cluster) -> None:
    assert compute.set_up_local_cluster() == cluster


def test_a_name_is_taken_once(cluster: Cluster, person: Any) -> None:
    with pytest.raises(FieldErrors, match="A cluster with this name exists"):
        compute.create_cluster(user=person, name="gpu")


@pytest.mark.parametrize(
    ("changes", "drains"),
    [
        ({"slots": 4}, True),
        ({"slot_memory": 1 << 30}, True),
        ({"tier": "low_priority"}, True),
        ({"max_nodes": 5, "min_nodes": 1, "idle_seconds": 9}, False),
    ],
)
def test_an_edit_drains_the_nodes_that_are_no_longer_right(
    cluster: Cluster, person: Any, changes: dict[str, Any], drains: bool
) -> None:
    factories.node(cluster=cluster)
    edited(cluster, person, **changes)
    assert Node.objects.get().is_draining is drains
    assert cluster.revision == 2
    assert Event.objects.get().details["after"] == changes


def test_the_second_of_two_editors_overwrites_nothing(cluster: Cluster, person: Any) -> None:
    edited(cluster, person, max_nodes=5)
    with pytest.raises(ChangedMeanwhile, match="ada changed gpu meanwhile"):
        edited(cluster, person, max_nodes=7)
    assert Cluster.objects.get().max_nodes == 5
    assert Event.objects.count() == 1


def test_a_stopped_cluster_lets_no_node_join(cluster: Cluster, person: Any) -> None:
    old = factories.node(cluster=cluster)
    compute.stop_cluster(user=person, cluster=cluster)
    assert not compute.takes_work(node=old)
    with pytest.raises(compute.ClusterIsStopped, match="The cluster gpu is stopped"):
        compute.join_cluster(cluster_name="gpu")
    with pytest.raises(NotAllowed, match="The cluster is stopped"):
        compute.stop_cluster(user=person, cluster=cluster)
    compute.start_cluster(user=person, cluster=cluster)
    assert compute.takes_work(node=compute.join_cluster(cluster_name="gpu"))
    assert not compute.takes_work(node=old)


def test_a_node_that_joins_ends_the_problem_of_its_cluster(cluster: Cluster) -> None:
    Cluster.objects.update(problem="Its last one ended by itself.")
    assert compute.join_cluster(cluster_name="gpu").idle_since
    assert Cluster.objects.get().problem == ""


def test_a_beat_says_since_when_nothing_runs_and_what_is_loaded(cluster: Cluster) -> None:
    node = compute.join_cluster(cluster_name="gpu")
    beat = {"node": node, "cpu_percent": 1, "memory": 2}
    assert compute.node_beats(**beat, busy=1, idle_for=None, loaded=["heart 3"])
    node.refresh_from_db()
    assert (node.idle_since, node.loaded) == (None, ["heart 3"])
    compute.node_beats(**beat, busy=0, idle_for=30)
    node.refresh_from_db()
    assert 29 < (timezone.now() - node.idle_since).total_seconds() < 40
    assert node.loaded == []
    Node.objects.update(is_draining=True)
    assert not compute.node_beats(**beat, busy=0)


def test_a_node_of_a_deleted_cluster_takes_no_more_work(cluster: Cluster, person: Any) -> None:
    node = compute.join_cluster(cluster_name="gpu")
    compute.delete_cluster(user=person, cluster=cluster)
    assert not compute.node_beats(node=node, busy=0, cpu_percent=1, memory=2)


def test_delete_is_refused_while_it_is_used(cluster: Cluster, person: Any) -> None:
    deployment = factories.deployment(cluster=cluster)
    with pytest.raises(NotAllowed, match="uses it"):
        compute.delete_cluster(user=person, cluster=cluster)
    other = factories.deployment(cluster=cluster)
    with pytest.raises(NotAllowed, match="Deployments use it"):
        compute.delete_cluster(user=person, cluster=cluster)
    job = factories.job("Running", deployment=deployment)
    other.delete()
    deployment.delete()
    with pytest.raises(NotAllowed, match=f"The job {job.display_name} runs on it"):
        compute.delete_cluster(user=person, cluster=cluster)


NO_NODE = "Waiting because no node of the cluster gpu is running. It starts as soon as one joins."
STARTING = "Waiting for a node of gpu to start."
SLOT = "Waiting for a free slot of the cluster gpu."
STOPPED = "Waiting because the cluster gpu is stopped. Start it on its page."


@pytest.mark.parametrize(
    ("fields", "node", "reason"),
    [
        ({}, None, STARTING),
        ({"problem": "It ended."}, None, f"{STARTING} It ended."),
        ({"kind": "external"}, None, NO_NODE),
        ({"is_stopped": True}, None, STOPPED),
        ({}, {}, SLOT),
        ({}, {"is_draining": True}, STARTING),
    ],
)
def test_what_a_job_waits_for(fields: dict[str, Any], node: dict[str, Any] | None, reason: str) -> None:
    cluster = factories.cluster("gpu", **fields)
    if node is not None:
        factories.node(cluster=cluster, **node)
    assert waiting_reason(cluster) == reason


def test_the_sweep_keeps_what_a_job_waits_for_true(cluster: Cluster, person: Any) -> None:
    job = factories.job("Running", deployment=factories.deployment(cluster=cluster))
    factories.minibatch(job)

    def waits_for() -> str:
        sweep()
        job.refresh_from_db()
        return job.waiting_for

    type(job).objects.update(recorded_at=timezone.now())
    assert waits_for() == "", "a slot goes from one mini-batch to the next"
    type(job).objects.update(recorded_at=timezone.now() - timedelta(seconds=5))
    assert waits_for() == STARTING
    compute.stop_cluster(user=person, cluster=cluster)
    assert waits_for() == STOPPED
    compute.start_cluster(user=person, cluster=cluster)
    node = factories.node(cluster=cluster)
    assert waits_for() == SLOT
    type(job).objects.update(waiting_for="The model is being loaded.")
    assert waits_for() == "The model is being loaded."
    Node.objects.filter(pk=node.pk).update(is_draining=True)
    assert waits_for() == STARTING
