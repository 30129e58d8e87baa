import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models


class DraftQuerySet(models.QuerySet["Draft"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DraftQuerySet":
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def deployments(self) -> "DraftQuerySet":
        return self.filter(kind=Draft.Kind.DEPLOYMENT)

    def jobs(self) -> "DraftQuerySet":
        return self.filter(kind=Draft.Kind.JOB)


class Draft(models.Model):
    """The answers of a wizard that is under way; its key is the idempotency key of what it creates."""

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

    def step(self, name: str) -> dict:
        return self.answers.get(name, {})
