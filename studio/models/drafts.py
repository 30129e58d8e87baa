import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models.functions import Now

KEPT = timedelta(days=30)


class DraftQuerySet(models.QuerySet["Draft"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DraftQuerySet":
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def deployments(self) -> "DraftQuerySet":
        return self.filter(kind=Draft.Kind.DEPLOYMENT)

    def jobs(self) -> "DraftQuerySet":
        return self.filter(kind=Draft.Kind.JOB)

    def of_kind(self, kind: str) -> "DraftQuerySet":
        return self.filter(kind=kind)

    def left_for_long(self) -> "DraftQuerySet":
        return self.filter(updated_at__lt=Now() - KEPT)

    def under_way(self) -> "DraftQuerySet":
        """Begun and not finished, the newest first; one that was only opened is not worth a word."""
        begun = self.filter(finished_at=None, answers__has_key=Draft.LAST_STEP)
        return begun.exclude(updated_at__lt=Now() - KEPT).order_by("-updated_at")

    def for_endpoint(self, pk: int) -> "DraftQuerySet":
        """Those that add something to that endpoint."""
        return self.filter(
            models.Q(kind=Draft.Kind.DEPLOYMENT, answers__endpoint__endpoint=pk)
            | models.Q(kind=Draft.Kind.JOB, answers__endpoint=pk)
        )


class Draft(models.Model):
    """The answers of a wizard that is under way; its key is the idempotency key of what it creates."""

    LAST_STEP = "last_step"  # among the answers: the step that the person answered last

    class Kind(models.TextChoices):
        DEPLOYMENT = "deployment"
        JOB = "job"

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    answers = models.JSONField(default=dict, help_text="step -> cleaned answers of its form")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True)

    objects = DraftQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def is_for_job(self) -> bool:
        return self.kind == self.Kind.JOB

    def step(self, name: str) -> dict:
        return self.answers.get(name, {})
