from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

DATA_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$"


class DatastoreQuerySet(models.QuerySet["Datastore"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DatastoreQuerySet":
        return self if user.is_authenticated else self.none()

    def default(self) -> "Datastore":
        return self.get(is_default=True)


class Datastore(models.Model):
    class Kind(models.TextChoices):
        LOCAL = "local", _("Local folder")

    name = models.CharField(max_length=255, unique=True, validators=[RegexValidator(r"^[a-z0-9_]+$")])
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.LOCAL)
    description = models.TextField(blank=True)
    options = models.JSONField(default=dict, help_text="local: {'root': absolute folder}")
    is_default = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DatastoreQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_datastore"
            )
        ]

    def __str__(self) -> str:
        return self.name


class DataAssetQuerySet(models.QuerySet["DataAsset"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DataAssetQuerySet":
        return self if user.is_authenticated else self.none()

    def matching(self, words: str) -> "DataAssetQuerySet":
        return self.filter(Q(name__icontains=words) | Q(description__icontains=words)) if words else self

    def with_latest(self) -> "DataAssetQuerySet":
        latest = DataAssetVersion.objects.filter(asset=OuterRef("pk")).order_by("-version")
        return self.annotate(
            latest_version=Subquery(latest.values("version")[:1]),
            latest_size=Subquery(latest.values("size")[:1]),
            latest_files=Subquery(latest.values("files")[:1]),
            latest_created_at=Subquery(latest.values("created_at")[:1]),
        )

    def newest_first(self) -> "DataAssetQuerySet":
        return self.order_by("-created_at", "name")


class DataAsset(models.Model):
    class Type(models.TextChoices):
        FILE = "uri_file", _("File (uri_file)")
        FOLDER = "uri_folder", _("Folder (uri_folder)")

    name = models.CharField(max_length=255, unique=True, validators=[RegexValidator(DATA_NAME)])
    description = models.TextField(blank=True)
    type = models.CharField(max_length=12, choices=Type)
    tags = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DataAssetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DataAssetVersionQuerySet(models.QuerySet["DataAssetVersion"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DataAssetVersionQuerySet":
        return self if user.is_authenticated else self.none()

    def for_asset(self, asset: DataAsset | None) -> "DataAssetVersionQuerySet":
        """The latest first."""
        return self.filter(asset=asset).order_by("-version") if asset else self.none()


class DataAssetVersion(models.Model):
    """Immutable: a job that read `name:3` can say so for ever."""

    asset = models.ForeignKey(DataAsset, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    datastore = models.ForeignKey(Datastore, on_delete=models.PROTECT, related_name="+")
    path = models.CharField(max_length=1024, help_text="file or folder inside the datastore")
    size = models.BigIntegerField(help_text="bytes")
    files = models.PositiveIntegerField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DataAssetVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["asset", "version"], name="one_row_per_asset_version")]

    def __str__(self) -> str:
        return f"{self.asset.name}:{self.version}"

    @property
    def location(self) -> str:
        return f"{self.datastore.name} / {self.path}"
