from pathlib import Path

import pytest

from scoring.errors import ScoringError
from scoring.plan import whole
from studio.actions import compute, slots
from studio.actions.inputs import list_input
from studio.models import Cluster, Node
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(store):
    """A mini-batch of one file, as prepare plans it."""
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"})
    job = factories.job("Running", datastore=store, input_path=asset.path)
    file = list_input(datastore=store, path=asset.path)[0]
    slices = [whole(file).to_dict()]
    return job, factories.minibatch(job, slices=slices), Path(store.options["root"], asset.path, "a.csv")


def test_a_file_is_handed_over_as_it_was_planned(planned):
    job, minibatch, file = planned
    (found,) = slots.local_slices(job=job, minibatch=minibatch)
    assert (found.path, found.name, found.kind) == (file, "a.csv", "csv")


def test_a_file_that_changed_meanwhile_is_refused(planned):
    job, minibatch, file = planned
    file.write_text("x\n2\n3\n")
    (found,) = slots.local_slices(job=job, minibatch=minibatch)
    assert found.refused.startswith("a.csv has changed since the job was planned.")


def test_a_file_that_vanished_meanwhile_is_refused(planned):
    job, minibatch, file = planned
    before = slots.local_slices(job=job, minibatch=minibatch)
    file.unlink()
    after = slots.local_slices(job=job, minibatch=minibatch)
    assert after[0].refused.startswith("a.csv has disappeared since the job was planned.")
    with pytest.raises(ScoringError, match="has disappeared"):
        slots._check_same(before, after)
    slots._check_same(after, after)


def test_a_node_that_went_silent_and_came_back_is_alive_again():
    node = factories.node()
    Node.objects.update(last_seen="2026-01-01T00:00:00Z")
    compute.forget_silent_nodes()
    assert not Node.objects.alive().exists()
    compute.node_beats(node=node, busy=1, cpu_percent=5, memory=10)
    assert Node.objects.alive().get().busy == 1


def test_a_node_joins_a_cluster_that_exists():
    cluster = factories.cluster("cpu-cluster", slots=3)
    assert compute.join_cluster(cluster_name="cpu-cluster").slots == 3
    assert list(cluster.nodes.alive()) == list(Node.objects.all())
    with pytest.raises(Cluster.DoesNotExist):
        compute.join_cluster(cluster_name="nowhere")
