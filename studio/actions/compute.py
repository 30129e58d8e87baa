"""Clusters and the nodes that join them."""

import os
import socket
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Least, Now
from django.utils.translation import gettext as _

from scoring.scorer import fence
from studio.actions import events
from studio.errors import ChangedMeanwhile, FieldErrors, StudioError
from studio.models import Cluster, Event, Node
from studio.models.compute import DEFAULT_SLOT_MEMORY
from studio.models.leases import end_leases
from studio.permissions import (
    check_can_create_cluster,
    check_can_delete_cluster,
    check_can_drain_node,
    check_can_edit_cluster,
    check_can_start_cluster,
    check_can_stop_cluster,
)
from studio.queue import enqueue, wake

LOCAL_CLUSTER = "cpu-cluster"


class Size(NamedTuple):
    slots: int
    memory: int  # bytes


def machine_size() -> Size:
    """Of this machine: a slot for each core."""
    return Size(os.cpu_count() or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def set_up_local_cluster() -> Cluster:
    """The first cluster of this machine: one node that is always there, with half of the memory in all."""
    known = Cluster.objects.filter(kind=Cluster.Kind.LOCAL).order_by("pk").first()
    if known:
        return known
    machine = machine_size()
    cluster, _made = Cluster.objects.get_or_create(
        name=LOCAL_CLUSTER,
        defaults={
            "slots": machine.slots,
            "slot_memory": max(machine.memory // 2 // machine.slots, 1 << 30),
            "min_nodes": 1,
            "max_nodes": 1,
        },
    )
    return cluster


def create_cluster(
    *,
    user: User,
    name: str,
    kind: str = Cluster.Kind.LOCAL,
    slots: int = 1,
    slot_memory: int = DEFAULT_SLOT_MEMORY,
    min_nodes: int = 0,
    max_nodes: int = 1,
    idle_seconds: int = 120,
    tier: str = Cluster.Tier.DEDICATED,
) -> Cluster:
    """Raises FieldErrors when the name is taken. Nodes of this machine follow within seconds."""
    check_can_create_cluster(user)
    try:
        with transaction.atomic():
            cluster = Cluster.objects.create(
                name=name,
                kind=kind,
                slots=slots,
                slot_memory=slot_memory,
                min_nodes=min_nodes,
                max_nodes=max_nodes,
                idle_seconds=idle_seconds,
                tier=tier,
                created_by=user,
            )
            events.record(actor=user, action="cluster.create", subject=name)
    except IntegrityError as error:
        raise FieldErrors({"name": _("A cluster with this name exists. Choose another name.")}) from error
    return cluster


def edit_cluster(*, user: User, cluster: Cluster, revision: int, **values: Any) -> None:
    """Set size and scaling; a node whose slots, memory or tier are no longer right finishes its work and ends.

    Raises ChangedMeanwhile when `revision` is not the present one, FieldErrors when a deployment needs more.
    """
    check_can_edit_cluster(user, cluster)
    before = {name: getattr(cluster, name) for name in values}
    changed = {name: value for name, value in values.items() if before[name] != value}
    _check_deployments_fit(cluster, values)
    with transaction.atomic():
        same = Cluster.objects.filter(pk=cluster.pk, revision=revision)
        if not same.update(revision=F("revision") + 1, problem="", **values):
            raise ChangedMeanwhile(_meanwhile(cluster))
        if {"slots", "slot_memory", "tier"} & set(changed):
            cluster.nodes.alive().update(is_draining=True)
        events.record(
            actor=user,
            action="cluster.edit",
            subject=cluster.name,
            before={name: before[name] for name in changed},
            after=changed,
        )
    cluster.refresh_from_db()


def _meanwhile(cluster: Cluster) -> str:
    last = Event.objects.filter(action="cluster.edit", subject=cluster.name).order_by("-pk").first()
    who = last.actor.get_username() if last and last.actor else _("Somebody else")
    return _("%(who)s changed %(cluster)s meanwhile.") % {"who": who, "cluster": cluster.name}


def _check_deployments_fit(cluster: Cluster, values: dict[str, Any]) -> None:
    """A deployment whose jobs would all be refused on the smaller cluster keeps it from shrinking."""
    smaller = Cluster(name=cluster.name, max_nodes=values["max_nodes"], slots=values["slots"])
    fields = {"instance_count": "max_nodes", "max_concurrency": "slots"}
    for deployment in cluster.deployments.select_related("endpoint").order_by("pk"):
        wants = {name: deployment.settings[name] for name in fields}
        found = smaller.refusals(**wants)
        for setting in found:
            sentence = _("The deployment %(name)s asks for %(count)s. Edit its settings first.") % {
                "name": f"{deployment.endpoint.name}/{deployment.name}",
                "count": wants[setting],
            }
            raise FieldErrors({fields[setting]: sentence})


def start_cluster(*, user: User, cluster: Cluster) -> None:
    """Warm it: at least one node is there, and stays for the idle time. Lets waiting work begin after a stop."""
    check_can_start_cluster(user, cluster)
    with transaction.atomic():
        until = Now() + timedelta(seconds=cluster.idle_seconds)
        Cluster.objects.filter(pk=cluster.pk).update(is_stopped=False, warm_until=until, problem="")
        events.record(actor=user, action="cluster.start", subject=cluster.name)
    cluster.refresh_from_db()


def stop_cluster(*, user: User, cluster: Cluster) -> None:
    """Let its nodes finish what they do and end; what waits, waits until somebody presses Start."""
    check_can_stop_cluster(user, cluster)
    with transaction.atomic():
        # Locked as join_cluster() locks it, so that no node joins in between and stays.
        Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        Cluster.objects.filter(pk=cluster.pk).update(is_stopped=True, warm_until=None, problem="")
        cluster.nodes.alive().update(is_draining=True)
        events.record(actor=user, action="cluster.stop", subject=cluster.name)
    cluster.refresh_from_db()


def drain_node(*, user: User, node: Node) -> None:
    """It takes no more work, finishes what it does, and ends."""
    check_can_drain_node(user, node)
    with transaction.atomic():
        Node.objects.filter(pk=node.pk).update(is_draining=True)
        events.record(actor=user, action="node.drain", subject=node.name)


def delete_cluster(*, user: User, cluster: Cluster) -> None:
    """Its nodes end by themselves as they find their rows gone; jobs stay and keep the name."""
    with transaction.atomic():
        cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)
        check_can_delete_cluster(user, cluster)
        events.record(actor=user, action="cluster.delete", subject=cluster.name)
        cluster.delete()


class ClusterIsStopped(StudioError):
    """A node wants to join a cluster that somebody has stopped."""


def join_cluster(*, cluster_name: str) -> Node:
    """Register this process as a node. Raises Cluster.DoesNotExist, ClusterIsStopped."""
    with transaction.atomic():
        cluster = Cluster.objects.select_for_update(no_key=True).get(name=cluster_name)
        if cluster.is_stopped:
            raise ClusterIsStopped(
                _("The cluster %(cluster)s is stopped. Start it on its page, then start the node again.")
                % {"cluster": cluster.name}
            )
        node = Node.objects.create(
            cluster=cluster,
            name=f"{cluster.name}-{uuid.uuid4().hex[:6]}",
            host=socket.gethostname(),
            pid=os.getpid(),
            slots=cluster.slots,
            unfenced=fence.missing(),
            idle_since=Now(),
        )
        Cluster.objects.filter(pk=cluster.pk).exclude(problem="").update(problem="")
    node.cluster = cluster
    return node


def node_beats(
    *,
    node: Node,
    busy: int,
    cpu_percent: float,
    memory: int,
    idle_for: float | None = 0,
    loaded: Sequence[str] = (),
) -> bool:
    """Say that the node lives and how it is; gives whether it shall take more work.

    `idle_for` is how many seconds it has done nothing, None while it does something.
    """
    mine = Node.objects.filter(pk=node.pk)
    mine.update(
        last_seen=Now(),
        stopped_at=None,
        busy=Least(busy, F("slots")),
        cpu_percent=cpu_percent,
        memory=memory,
        idle_since=None if idle_for is None else Now() - timedelta(seconds=idle_for),
        loaded=list(loaded),
    )
    return takes_work(node=node)


def takes_work(*, node: Node) -> bool:
    return Node.objects.wanted().filter(pk=node.pk).exists()


def node_leaves(*, node: Node) -> None:
    Node.objects.filter(pk=node.pk, stopped_at=None).update(stopped_at=Now(), busy=0)


@transaction.atomic
def node_ended(*, node: Node) -> None:
    """For whoever sees its process end: what it held is begun again at once, not after its silence."""
    node_leaves(node=node)
    end_leases(node.name)
    enqueue("sweep.sweep", expires=5)


def forget_silent_nodes() -> None:
    Node.objects.silent().update(stopped_at=F("last_seen"), busy=0)


def no_node_reason(cluster: Cluster) -> str:
    """What work of a cluster waits for while none of its nodes takes any."""
    stopped, none, starting = no_node_reasons(cluster)
    if cluster.is_stopped:
        return stopped
    if cluster.is_external:
        return none
    return f"{starting} {cluster.problem}".strip()


def no_node_reasons(cluster: Cluster) -> tuple[str, str, str]:
    """When it is stopped, when it is external and nobody has started a node, when one is being started."""
    names = {"cluster": cluster.name}
    return (
        _("Waiting because the cluster %(cluster)s is stopped. Start it on its page.") % names,
        _("Waiting because no node of the cluster %(cluster)s is running. It starts as soon as one joins.")
        % names,
        _("Waiting for a node of %(cluster)s to start.") % names,
    )


def wake_cluster(cluster: Cluster, *, times: int | None = None) -> None:
    wake(cluster.queue, times=cluster.slots * cluster.max_nodes if times is None else times)
