import pytest

from studio.actions import compute
from studio.models import Cluster, Node
from tests import factories

pytestmark = pytest.mark.django_db


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
