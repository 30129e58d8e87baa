from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.models.states import Shown

ALLOWS = {
    "read": frozenset(),
    "run": frozenset({"run"}),
    "manage": frozenset({"run", "manage", "administer"}),
}


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "ApiTokenQuerySet":
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def usable_first(self) -> "ApiTokenQuerySet":
        return self.order_by(models.F("revoked_at").desc(nulls_first=True), "-created_at")


class ApiToken(models.Model):
    """What a program shows in place of a person. It may what its owner's role allows, within its scope."""

    class Scope(models.TextChoices):
        READ = "read", _("Read")
        RUN = "run", _("Run")
        MANAGE = "manage", _("Manage")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    scope = models.CharField(max_length=6, choices=Scope)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the whole token")
    ending = models.CharField(
        max_length=4, help_text="its last characters, by which people tell tokens apart"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, help_text="to the minute")
    revoked_at = models.DateTimeField(null=True)
    paced_until = models.DateTimeField(
        db_default=Now(),
        help_text="when its requests would be over, evenly spread; see actions.tokens.pace_token",
    )

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                condition=models.Q(revoked_at=None),
                name="token_name_once_per_owner",
            ),
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "run", "manage"]), name="token_scope_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (…{self.ending})"

    def allows(self, permission: str) -> bool:
        return permission in ALLOWS[self.scope]

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def state(self) -> Shown:
        if self.is_revoked:
            return Shown(str(_("Revoked")), "neutral", "circle-x")
        if self.is_expired:
            return Shown(str(_("Expired")), "warning", "clock")
        return Shown(str(_("Active")), "success", "circle-check")
