"""Clusters and their nodes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BeforeValidator, Field

from studio.actions import compute as actions
from studio.api.paging import Page, Paging, page_of
from studio.api.values import LEFT_OUT, Named, Revision, checked, examples
from studio.api.wire import Asked, Wire
from studio.finding import find_cluster, find_node
from studio.forms.compute import GB, ClusterForm, EditClusterForm
from studio.models import Cluster
from studio.roles import check_may_administer

router = Router(by_alias=True)
Kind = Literal["local", "external"]
Tier = Literal["dedicated", "low_priority"]
Gigabytes = Annotated[float, BeforeValidator(lambda size: round(size / GB, 1))]


class ClusterItem(Wire):
    name: str
    kind: Kind
    phase: Literal["running", "starting", "stopping", "stopped", "idle", "no_node"] = Field(
        description="What its nodes do."
    )
    problem: str = Field(description="What keeps its nodes from starting.")
    slots: int = Field(description="Of each node.")
    node_memory: Gigabytes = Field(alias="memoryGb", description="Of each node.")
    min_nodes: int
    max_nodes: int
    idle_seconds: int
    tier: Tier
    live_count: int = Field(alias="nodeCount", description="Nodes that are alive.")
    busy_count: int = Field(alias="busyNodeCount")
    queued: int = Field(alias="queuedMinibatches")
    created_by: Named
    created_at: datetime
    revision: int


class NodeItem(Wire):
    name: str
    host: str
    slots: int
    busy: int = Field(alias="busySlots")
    cpu_percent: float
    memory: Gigabytes = Field(alias="memoryGb", description="That it and its scorers take.")
    loaded: list[str] = Field(description="Models that its scorers hold.")
    is_draining: bool = Field(alias="draining")
    started_at: datetime
    last_seen: datetime


class Size(Asked):
    slots: int = LEFT_OUT
    memory: float = Field(
        LEFT_OUT, alias="memoryGb", description="Of each node, shared out evenly among its slots."
    )
    min_nodes: int = LEFT_OUT
    max_nodes: int = LEFT_OUT
    idle_seconds: int = LEFT_OUT
    tier: Tier = LEFT_OUT


class NewCluster(Size):
    model_config = examples({"name": "nightly", "slots": 2, "memoryGb": 8, "minNodes": 0, "maxNodes": 1})
    name: str
    kind: Kind = "local"
    slots: int
    memory: float = Field(alias="memoryGb", description="Of each node, shared out evenly among its slots.")
    min_nodes: int = 0
    max_nodes: int = 1
    idle_seconds: int = 120
    tier: Tier = "dedicated"


class EditedCluster(Size):
    model_config = examples({"maxNodes": 4, "idleSeconds": 600})
    revision: Revision = LEFT_OUT


class ClusterFilter(Wire):
    kind: Kind | None = None
    search: str = Field("", description="A part of the name.", examples=["cpu"])


@router.get("", response=Page[ClusterItem], summary="List clusters")
def index(request: HttpRequest, wanted: Query[ClusterFilter], paging: Query[Paging]) -> dict[str, Any]:
    rows = Cluster.objects.visible_to(request.user).matching(wanted.search).of_kind(wanted.kind or "")
    return page_of(request, rows.with_nodes().with_queue(), paging)


@router.post("", response={201: ClusterItem}, summary="Create a cluster")
def new(request: HttpRequest, asked: NewCluster) -> Status:
    check_may_administer(request.user)
    form = ClusterForm(asked.model_dump())
    checked(form)
    made = actions.create_cluster(user=request.user, **form.values())  # type: ignore[arg-type]
    return Status(201, find_cluster(request.user, made.name))


@router.get("/{name}", response=ClusterItem, summary="One cluster")
def detail(request: HttpRequest, name: str) -> Cluster:
    return find_cluster(request.user, name)


@router.patch("/{name}", response=ClusterItem, summary="Edit a cluster")
def edit(request: HttpRequest, name: str, asked: EditedCluster) -> Cluster:
    """What is left out stays as it is. Nodes whose size is no longer right finish their work and end."""
    check_may_administer(request.user)
    cluster = find_cluster(request.user, name)
    given = {"revision": cluster.revision, **asked.model_dump(exclude_unset=True)}
    form = EditClusterForm({**EditClusterForm.stored(cluster), **given}, cluster=cluster)
    checked(form)
    revision = given["revision"]
    actions.edit_cluster(user=request.user, cluster=cluster, revision=revision, **form.values())  # type: ignore[arg-type]
    return find_cluster(request.user, name)


@router.post("/{name}/start", response={202: ClusterItem}, summary="Start a cluster")
def start(request: HttpRequest, name: str) -> Status:
    """At least one node is there soon, and stays for the idle time."""
    check_may_administer(request.user)
    actions.start_cluster(user=request.user, cluster=find_cluster(request.user, name))  # type: ignore[arg-type]
    return Status(202, find_cluster(request.user, name))


@router.post("/{name}/stop", response={202: ClusterItem}, summary="Stop a cluster")
def stop(request: HttpRequest, name: str) -> Status:
    """Its nodes finish what they do, and end; what waits, waits until it is started again."""
    check_may_administer(request.user)
    actions.stop_cluster(user=request.user, cluster=find_cluster(request.user, name))  # type: ignore[arg-type]
    return Status(202, find_cluster(request.user, name))


@router.delete("/{name}", response={204: None}, summary="Delete a cluster")
def delete(request: HttpRequest, name: str) -> Status:
    check_may_administer(request.user)
    actions.delete_cluster(user=request.user, cluster=find_cluster(request.user, name))  # type: ignore[arg-type]
    return Status(204, None)


@router.get("/{name}/nodes", response=Page[NodeItem], summary="List a cluster’s nodes")
def nodes(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    """Those that are alive."""
    return page_of(request, find_cluster(request.user, name).live_nodes, paging)  # type: ignore[attr-defined]


@router.post("/{name}/nodes/{node}/drain", response={202: NodeItem}, summary="Drain a node")
def drain(request: HttpRequest, name: str, node: str) -> Status:
    """It takes no more work, finishes what it does, and ends."""
    check_may_administer(request.user)
    cluster = find_cluster(request.user, name)
    actions.drain_node(user=request.user, node=find_node(cluster, node))  # type: ignore[arg-type]
    return Status(202, find_node(cluster, node))
