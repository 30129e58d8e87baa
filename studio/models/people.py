from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, AnonymousUser, Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import OuterRef, Q, prefetch_related_objects
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do. The values are names of groups, which have the permissions of `PERMISSIONS`."""

    READER = "Reader", _("Reader")
    DATA_SCIENTIST = "Data scientist", _("Data scientist")
    ADMINISTRATOR = "Administrator", _("Administrator")

    @classmethod
    def of(cls, user: AbstractUser | AnonymousUser) -> "Role":
        """Superusers, as `createsuperuser` makes them, are Administrators; who is in no group looks on."""
        if user.is_superuser:
            return cls.ADMINISTRATOR
        if isinstance(user, User):  # asked once for each command of a page
            prefetch_related_objects([user], "groups")
        groups = {group.name for group in user.groups.all()}
        return next((role for role in (cls.ADMINISTRATOR, cls.DATA_SCIENTIST) if role in groups), cls.READER)


PERMISSIONS = {
    Role.READER: [],
    Role.DATA_SCIENTIST: ["run", "manage"],
    Role.ADMINISTRATOR: ["run", "manage", "administer"],
}


def granted_to(person: str) -> ArraySubquery:
    """What the groups of a person allow, as names of PERMISSIONS; `person` is the path to their key."""
    permissions = Permission.objects.filter(group__user=OuterRef(person), content_type__app_label="studio")
    return ArraySubquery(permissions.values("codename"))


def people_matching(*, words: str = "", role: str = "", state: str = "") -> models.QuerySet[User]:
    """`role` is one of Role, `state` is "active" or "inactive"; what is empty narrows nothing."""
    people = get_user_model().objects.all()
    if words:
        people = people.filter(
            Q(username__icontains=words) | Q(first_name__icontains=words) | Q(email__icontains=words)
        )
    administers = Q(is_superuser=True) | Q(groups__name=Role.ADMINISTRATOR)
    works = Q(groups__name=Role.DATA_SCIENTIST)
    match role:
        case Role.ADMINISTRATOR:
            people = people.filter(administers).distinct()
        case Role.DATA_SCIENTIST:
            people = people.filter(works).exclude(administers)
        case Role.READER:
            people = people.exclude(administers | works)
    return people.filter(is_active=state == "active") if state else people


class ProfileQuerySet(models.QuerySet["Profile"]):
    def of(self, user: AbstractUser | AnonymousUser) -> "Profile | None":
        return self.filter(user_id=user.pk).first() if user.is_authenticated else None


class Profile(models.Model):
    """What a person has chosen for themselves; there is one once they have chosen something."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("As this device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Notices(models.TextChoices):
        ALL = "all", _("When it completes or fails")
        FAILURES = "failures", _("Only when it fails or loses files")
        OFF = "off", _("Never")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    time_zone = models.CharField(
        max_length=64, blank=True, help_text="an IANA name; empty: that of the browser"
    )
    language = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="one of LANGUAGES; empty: that of the browser",
    )
    notices = models.CharField(
        max_length=8,
        choices=Notices,
        default=Notices.ALL,
        db_default=Notices.ALL,
        help_text="of jobs of theirs that end",
    )
    tells_browser = models.BooleanField(
        default=False, db_default=False, help_text="by the browser’s own notifications, too"
    )
    seen_at = models.DateTimeField(null=True, help_text="when they last looked at their notices")
    password_is_given = models.BooleanField(
        default=False, db_default=False, help_text="each start of the studio sets their password again"
    )

    objects = ProfileQuerySet.as_manager()

    class Meta:
        # What roles and the scopes of tokens allow; the table that holds them matters to Django alone.
        permissions = [
            ("run", "Can run jobs and register data"),
            ("manage", "Can register models and deploy them"),
            ("administer", "Can look after people, datastores, clusters and what belongs to others"),
        ]

    def __str__(self) -> str:
        return f"profile of {self.user_id}"


class Session(AbstractBaseSession):
    """A browser that the studio knows; `person` once somebody has signed in."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions"
    )

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_string(f"{settings.SESSION_ENGINE}.SessionStore")


class SignInAttempt(models.Model):
    """One that failed, or is being looked at. Rows are gone after 15 minutes."""

    at = models.DateTimeField(db_index=True)
    name_key = models.CharField(max_length=64, help_text="of the name that was typed, which is not kept")
    ip = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"attempt {self.pk}"
