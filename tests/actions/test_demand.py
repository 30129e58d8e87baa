from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from scoring.settings import ScoringSettings
from studio.actions.demand import JobDemand, demand_here, drain_surplus, nodes_wanted
from studio.models import Cluster, Job, Node, Trial
from tests import factories

PLANNING = JobDemand(None, 1, None)


@pytest.mark.parametrize(
    ("cluster", "demand", "wanted"),
    [
        ({}, {}, 0),
        ({"min_nodes": 2}, {}, 2),
        ({}, {"is_warm": True}, 1),
        ({"min_nodes": 2}, {"is_warm": True}, 2),
        ({}, {"has_work": True}, 1),
        ({}, {"jobs": [PLANNING]}, 1),
        # No more than a job's instance count, and than its mini-batches need.
        ({}, {"jobs": [JobDemand(100, 1, None)]}, 1),
        ({}, {"jobs": [JobDemand(100, 2, None)]}, 2),
        ({}, {"jobs": [JobDemand(3, 3, None)]}, 2),
        ({}, {"jobs": [JobDemand(1, 3, None)]}, 1),
        ({}, {"jobs": [JobDemand(3, 3, 1)]}, 3),
        ({}, {"jobs": [JobDemand(100, 2, 9)]}, 2),
        # Small jobs share a node, large ones do not.
        ({}, {"jobs": [JobDemand(1, 1, None)] * 2}, 1),
        ({}, {"jobs": [PLANNING] * 3}, 2),
        ({}, {"jobs": [JobDemand(100, 1, None)] * 2}, 2),
        # Never more than there may be, and none where somebody has stopped it.
        ({"max_nodes": 2}, {"jobs": [JobDemand(100, 9, None)]}, 2),
        ({"max_nodes": 1}, {"jobs": [JobDemand(100, 1, None)] * 5}, 1),
        (
            {"min_nodes": 1, "is_stopped": True},
            {"is_warm": True, "jobs": [PLANNING], "has_work": True},
            0,
        ),
    ],
)
def test_nodes_wanted(cluster: dict[str, Any], demand: dict[str, Any], wanted: int) -> None:
    row = Cluster(**{"slots": 2, "max_nodes": 4, **cluster})
    assert nodes_wanted(cluster=row, **{"is_warm": False, "has_work": False, **demand}) == wanted


def wanted(cluster: Cluster) -> int:
    return demand_here()[cluster]


@pytest.fixture
def cluster(db: None) -> Cluster:
    return factories.cluster(slots=2, max_nodes=4)


def test_other_clusters_and_other_kinds_do_not_count(cluster: Cluster) -> None:
    away = factories.cluster(kind=Cluster.Kind.EXTERNAL, min_nodes=1)
    factories.job(deployment=factories.deployment(cluster=away))
    assert away not in demand_here()
    assert wanted(cluster) == 0


@pytest.mark.parametrize(
    ("status", "done", "nodes"),
    [
        ("Queued", 0, 1),
        ("Preparing", 0, 1),
        ("Running", 0, 3),
        ("Running", 4, 1),
        ("Running", 6, 0),
        ("Finalizing", 6, 0),
        ("CancelRequested", 0, 0),
        ("Completed", 6, 0),
    ],
)
def test_jobs_want_nodes_until_their_last_mini_batch(
    cluster: Cluster, status: str, done: int, nodes: int
) -> None:
    settings = {**ScoringSettings().to_dict(), "instance_count": 3}
    job = factories.job(status, deployment=factories.deployment(cluster=cluster), settings=settings)
    Job.objects.filter(pk=job.pk).update(minibatches_total=6, minibatches_done=done)
    assert wanted(cluster) == nodes


def test_a_deployment_that_is_being_created_wants_a_node(cluster: Cluster) -> None:
    factories.deployment(cluster=cluster)
    factories.deployment("Failed", cluster=cluster)
    assert wanted(cluster) == 0
    factories.deployment("Creating", cluster=cluster)
    assert wanted(cluster) == 1


def test_rows_to_try_want_a_node(cluster: Cluster, store: Any) -> None:
    trial = Trial.objects.create(
        deployment=factories.deployment(cluster=cluster),
        settings={},
        datastore=store,
        path="in",
        created_by=factories.user(),
    )
    assert wanted(cluster) == 1
    trial.move_to(Trial.Status.FAILED, finished_at=timezone.now())
    assert wanted(cluster) == 0


def test_a_warm_cluster_wants_a_node_until_then(cluster: Cluster) -> None:
    Cluster.objects.update(warm_until=timezone.now() + timedelta(seconds=60))
    assert wanted(cluster) == 1
    Cluster.objects.update(warm_until=timezone.now() - timedelta(seconds=1))
    assert wanted(cluster) == 0


def test_the_number_of_queries_does_not_grow(cluster: Cluster, queries: Any) -> None:
    with queries() as none:
        demand_here()
    assert len(none) == 1, "an idle studio is asked as little as possible"
    factories.job(deployment=factories.deployment(cluster=cluster))
    with queries() as few:
        demand_here()
    for _number in range(4):
        factories.job(deployment=factories.deployment(cluster=factories.cluster()))
    with queries() as many:
        demand_here()
    assert len(many) == len(few)


def test_only_what_has_been_idle_long_enough_is_drained(cluster: Cluster) -> None:
    now = timezone.now()
    ages = {1: 300, 2: 200, 3: 60, 4: None, 5: 500}
    for pid, age in ages.items():
        since = None if age is None else now - timedelta(seconds=age)
        factories.node(cluster=cluster, pid=pid, idle_since=since)
    factories.node(cluster=cluster, pid=1, host="elsewhere", idle_since=now - timedelta(hours=1))
    drain_surplus(cluster=cluster, pids=[1, 2, 3, 4], host="here", count=1)
    assert [(node.pid, node.host) for node in Node.objects.filter(is_draining=True)] == [(1, "here")]
    drain_surplus(cluster=cluster, pids=[1, 2, 3, 4], host="here", count=9)
    assert set(Node.objects.filter(is_draining=True).values_list("pid", flat=True)) == {1, 2}
