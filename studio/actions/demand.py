"""How many nodes the clusters of this machine want, and which of their nodes are more than that."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any, NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Now

from studio.models import Cluster, Job, Node


class JobDemand(NamedTuple):
    minibatches: int | None  # not yet scored; None while they are being planned
    instance_count: int
    max_concurrency: int | None  # per node; None: as many as it has slots


def nodes_wanted(*, cluster: Cluster, is_warm: bool, has_work: bool, jobs: Sequence[JobDemand] = ()) -> int:
    """From the cluster's minimum to its maximum. Work that is not a job's is done by one node."""
    if cluster.is_stopped:
        return 0
    slots = nodes = 0
    for job in jobs:
        on_a_node = min(job.max_concurrency or cluster.slots, cluster.slots)
        minibatches = 1 if job.minibatches is None else job.minibatches
        slots += min(minibatches, job.instance_count * on_a_node)
        nodes = max(nodes, min(job.instance_count, ceil(minibatches / on_a_node)))
    enough = max(nodes, ceil(slots / cluster.slots), cluster.min_nodes, int(is_warm or has_work))
    return min(enough, cluster.max_nodes)


def demand_here() -> dict[Cluster, int]:
    """The clusters of this machine, each with the number of nodes that it wants now.

    Asked every second for as long as the studio runs, so one query where nothing is to do.
    """
    clusters: list[Any] = list(Cluster.objects.local().with_work().annotate(warm=Q(warm_until__gt=Now())))
    jobs = _jobs_of_clusters() if any(cluster.has_work for cluster in clusters) else {}
    return {
        cluster: nodes_wanted(
            cluster=cluster,
            is_warm=bool(cluster.warm),
            has_work=cluster.has_work,
            jobs=jobs.get(cluster.pk, ()),
        )
        for cluster in clusters
    }


def _jobs_of_clusters() -> dict[int, list[JobDemand]]:
    left = F("minibatches_total") - F("minibatches_done")
    fields = ("cluster", "status", "settings__instance_count", "settings__max_concurrency")
    found: dict[int, list[JobDemand]] = defaultdict(list)
    rows = Job.objects.wanting_nodes().exclude(cluster=None).annotate(left=left)
    for cluster, status, instances, concurrency, count in rows.values_list(*fields, "left"):
        planned = status == Job.Status.RUNNING
        found[cluster].append(JobDemand(count if planned else None, instances, concurrency))
    return found


def drain_surplus(*, cluster: Cluster, pids: Sequence[int], host: str, count: int) -> None:
    """Let at most `count` of these nodes end, of those that have been idle as long as the cluster allows.

    A node that has taken work just now finishes it first, as every draining node does.
    """
    idle = Node.objects.filter(
        cluster=cluster,
        host=host,
        pid__in=pids,
        stopped_at=None,
        is_draining=False,
        idle_since__lte=Now() - timedelta(seconds=cluster.idle_seconds),
    )
    longest = list(idle.order_by("idle_since").values_list("pk", flat=True)[:count])
    Node.objects.filter(pk__in=longest, idle_since__isnull=False).update(is_draining=True)
