import hashlib
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models import F, Func, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

OWN_TAGS = "scoring_studio."  # what the tags of the studio itself begin with


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "RegisteredModelQuerySet":
        return self if user.is_authenticated else self.none()

    def matching(self, words: str) -> "RegisteredModelQuerySet":
        if not words:
            return self
        told = Q(name__icontains=words) | Q(description__icontains=words) | Q(tags__icontains=words)
        return self.filter(told | Q(aliases__has_key=words))

    def with_alias(self, alias: str) -> "RegisteredModelQuerySet":
        return self.filter(aliases__has_key=alias) if alias else self

    def alias_names(self) -> list[str]:
        """Those in use, the first hundred in the order of their names."""
        names = self.exclude(aliases={}).annotate(alias=Func(F("aliases"), function="jsonb_object_keys"))
        return list(names.order_by("alias").values_list("alias", flat=True).distinct()[:100])

    def whose_latest_is(self, *, type: str, flavor: str) -> "RegisteredModelQuerySet":
        if not type and not flavor:
            return self
        latest = ModelVersion.objects.order_by("registered_model_id", "-version").distinct(
            "registered_model_id"
        )
        wanted = ModelVersion.objects.filter(pk__in=latest.values("pk"))
        if type:
            wanted = wanted.filter(type=type)
        if flavor:
            wanted = wanted.filter(flavors__contains=[flavor])
        return self.filter(pk__in=wanted.values("registered_model"))

    def with_latest(self) -> "RegisteredModelQuerySet":
        """Adds latest_version and latest_created_at to sort by, and fetches the highest version as `latest`."""
        highest = ModelVersion.objects.filter(registered_model=OuterRef("pk")).order_by("-version")
        # Asked of the rows of one page only: by its own model, not among the versions of all models.
        of_same = ModelVersion.objects.filter(registered_model=OuterRef("registered_model")).order_by(
            "-version"
        )
        versions = ModelVersion.objects.for_list().filter(version=Subquery(of_same.values("version")[:1]))
        return self.prefetch_related(
            Prefetch("versions", queryset=versions, to_attr="latest_versions")
        ).annotate(
            latest_version=Subquery(highest.values("version")[:1]),
            latest_created_at=Coalesce(Subquery(highest.values("created_at")[:1]), F("created_at")),
        )

    def newest_first(self) -> "RegisteredModelQuerySet":
        return self.order_by("-created_at", "name")


class RegisteredModel(models.Model):
    """The mirror of a registered model in MLflow, which stays the truth; written by the follower, and by acts that
    have just changed MLflow."""

    name = models.CharField(max_length=500, unique=True)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    aliases = models.JSONField(default=dict, blank=True, help_text="alias -> version number")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = RegisteredModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["-created_at"], name="model_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def latest(self) -> "ModelVersion | None":
        """The highest version, of a model that was fetched with_latest()."""
        return next(iter(self.latest_versions), None)  # type: ignore[attr-defined]


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "ModelVersionQuerySet":
        return self if user.is_authenticated else self.none()

    def matching(self, words: str) -> "ModelVersionQuerySet":
        """Versions of models whose name holds the words, or that have an alias of that name."""
        if not words:
            return self
        alias = Q(registered_model__aliases__has_key=words)
        return self.filter(Q(registered_model__name__icontains=words) | alias)

    def flavor_names(self) -> list[str]:
        names = self.annotate(flavor=Func(F("flavors"), function="jsonb_array_elements_text"))
        return list(names.order_by("flavor").values_list("flavor", flat=True).distinct()[:100])

    def found_by(self, words: str) -> "ModelVersionQuerySet":
        """Of one model: by number, or by what is said of it."""
        if not words:
            return self
        found = Q(description__icontains=words) | Q(created_by__icontains=words) | Q(tags__icontains=words)
        return (
            self.filter(found | Q(version=int(words)))
            if words.isdecimal() and len(words) < 9
            else self.filter(found)
        )

    def for_list(self) -> "ModelVersionQuerySet":
        long = ("signature", "environment_files", "artifacts")
        return self.select_related("registered_model").defer(*long)

    def newest_first(self) -> "ModelVersionQuerySet":
        return self.order_by("-created_at", "-version")


