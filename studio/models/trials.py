from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from studio.models.data import Datastore
from studio.models.endpoints import Deployment
from studio.models.leases import Leased, LeasedQuerySet
from studio.models.states import Look, Stateful

PERSON = settings.AUTH_USER_MODEL


class TrialQuerySet(LeasedQuerySet):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "TrialQuerySet":
        return self.filter(created_by_id=user.pk) if user.is_authenticated else self.none()

    def unfinished(self) -> "TrialQuerySet":
        return self.exclude(status__in=Trial.terminal())

    def waiting(self) -> "TrialQuerySet":
        return self.filter(status=Trial.Status.WAITING)

    def of(
        self, *, deployment: Deployment, settings: dict[str, Any], datastore: Datastore, path: str
    ) -> "TrialQuerySet":
        """Those that tried just this, the newest first."""
        same = self.filter(deployment=deployment, settings=settings, datastore=datastore, path=path)
        return same.order_by("-created_at", "-pk")


class Trial(Stateful, Leased):
    """*Try the first rows*: up to 20 rows of an input, scored by a node while somebody looks on."""

    class Status(models.TextChoices):
        WAITING = "Waiting", _("Waiting")
        RUNNING = "Running", _("Running")
        COMPLETED = "Completed", _("Completed")
        FAILED = "Failed", _("Failed")

    MOVES: ClassVar = {
        Status.WAITING: frozenset({Status.RUNNING, Status.FAILED}),
        Status.RUNNING: frozenset({Status.WAITING, Status.COMPLETED, Status.FAILED}),
        Status.COMPLETED: frozenset(),
        Status.FAILED: frozenset(),
    }
    LOOK: ClassVar = {
        Status.WAITING: Look("neutral", "clock"),
        Status.RUNNING: Look("info", "player-play"),
        Status.COMPLETED: Look("success", "circle-check"),
        Status.FAILED: Look("danger", "circle-x"),
    }

    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="trials")
    settings = models.JSONField(
        help_text="scoring.settings.ScoringSettings.to_dict(), as the job would have them"
    )
    datastore = models.ForeignKey(Datastore, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=1024)
    drives = models.PositiveSmallIntegerField(default=0, help_text="times that a node has taken it")
    result = models.JSONField(
        null=True, help_text="actions.trials.TrialResult: {file, predictions, inputs, rows, errors}"
    )
    error = models.TextField(blank=True, help_text="one sentence")
    traceback = models.TextField(blank=True)
    seconds = models.FloatField(null=True, help_text="from the node's claim to the result")
    created_by = models.ForeignKey(PERSON, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["Completed", "Failed"], finished_at__isnull=False)
                | (~Q(status__in=["Completed", "Failed"]) & Q(finished_at=None)),
                name="trial_finished_iff_terminal",
            )
        ]

    def __str__(self) -> str:
        return f"trial {self.pk}"
