"""Clusters and the nodes that join them."""

import os
import socket
import uuid

from django.db.models import F
from django.db.models.functions import Least, Now

from studio.models import Cluster, Node
from studio.queue import wake

LOCAL_CLUSTER = "cpu-cluster"


def set_up_local_cluster() -> Cluster:
    """The cluster of this machine: one node with a slot for each core, at most half of the memory in all."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cluster, _made = Cluster.objects.get_or_create(
        name=LOCAL_CLUSTER,
        defaults={
            "slots": cores,
            "slot_memory": max(memory // 2 // cores, 1 << 30),
            "min_nodes": 1,
            "max_nodes": 1,
        },
    )
    return cluster


def join_cluster(*, cluster_name: str) -> Node:
    """Register this process as a node. Raises Cluster.DoesNotExist."""
    cluster = Cluster.objects.get(name=cluster_name)
    host = socket.gethostname()
    return Node.objects.create(
        cluster=cluster,
        name=f"{cluster.name}-{uuid.uuid4().hex[:6]}",
        host=host,
        pid=os.getpid(),
        slots=cluster.slots,
    )


def node_beats(*, node: Node, busy: int, cpu_percent: float, memory: int) -> None:
    Node.objects.filter(pk=node.pk).update(
        last_seen=Now(), stopped_at=None, busy=Least(busy, F("slots")), cpu_percent=cpu_percent, memory=memory
    )


def node_leaves(*, node: Node) -> None:
    Node.objects.filter(pk=node.pk, stopped_at=None).update(stopped_at=Now(), busy=0)


def forget_silent_nodes() -> None:
    Node.objects.silent().update(stopped_at=F("last_seen"), busy=0)


def wake_cluster(cluster: Cluster, *, times: int | None = None) -> None:
    wake(cluster.queue, times=cluster.slots * cluster.max_nodes if times is None else times)