class SignatureLine(NamedTuple):
    """One column, or one tensor, as a page shows it."""

    name: str
    type: str
    required: bool


class ModelVersion(models.Model):
    class Type(models.TextChoices):
        MLFLOW = "MLFLOW", _("MLFLOW")
        CUSTOM = "CUSTOM", _("CUSTOM")

    registered_model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    type = models.CharField(max_length=10, choices=Type)
    why_custom = models.TextField(blank=True, help_text="why it cannot be deployed, as a sentence")
    flavors = models.JSONField(default=list, blank=True, help_text="names, without python_function")
    signature = models.JSONField(null=True, help_text="scoring.signature.Signature.to_dict()")
    environment_files = models.JSONField(default=dict, blank=True, help_text="file name -> text")
    python_version = models.CharField(max_length=20, blank=True)
    mlflow_version = models.CharField(max_length=40, blank=True)
    has_input_example = models.BooleanField(default=False)
    size = models.BigIntegerField(null=True, help_text="bytes")
    serialization = models.CharField(
        max_length=20, blank=True, help_text="how the model object is stored: pickle, cloudpickle, skops, …"
    )
    artifacts = models.JSONField(
        default=list, help_text="[{path, size}] of its files, in the order of their paths"
    )
    is_unread = models.BooleanField(default=False, help_text="its files could not be read; tried again")
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    run_id = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["registered_model", "version"], name="one_row_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.registered_model.name}:{self.version}"

    @property
    def key(self) -> str:
        """Names its files for good: a name that was deleted in MLflow and used again is another model."""
        words = f"{self.registered_model.name}\n{self.version}\n{self.source}\n{self.created_at.isoformat()}"
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    @property
    def uri(self) -> str:
        return f"models:/{self.registered_model.name}/{self.version}"

    @property
    def is_deployable(self) -> bool:
        return self.type == self.Type.MLFLOW

    @property
    def type_tone(self) -> str:
        return "info" if self.is_deployable else "neutral"

    @property
    def aliases(self) -> list[str]:
        named = self.registered_model.aliases.items()
        return sorted(alias for alias, version in named if version == self.version)

    @property
    def shown_tags(self) -> dict[str, str]:
        """Without those by which the studio finds its own doing again."""
        return {name: value for name, value in self.tags.items() if not name.startswith(OWN_TAGS)}

    @property
    def signature_params(self) -> list[dict[str, Any]]:
        """{name, type, default} of what predict takes beside the input."""
        return list((self.signature or {}).get("params") or [])

    @property
    def signature_inputs(self) -> list[SignatureLine]:
        return self._signature_lines("inputs", "input_tensors")

    @property
    def signature_outputs(self) -> list[SignatureLine]:
        return self._signature_lines("outputs", "output_tensors")

    def _signature_lines(self, columns: str, tensors: str) -> list[SignatureLine]:
        signature = self.signature or {}
        lines = []
        for place, column in enumerate(signature.get(columns) or [], start=1):
            name = column["name"] or str(_("column %(place)s")) % {"place": place}
            lines.append(SignatureLine(name, column["type"], column["required"]))
        for tensor in signature.get(tensors) or []:
            shape = " × ".join(str(_("any") if size == -1 else size) for size in tensor["shape"])
            lines.append(
                SignatureLine(tensor["name"] or str(_("tensor")), f"{tensor['dtype']} ({shape})", True)
            )
        return lines


class RegistryState(models.Model):
    """One row: when the mirror last agreed with MLflow, and why not if it does not."""

    seen_at = models.DateTimeField(null=True)
    followed_until = models.DateTimeField(null=True, help_text="last_updated of the latest change mirrored")
    full_pass_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.error or f"followed until {self.followed_until}"

    @classmethod
    def current(cls) -> "RegistryState":
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def report(cls, *, error: str = "", **seen: Any) -> None:
        """Note a success with what was seen, or the sentence of a failure."""
        fields = {"error": error} if error else {"error": "", "seen_at": Now()}
        fields |= {name: value for name, value in seen.items() if value is not None}
        cls.objects.update_or_create(pk=1, defaults=fields)
