from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from studio.models.states import Look, Shown

SILENCE = timedelta(seconds=15)
DEFAULT_SLOT_MEMORY = 4 << 30
CLUSTER_NAME = r"^[a-zA-Z](?=.{2,23}$)([a-zA-Z0-9]|-(?=.*[a-zA-Z]))*$"


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "ClusterQuerySet":
        return self if user.is_authenticated else self.none()

    def local(self) -> "ClusterQuerySet":
        return self.filter(kind=Cluster.Kind.LOCAL)

    def of_kind(self, kind: str) -> "ClusterQuerySet":
        return self.filter(kind=kind) if kind else self

    def matching(self, words: str) -> "ClusterQuerySet":
        return self.filter(name__icontains=words) if words else self

    def with_nodes(self) -> "ClusterQuerySet":
        """Fetches the nodes that are alive as `live_nodes`, and `has_work`: what `state` asks for."""
        alive = models.Prefetch("nodes", queryset=Node.objects.alive().order_by("name"), to_attr="live_nodes")
        return self.with_work().prefetch_related(alive).order_by("name")

    def with_work(self) -> "ClusterQuerySet":
        """Annotates `has_work`: a job, a deployment or a trial wants a node."""
        from studio.models.endpoints import Deployment
        from studio.models.jobs import Job
        from studio.models.trials import Trial

        here = OuterRef("pk")
        return self.annotate(
            has_work=Exists(Job.objects.wanting_nodes().filter(cluster=here))
            | Exists(Deployment.objects.creating().filter(cluster=here))
            | Exists(Trial.objects.unfinished().filter(deployment__cluster=here))
        )

    def with_queue(self) -> "ClusterQuerySet":
        """Annotates `queued`: mini-batches that wait for a slot."""
        from studio.models.jobs import Job
        from studio.models.minibatches import MiniBatch

        of_cluster = MiniBatch.objects.waiting().filter(
            job__cluster=OuterRef("pk"), job__status=Job.Status.RUNNING
        )
        count = of_cluster.order_by().values("job__cluster").annotate(n=Count("pk")).values("n")
        return self.annotate(queued=Coalesce(Subquery(count), 0))


class Cluster(models.Model):
    class Kind(models.TextChoices):
        LOCAL = "local", _("This machine")
        EXTERNAL = "external", _("External")

    class Tier(models.TextChoices):
        DEDICATED = "dedicated", _("Dedicated")
        LOW_PRIORITY = "low_priority", _("Low priority")

    name = models.CharField(
        max_length=24,
        unique=True,
        validators=[RegexValidator(CLUSTER_NAME)],
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LOCAL)
    slots = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(256)]
    )
    slot_memory = models.BigIntegerField(default=DEFAULT_SLOT_MEMORY, help_text="bytes")
    min_nodes = models.PositiveSmallIntegerField(default=0)
    max_nodes = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    idle_seconds = models.PositiveIntegerField(default=120, help_text="of a node, before it is stopped")
    tier = models.CharField(max_length=12, choices=Tier, default=Tier.DEDICATED)
    is_stopped = models.BooleanField(
        default=False, help_text="no node is started until somebody presses Start"
    )
    warm_until = models.DateTimeField(null=True, help_text="at least one node is kept until then")
    problem = models.TextField(blank=True, help_text="what keeps its nodes from starting, as a sentence")
    revision = models.PositiveIntegerField(
        default=1, help_text="counts edits, so that two do not overwrite another"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClusterQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(min_nodes__lte=F("max_nodes")), name="cluster_min_at_most_max")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_external(self) -> bool:
        return self.kind == self.Kind.EXTERNAL

    @property
    def node_memory(self) -> int:
        return self.slots * self.slot_memory

    @property
    def queue(self) -> str:
        return f"cluster.{self.name}"

    def refusals(self, *, instance_count: int, max_concurrency: int | None) -> dict[str, str]:
        """Setting to the sentence that says how it asks for more than this cluster has."""
        found = {}
        if instance_count > self.max_nodes:
            found["instance_count"] = ngettext(
                "The cluster %(cluster)s has at most %(max)s node.",
                "The cluster %(cluster)s has at most %(max)s nodes.",
                self.max_nodes,
            ) % {"cluster": self.name, "max": self.max_nodes}
        if max_concurrency and max_concurrency > self.slots:
            found["max_concurrency"] = ngettext(
                "A node of %(cluster)s has %(slots)s slot, fewer than the max concurrency of %(chosen)s.",
                "A node of %(cluster)s has %(slots)s slots, fewer than the max concurrency of %(chosen)s.",
                self.slots,
            ) % {"cluster": self.name, "slots": self.slots, "chosen": max_concurrency}
        return found

    @property
    def phase(self) -> "Phase":
        """Of a cluster that was fetched with_nodes()."""
        if self.working_nodes and not self.is_stopped:
            return Phase.RUNNING
        if self.wants_node:
            return Phase.STARTING
        if self.live_count:
            return Phase.STOPPING
        if self.is_stopped:
            return Phase.STOPPED
        return Phase.NO_NODE if self.is_external else Phase.IDLE

    @property
    def state(self) -> Shown:
        fails = self.phase == Phase.STARTING and self.problem
        tone, icon = Look("danger", "alert-triangle") if fails else PHASE_LOOK[self.phase]
        return Shown(str(self.phase.label), tone, icon)

    @property
    def state_in_words(self) -> str:
        """What it means and what to do, where the word alone does not say it."""
        return str(PHASE_WORDS.get(self.phase, ""))

    @property
    def is_warm(self) -> bool:
        return bool(self.warm_until and self.warm_until > timezone.now())

    @property
    def wants_node(self) -> bool:
        """Whether one of this machine's nodes shall run, of a cluster that was fetched with_work()."""
        wanted = self.min_nodes or self.is_warm or self.has_work  # type: ignore[attr-defined]
        return bool(wanted) and not self.is_stopped and not self.is_external

    @property
    def working_nodes(self) -> list["Node"]:
        """The live ones that take work, of a cluster that was fetched with_nodes()."""
        return [node for node in self.live_nodes if not node.is_draining]  # type: ignore[attr-defined]

    @property
    def live_count(self) -> int:
        return len(self.live_nodes)  # type: ignore[attr-defined]

    @property
    def busy_count(self) -> int:
        return len([node for node in self.live_nodes if node.is_busy])  # type: ignore[attr-defined]

    @property
    def idle_count(self) -> int:
        return self.live_count - self.busy_count

    @property
    def live_slots(self) -> int:
        return sum(node.slots for node in self.live_nodes)  # type: ignore[attr-defined]

    @property
    def unfenced(self) -> list[str]:
        """What some live node's kernel cannot keep scorers from, as phrases."""
        return sorted({what for node in self.live_nodes for what in node.unfenced})  # type: ignore[attr-defined]

    @property
    def busy_slots(self) -> int:
        return sum(node.busy for node in self.live_nodes)  # type: ignore[attr-defined]


