from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

DATA_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$"
DATASTORE_NAME = r"^[a-z0-9_]+$"


class DatastoreQuerySet(models.QuerySet["Datastore"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DatastoreQuerySet":
        return self if user.is_authenticated else self.none()

    def default(self) -> "Datastore":
        return self.get(is_default=True)

    def matching(self, words: str) -> "DatastoreQuerySet":
        wanted = Q(name__icontains=words) | Q(description__icontains=words)
        for option in ("root", "bucket", "folder"):
            wanted |= Q(**{f"options__{option}__icontains": words})
        return self.filter(wanted) if words else self

    def with_asset_count(self) -> "DatastoreQuerySet":
        """How many data assets have a version in it."""
        used = DataAssetVersion.objects.filter(datastore=OuterRef("pk")).order_by().values("datastore")
        counted = used.annotate(count=Count("asset", distinct=True)).values("count")
        return self.annotate(asset_count=Coalesce(Subquery(counted), 0))


class Datastore(models.Model):
    class Kind(models.TextChoices):
        LOCAL = "local", _("Local folder")
        S3 = "s3", _("Amazon S3 or compatible")

    name = models.CharField(max_length=255, unique=True, validators=[RegexValidator(DATASTORE_NAME)])
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.LOCAL)
    description = models.TextField(blank=True)
    options = models.JSONField(
        default=dict,
        help_text="local: {'root': absolute folder}; s3: {'bucket', 'folder', 'endpoint', 'region', 'path_style'}",
    )
    secrets = models.TextField(blank=True, help_text="credentials, sealed; see studio.sealing")
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

    @property
    def location(self) -> str:
        """Where it lies, as people write it."""
        if self.is_local:
            return str(self.options["root"])
        return f"s3://{self.options['bucket']}/{self.options.get('folder', '')}".rstrip("/")

    @property
    def is_local(self) -> bool:
        return self.kind == self.Kind.LOCAL

    @property
    def has_secrets(self) -> bool:
        return bool(self.secrets)


class DataAssetQuerySet(models.QuerySet["DataAsset"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DataAssetQuerySet":
        return self if user.is_authenticated else self.none()

    def matching(self, words: str) -> "DataAssetQuerySet":
        return self.filter(Q(name__icontains=words) | Q(description__icontains=words)) if words else self

    def of_type(self, type: str) -> "DataAssetQuerySet":
        return self.filter(type=type) if type else self

    def created_by_person(self, name: str) -> "DataAssetQuerySet":
        return self.filter(created_by__username=name) if name else self

    def lying_in(self, datastore: Datastore) -> "DataAssetQuerySet":
        """Those with a version in it."""
        return self.filter(pk__in=DataAssetVersion.objects.filter(datastore=datastore).values("asset"))

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
    revision = models.PositiveIntegerField(
        default=1, db_default=1, help_text="counts edits, so that two do not overwrite another"
    )

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

    def around(self, datastore: Datastore, path: str) -> "DataAssetVersionQuerySet":
        """Those that hold the file or folder at `path`, lie in it, or are it."""
        parts = path.split("/") if path else []
        above = ["/".join(parts[: place + 1]) for place in range(len(parts))]
        inside = Q(path__startswith=f"{path}/") if path else Q()
        return self.filter(Q(path__in=["", *above]) | inside, datastore=datastore)


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
