import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from studio.models.leases import Leased, LeasedQuerySet
from studio.models.states import Look, Stateful


class RegistrationQuerySet(LeasedQuerySet):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "RegistrationQuerySet":
        return self.filter(created_by_id=user.pk) if user.is_authenticated else self.none()

    def newest_first(self) -> "RegistrationQuerySet":
        return self.order_by("-created_at", "-pk")

    def unfinished(self) -> "RegistrationQuerySet":
        return self.exclude(status__in=Registration.terminal())


class Registration(Stateful, Leased):
    """*Register* on the Models page, from the upload until MLflow has the new version."""

    class Source(models.TextChoices):
        FILES = "files", _("Local files")
        RUN = "run", _("A run")

    class Status(models.TextChoices):
        WAITING = "Waiting", _("Waiting")
        REGISTERING = "Registering", _("Registering")
        SUCCEEDED = "Succeeded", _("Succeeded")
        FAILED = "Failed", _("Failed")

    MOVES: ClassVar = {
        Status.WAITING: frozenset({Status.REGISTERING, Status.FAILED}),
        Status.REGISTERING: frozenset({Status.SUCCEEDED, Status.FAILED}),
        Status.SUCCEEDED: frozenset(),
        Status.FAILED: frozenset(),
    }
    LOOK: ClassVar = {
        Status.WAITING: Look("neutral", "clock"),
        Status.REGISTERING: Look("info", "loader"),
        Status.SUCCEEDED: Look("success", "circle-check"),
        Status.FAILED: Look("danger", "circle-x"),
    }

    key = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="of the form: sent twice, it registers once"
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    source = models.CharField(max_length=5, choices=Source)
    name = models.CharField(max_length=500, help_text="of the registered model")
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    files = models.JSONField(
        default=dict,
        help_text="from files: {datastore, folder, label}; from a run: {run_id, model_id, source, label}",
    )
    version = models.PositiveIntegerField(null=True, help_text="the version that it became")
    error = models.TextField(blank=True, help_text="one sentence: why it failed, or what it waits for")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["Succeeded", "Failed"], finished_at__isnull=False)
                | (~Q(status__in=["Succeeded", "Failed"]) & Q(finished_at=None)),
                name="registration_finished_iff_terminal",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_failed(self) -> bool:
        return self.status == self.Status.FAILED

    @property
    def is_registered(self) -> bool:
        return self.status == self.Status.SUCCEEDED

    @property
    def is_from_files(self) -> bool:
        return self.source == self.Source.FILES