class Phase(models.TextChoices):
    """What a cluster is in, derived from its nodes and what is wanted of them."""

    RUNNING = "running", _("Running")
    STARTING = "starting", _("Starting")
    STOPPING = "stopping", _("Stopping")
    STOPPED = "stopped", _("Stopped")
    IDLE = "idle", _("Idle")
    NO_NODE = "no_node", _("No node")


PHASE_LOOK = {
    Phase.RUNNING: Look("success", "circle-check"),
    Phase.STARTING: Look("info", "loader"),
    Phase.STOPPING: Look("info", "loader"),
    Phase.STOPPED: Look("neutral", "player-pause"),
    Phase.IDLE: Look("neutral", "clock"),
    Phase.NO_NODE: Look("warning", "alert-triangle"),
}
PHASE_WORDS = {
    Phase.STARTING: _("A node is being started. That takes some seconds."),
    Phase.STOPPING: _("Its nodes finish what they do, and end."),
    Phase.STOPPED: _("No node starts, and its jobs and deployments wait, until somebody presses Start."),
    Phase.IDLE: _("No node runs while there is nothing to do. One starts by itself with the next job."),
    Phase.NO_NODE: _("Nobody has started a node: its jobs and deployments wait until one joins."),
}


class NodeQuerySet(models.QuerySet["Node"]):
    def alive(self) -> "NodeQuerySet":
        return self.filter(stopped_at=None, last_seen__gte=Now() - SILENCE)

    def silent(self) -> "NodeQuerySet":
        return self.filter(stopped_at=None, last_seen__lt=Now() - SILENCE)

    def taking_work(self) -> "NodeQuerySet":
        return self.alive().filter(is_draining=False)

    def wanted(self) -> "NodeQuerySet":
        """Not while they drain, nor when their cluster was stopped while they were silent, or deleted."""
        return self.filter(is_draining=False, cluster__is_stopped=False)

    def newest_first(self) -> "NodeQuerySet":
        return self.order_by("-started_at")


class Node(models.Model):
    """One start of one node process; a restarted node is a new row."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=100)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    slots = models.PositiveSmallIntegerField()
    busy = models.PositiveSmallIntegerField(default=0)
    cpu_percent = models.FloatField(default=0)
    memory = models.BigIntegerField(default=0, help_text="bytes resident in the node and its scorers")
    loaded = models.JSONField(default=list, help_text="labels of the models that its scorers hold")
    unfenced = models.JSONField(
        default=list, help_text="what its kernel cannot keep scorers from, as phrases"
    )
    is_draining = models.BooleanField(
        default=False, help_text="takes no more work, and ends when it has none"
    )
    idle_since = models.DateTimeField(null=True, help_text="nothing has run on it since then")
    started_at = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)

    objects = NodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(busy__lte=F("slots")), name="node_busy_at_most_slots")
        ]
        indexes = [models.Index(fields=["cluster", "last_seen"], name="node_by_cluster")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_busy(self) -> bool:
        return self.idle_since is None

    @property
    def state(self) -> Shown:
        if self.is_draining:
            return Shown(str(_("Draining")), "info", "loader")
        if self.is_busy:
            return Shown(str(_("Busy")), "success", "player-play")
        return Shown(str(_("Idle")), "neutral", "clock")

    @property
    def memory_limit(self) -> int:
        """Bytes that its scorers may take in all."""
        return self.slots * self.cluster.slot_memory
