from pathlib import PurePosixPath

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Count, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from studio.models.datastore_kinds import LAYOUTS, DatastoreKind, datastore_kinds

DATA_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$"
DATASTORE_NAME = r"^[a-z0-9_]+$"
HIDDEN_QUERY = "?…"  # in place of the address's own, which may be a key


class DatastoreQuerySet(models.QuerySet["Datastore"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DatastoreQuerySet":
        """Those that are registered."""
        return self.exclude(kind=Datastore.Kind.ADDRESS) if user.is_authenticated else self.none()

    def addresses(self) -> "DatastoreQuerySet":
        return self.filter(kind=Datastore.Kind.ADDRESS)

    def default(self) -> "Datastore":
        return self.get(is_default=True)

    def with_address(self) -> "DatastoreQuerySet":
        """`address`: the location, to search and to sort by."""
        whens = (When(kind=kind, then=layout.location_in_sql) for kind, layout in LAYOUTS.items())
        return self.annotate(address=Case(*whens))

    def matching(self, words: str) -> "DatastoreQuerySet":
        """Of those with_address()."""
        wanted = Q(name__icontains=words) | Q(description__icontains=words) | Q(address__icontains=words)
        return self.filter(wanted) if words else self

    def with_asset_count(self) -> "DatastoreQuerySet":
        """How many data assets have a version in it."""
        used = DataAssetVersion.objects.filter(datastore=OuterRef("pk")).order_by().values("datastore")
        counted = used.annotate(count=Count("asset", distinct=True)).values("count")
        return self.annotate(asset_count=Coalesce(Subquery(counted), 0))


class Datastore(models.Model):
    Kind = DatastoreKind

    name = models.CharField(max_length=255, unique=True, validators=[RegexValidator(DATASTORE_NAME)])
    kind = models.CharField(max_length=20, choices=datastore_kinds, default=Kind.LOCAL)
    description = models.TextField(blank=True)
    options = models.JSONField(default=dict, help_text="what the store of its kind takes; see studio.stores")
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
        hidden = HIDDEN_QUERY if self.is_address and self.has_secrets else ""
        return LAYOUTS[self.kind].location_of(self.options) + hidden

    @property
    def place(self) -> tuple[str, PurePosixPath]:
        """What holds it, and where in that. Two places with one holder may lie in each other."""
        return LAYOUTS[self.kind].place_of(self.options)

    @property
    def is_local(self) -> bool:
        return self.kind == self.Kind.LOCAL

    @property
    def is_address(self) -> bool:
        return self.kind == self.Kind.ADDRESS

    def label(self, path: str) -> str:
        """What lies at `path`, as people write it."""
        return self.location if self.is_address else f"{self.name} / {path}"

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

    def offered(self) -> "DataAssetQuerySet":
        """For new jobs: not archived."""
        return self.filter(archived_at=None)

    def archived(self) -> "DataAssetQuerySet":
        return self.exclude(archived_at=None)

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

    archived_at = models.DateTimeField(null=True, help_text="since when lists and wizards leave it out")

    objects = DataAssetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


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
        return self.datastore.label(self.path)


class UnfinishedUpload(models.Model):
    """A folder that files are being written into. The row goes as they become somebody's, or with the folder."""

    datastore = models.ForeignKey(Datastore, on_delete=models.CASCADE, related_name="+")
    folder = models.TextField()
    until = models.DateTimeField(db_index=True, help_text="when nobody is at it any more")

    def __str__(self) -> str:
        return self.datastore.label(self.folder)
