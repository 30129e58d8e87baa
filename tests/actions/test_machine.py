"""The nodes of this machine, with programs that only sleep in their place."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.utils import timezone

from studio.actions.machine import Machine, OwnNode
from studio.models import Cluster, Job, MiniBatch, Node
from tests import factories

pytestmark = pytest.mark.django_db
SLEEPER = "import time; time.sleep(600)"
CRASHING = "import sys; sys.exit('the disk is full')"
Make = Callable[..., Machine]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Machine] = []

    def make(program: str = SLEEPER) -> Machine:
        made.append(Machine(folder=tmp_path, command=lambda cluster: [sys.executable, "-c", program]))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def cluster() -> Cluster:
    return factories.cluster("gpu", min_nodes=2, max_nodes=3, idle_seconds=60)


def nodes_of(machine: Machine, cluster: Cluster) -> list[OwnNode]:
    return machine.clusters[cluster.name].nodes


def join(machine: Machine, cluster: Cluster, **fields: Any) -> list[Node]:
    """Their rows, as the nodes themselves would make them."""
    own = nodes_of(machine, cluster)
    return [factories.node(cluster=cluster, host=machine.host, pid=one.process.pid, **fields) for one in own]


def end(one: OwnNode, number: signal.Signals = signal.SIGKILL) -> None:
    one.process.send_signal(number)
    one.process.wait()


def waited(machine: Machine, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < until
        machine.compare()
        time.sleep(0.02)


def test_it_starts_what_is_wanted_and_says_when_it_is_there(make: Make, cluster: Cluster) -> None:
    machine = make()
    assert not machine.compare()
    assert len(nodes_of(machine, cluster)) == 2
    assert {one.log.name for one in nodes_of(machine, cluster)} == {"node-gpu-1.log", "node-gpu-2.log"}
    join(machine, cluster)
    assert machine.compare()
    assert len(nodes_of(machine, cluster)) == 2


def test_clusters_of_other_machines_are_left_alone(make: Make) -> None:
    factories.cluster(kind=Cluster.Kind.EXTERNAL, min_nodes=1)
    machine = make()
    assert machine.compare()
    assert machine.clusters == {}


def test_one_that_was_killed_is_started_again_after_a_pause(make: Make, cluster: Cluster) -> None:
    machine = make()
    machine.compare()
    join(machine, cluster)
    end(nodes_of(machine, cluster)[0])
    machine.compare()
    assert len(nodes_of(machine, cluster)) == 1
    waited(machine, lambda: len(nodes_of(machine, cluster)) == 2)
    assert nodes_of(machine, cluster)[-1].log.name == "node-gpu-1.log"


def test_what_a_killed_one_held_is_free_at_once_and_what_the_others_hold_is_not(
    make: Make, cluster: Cluster
) -> None:
    machine = make()
    machine.compare()
    killed, other = join(machine, cluster)
    job = factories.job(Job.Status.RUNNING, deployment=factories.deployment(cluster=cluster))
    for node in (killed, other):
        factories.minibatch(job, MiniBatch.Status.RUNNING, node=node.name, **MiniBatch.taken_by(node.name))
    end(next(one for one in nodes_of(machine, cluster) if one.process.pid == killed.pid))
    machine.compare()
    assert list(Node.objects.alive()) == [other]
    assert list(MiniBatch.objects.lease_lost().values_list("leased_by", flat=True)) == [killed.name]


def test_what_keeps_nodes_from_starting_is_told_and_tried_again_more_seldom(make: Make) -> None:
    cluster = factories.cluster("gpu", min_nodes=1)
    machine = make(CRASHING)
    machine.compare()
    waited(machine, lambda: machine.clusters["gpu"].crashes == 2)
    cluster.refresh_from_db()
    assert "the disk is full" in cluster.problem
    assert "node-gpu-1.log" in cluster.problem
    assert machine.clusters["gpu"].start_at - time.monotonic() > 1
    assert machine.compare(), "the start of the studio does not wait for it"


def test_surplus_goes_once_it_has_been_idle_long_enough(make: Make, cluster: Cluster) -> None:
    machine = make()
    machine.compare()
    first, second = join(machine, cluster, idle_since=timezone.now() - timedelta(seconds=30))
    Cluster.objects.update(min_nodes=1)
    machine.compare()
    assert not Node.objects.filter(is_draining=True).exists()
    Node.objects.update(idle_since=timezone.now() - timedelta(seconds=61))
    machine.compare()
    (draining,) = Node.objects.filter(is_draining=True)
    machine.compare()
    assert Node.objects.filter(is_draining=True).count() == 1
    leaving = next(one for one in nodes_of(machine, cluster) if one.process.pid == draining.pid)
    machine.compare()  # sees that it was asked to end
    end(leaving, signal.SIGTERM)
    machine.compare()
    assert len(nodes_of(machine, cluster)) == 1
    assert machine.clusters["gpu"].crashes == 0
    assert {first.pid, second.pid} - {draining.pid} == {nodes_of(machine, cluster)[0].process.pid}


def test_a_draining_node_is_replaced_within_the_maximum(make: Make, cluster: Cluster) -> None:
    machine = make()
    machine.compare()
    join(machine, cluster)
    Node.objects.update(is_draining=True)
    machine.compare()
    assert len(nodes_of(machine, cluster)) == 3


def test_a_stopped_cluster_starts_none_and_counts_no_crash(make: Make, cluster: Cluster) -> None:
    machine = make()
    machine.compare()
    join(machine, cluster)
    Cluster.objects.update(is_stopped=True)
    Node.objects.update(is_draining=True)
    machine.compare()
    for one in nodes_of(machine, cluster):
        end(one, signal.SIGTERM)
    machine.compare()
    assert nodes_of(machine, cluster) == []
    assert machine.clusters["gpu"].crashes == 0


def test_nodes_of_a_deleted_cluster_are_ended(make: Make, cluster: Cluster) -> None:
    machine = make()
    machine.compare()
    family = [psutil.Process(one.process.pid) for one in nodes_of(machine, cluster)]
    cluster.delete()
    waited(machine, lambda: "gpu" not in machine.clusters)
    assert not any(one.is_running() for one in family)


def test_stop_ends_every_node(make: Make, cluster: Cluster) -> None:
    machine = make()
    machine.compare()
    family = [psutil.Process(one.process.pid) for one in nodes_of(machine, cluster)]
    machine.stop()
    assert not any(one.is_running() for one in family)
