from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class EventQuerySet(models.QuerySet["Event"]):
    def matching(self, words: str) -> "EventQuerySet":
        return self.filter(subject__icontains=words) if words else self

    def by_person(self, username: str) -> "EventQuerySet":
        return self.filter(actor__username=username) if username else self

    def of_action(self, action: str) -> "EventQuerySet":
        return self.filter(action=action) if action else self

    def that_came_through(self, door: str) -> "EventQuerySet":
        return self.filter(through=door) if door else self

    def since(self, moment: datetime | None) -> "EventQuerySet":
        return self.filter(at__gte=moment) if moment else self


class Event(models.Model):
    """What a person or the studio did, one row for each act. The database refuses to change or delete one."""

    class Through(models.TextChoices):
        PAGE = "page", _("Page")
        TOKEN = "token", _("API token")
        STUDIO = "studio", _("Studio")

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    details = models.JSONField(default=dict, blank=True)
    through = models.CharField(
        max_length=6,
        choices=Through,
        blank=True,
        db_default="",
        help_text="empty: from before it was noted",
    )
    token = models.CharField(
        max_length=70, blank=True, db_default="", help_text="the API token, as its list calls it"
    )
    ip = models.GenericIPAddressField(null=True, help_text="of the browser or the program")

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["subject", "at"], name="event_by_subject"),
            models.Index(fields=["-at", "-id"], name="event_newest_first"),
        ]

    @property
    def is_of_the_studio(self) -> bool:
        """As opposed to somebody who failed to sign in, who is nobody either."""
        return self.actor_id is None and self.through in (self.Through.STUDIO, "")

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
