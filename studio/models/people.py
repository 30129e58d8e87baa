from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class ProfileQuerySet(models.QuerySet["Profile"]):
    def of(self, user: AbstractUser | AnonymousUser) -> "Profile | None":
        return self.filter(user_id=user.pk).first() if user.is_authenticated else None


class Profile(models.Model):
    """What a person has chosen for themselves; there is one once they have chosen something."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("As this device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    time_zone = models.CharField(
        max_length=64, blank=True, help_text="an IANA name; empty: that of the browser"
    )

    objects = ProfileQuerySet.as_manager()

    def __str__(self) -> str:
        return f"profile of {self.user_id}"
