from datetime import timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from studio.models.states import Shown

SILENCE = timedelta(seconds=15)
DEFAULT_SLOT_MEMORY = 4 << 30


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def with_nodes(self) -> "ClusterQuerySet":
        """Fetches the nodes that are alive as `live_nodes`."""
        alive = models.Prefetch("nodes", queryset=Node.objects.alive().order_by("name"), to_attr="live_nodes")
        return self.prefetch_related(alive).order_by("name")


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
        validators=[RegexValidator(r"^[a-zA-Z](?=.{2,23}$)([a-zA-Z0-9]|-(?=.*[a-zA-Z]))*$")],
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
    def state(self) -> Shown:
        """Of a cluster that was fetched with_nodes()."""
        if self.live_nodes:  # type: ignore[attr-defined]
            return Shown(str(_("Running")), "success", "circle-check")
        return Shown(str(_("No node")), "warning", "alert-triangle")

    @property
    def live_count(self) -> int:
        return len(self.live_nodes)  # type: ignore[attr-defined]

    @property
    def live_slots(self) -> int:
        return sum(node.slots for node in self.live_nodes)  # type: ignore[attr-defined]

    @property
    def busy_slots(self) -> int:
        return sum(node.busy for node in self.live_nodes)  # type: ignore[attr-defined]


class NodeQuerySet(models.QuerySet["Node"]):
    def alive(self) -> "NodeQuerySet":
        return self.filter(stopped_at=None, last_seen__gte=Now() - SILENCE)

    def silent(self) -> "NodeQuerySet":
        return self.filter(stopped_at=None, last_seen__lt=Now() - SILENCE)

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
    def memory_limit(self) -> int:
        """Bytes that its scorers may take in all."""
        return self.slots * self.cluster.slot_memory
