from django.conf import settings
from django.db import models


class Event(models.Model):
    """What a person or the studio did, one row for each act, never changed."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [models.Index(fields=["subject", "at"], name="event_by_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
