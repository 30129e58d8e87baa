from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Prefetch, Q, Subquery
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from studio.models.compute import Cluster
from studio.models.leases import Leased, LeasedQuerySet
from studio.models.models import ModelVersion, RegisteredModel
from studio.models.states import Look, Shown, Stateful

PERSON = settings.AUTH_USER_MODEL

NEVER_DIVIDED = _("the model scores parts of a file differently from the whole")

# Azure's rule for endpoint and deployment names: a letter first, then letters, digits and single dashes.
NAME_RULE = r"^[a-z](?!.*--)[a-z0-9-]{1,30}[a-z0-9]$"
name_validator = RegexValidator(
    NAME_RULE,
    _(
        "Use 3 to 32 characters: a letter first, then letters, digits and single dashes, "
        "with a letter or digit at the end."
    ),
)


class LastJob(models.TextChoices):
    """What a list of endpoints can be narrowed to."""

    FAILED = "failed", _("failed")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    NONE = "none", _("never ran")


def _newest_job() -> Any:
    """The newest job of each endpoint of a query around it."""
    from studio.models.jobs import Job

    return Job.objects.filter(endpoint=OuterRef("pk")).newest_first()


def _statuses(state: str) -> list[str]:
    from studio.models.jobs import Job

    ended = {LastJob.FAILED: Job.Status.FAILED, LastJob.COMPLETED: Job.Status.COMPLETED}
    if state in ended:
        return [ended[LastJob(state)]]
    return [status for status in Job.Status.values if status not in Job.terminal()]


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "EndpointQuerySet":
        return self if user.is_authenticated else self.none()

    def matching(self, words: str) -> "EndpointQuerySet":
        return self.filter(Q(name__icontains=words) | Q(description__icontains=words)) if words else self

    def created_by_person(self, username: str) -> "EndpointQuerySet":
        return self.filter(created_by__username=username) if username else self

    def whose_last_job_is(self, state: str) -> "EndpointQuerySet":
        """One of LastJob; every endpoint where it is none of them."""
        if state == LastJob.NONE:
            return self.filter(jobs=None)
        if state not in LastJob.values:
            return self
        return self.annotate(last_status=Subquery(_newest_job().values("status")[:1])).filter(
            last_status__in=_statuses(state)
        )

    def by_last_job(self) -> "EndpointQuerySet":
        """Adds last_job_at to sort by."""
        return self.annotate(last_job_at=Subquery(_newest_job().values("created_at")[:1]))

    def for_list(self) -> "EndpointQuerySet":
        """What a row of a list shows, and deployment_count; without the long texts of the default deployment."""
        long = (f"default_deployment__{name}" for name in ("log", "traceback", "environment", "settings"))
        return (
            self.select_related("default_deployment", "created_by")
            .defer(*long)
            .annotate(deployment_count=Count("deployments", distinct=True))
        )

    def with_figures(self) -> "EndpointQuerySet":
        """for_list(), and `last_job`."""
        from studio.models.jobs import Job

        newest = _newest_job().values("pk")[:1]
        last_of_each = Endpoint.objects.annotate(last=Subquery(newest)).values("last")
        last = Prefetch(
            "jobs", queryset=Job.objects.for_list().filter(pk__in=last_of_each), to_attr="last_jobs"
        )
        return self.for_list().prefetch_related(last)

    def with_states(self) -> "EndpointQuerySet":
        """Fetches what provisioning_state asks for."""
        states = Deployment.objects.only("endpoint", "status")
        return self.prefetch_related(Prefetch("deployments", queryset=states))

    def newest_first(self) -> "EndpointQuerySet":
        return self.order_by("-created_at", "name")


class Endpoint(models.Model):
    name = models.CharField(
        max_length=32,
        unique=True,
        validators=[name_validator],
        error_messages={"unique": _("An endpoint with this name exists. Choose another name.")},
    )
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    default_deployment = models.ForeignKey(
        "Deployment", null=True, blank=True, on_delete=models.SET_NULL, related_name="default_of"
    )
    created_by = models.ForeignKey(PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    revision = models.PositiveIntegerField(
        default=1, help_text="counts edits, so that two do not overwrite another"
    )

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["-created_at"], name="endpoint_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def last_job(self) -> Any:
        """The newest job, of an endpoint that was fetched with_figures()."""
        return next(iter(self.last_jobs), None)  # type: ignore[attr-defined]

    @cached_property
    def unfinished_jobs(self) -> list[Any]:
        """Its jobs that wait or run, the newest first."""
        return list(self.jobs.unfinished().newest_first())

    @property
    def provisioning_status(self) -> "Deployment.Status":
        """The endpoint itself is there at once; it counts as being created until its first deployment is tried."""
        deployments = self.deployments.all()
        unready = not any(one.is_ready for one in deployments)
        if unready and any(one.is_creating for one in deployments):
            return Deployment.Status.CREATING
        return Deployment.Status.SUCCEEDED

    @property
    def provisioning_state(self) -> Shown:
        state = self.provisioning_status
        return Shown(str(state.label), *Deployment.LOOK[state])


class DeploymentQuerySet(LeasedQuerySet):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "DeploymentQuerySet":
        return self if user.is_authenticated else self.none()

    def ready(self) -> "DeploymentQuerySet":
        return self.filter(status=Deployment.Status.SUCCEEDED)

    def failed_since(self, moment: datetime) -> "DeploymentQuerySet":
        return self.filter(status=Deployment.Status.FAILED, finished_at__gte=moment)

    def creating(self) -> "DeploymentQuerySet":
        return self.filter(status=Deployment.Status.CREATING)

    def of_model(self, model: RegisteredModel) -> "DeploymentQuerySet":
        """Those that use any version of it."""
        used = self.filter(model_version__registered_model=model)
        return used.select_related("endpoint").order_by("endpoint__name", "name")

    def with_model(self) -> "DeploymentQuerySet":
        return self.select_related("model_version__registered_model", "cluster", "endpoint", "created_by")

    def for_job(self) -> "DeploymentQuerySet":
        """What a job takes over."""
        long = ("log", "traceback", "model_version__environment_files", "model_version__artifacts")
        return self.select_related("model_version__registered_model", "cluster", "endpoint").defer(*long)

    def chosen(self, endpoint: str, name: str) -> "DeploymentQuerySet":
        """That of this name under the endpoint, the default one without a name."""
        wanted = Q(name=name) if name else Q(endpoint__default_deployment=F("pk"))
        return self.filter(wanted, endpoint__name=endpoint)

    def for_list(self) -> "DeploymentQuerySet":
        """Without the long texts that only a deployment's own page shows."""
        long = ("log", "traceback", "model_version__signature", "model_version__environment_files")
        return self.with_model().defer(*long)

    def with_unfinished_jobs(self) -> "DeploymentQuerySet":
        """Fetches what keeps a deployment from being deleted."""
        from studio.models.jobs import Job

        jobs = Job.objects.unfinished().only("name", "display_name", "deployment", "status").newest_first()
        return self.prefetch_related(Prefetch("jobs", queryset=jobs, to_attr="unfinished_jobs"))

    def default_first(self) -> "DeploymentQuerySet":
        is_default = Q(endpoint__default_deployment=F("pk"))
        return self.annotate(is_default=models.ExpressionWrapper(is_default, models.BooleanField())).order_by(
            F("is_default").desc(nulls_last=True), "-created_at"
        )


class Deployment(Stateful, Leased):
    class Status(models.TextChoices):
        CREATING = "Creating", _("Creating")
        SUCCEEDED = "Succeeded", _("Succeeded")
        FAILED = "Failed", _("Failed")

    MOVES: ClassVar = {
        Status.CREATING: frozenset({Status.SUCCEEDED, Status.FAILED}),
        Status.SUCCEEDED: frozenset(),
        Status.FAILED: frozenset({Status.CREATING}),
    }
    LOOK: ClassVar = {
        Status.CREATING: Look("info", "loader"),
        Status.SUCCEEDED: Look("success", "circle-check"),
        Status.FAILED: Look("danger", "circle-x"),
    }

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=32, validators=[name_validator])
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATING)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    model_key = models.CharField(max_length=16, help_text="ModelVersion.key of the model that was tried")
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="deployments")
    environment = models.JSONField(help_text="scoring.environment.EnvironmentSpec.to_dict()")
    has_own_environment = models.BooleanField(default=False, help_text="edited, not as it was generated")
    settings = models.JSONField(help_text="scoring.settings.ScoringSettings.to_dict()")
    revision = models.PositiveIntegerField(
        default=1, help_text="counts edits, so that two do not overwrite another"
    )
    wants_default = models.BooleanField(default=False, help_text="becomes the default once it has succeeded")
    error = models.TextField(blank=True, help_text="one sentence")
    instead = models.JSONField(
        default=dict, blank=True, help_text="requirement -> one with which its environment can be built"
    )
    traceback = models.TextField(blank=True)
    log = models.TextField(blank=True)
    notes = models.JSONField(default=list, blank=True, help_text="sentences for the card")
    is_divisible = models.BooleanField(
        null=True, help_text="whether the model scores halves of a table as the whole; null: not tried"
    )
    offers_probabilities = models.BooleanField(
        null=True, help_text="whether its trial found class probabilities; null: not looked for"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True, help_text="when its settings were edited last")

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "name"],
                name="one_deployment_per_name",
                violation_error_message=_(
                    "This endpoint has a deployment with this name. Choose another name."
                ),
            ),
            models.CheckConstraint(
                condition=Q(status="Creating", finished_at=None)
                | (~Q(status="Creating") & Q(finished_at__isnull=False)),
                name="deployment_finished_iff_not_creating",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.status == self.Status.SUCCEEDED

    @property
    def is_creating(self) -> bool:
        return self.status == self.Status.CREATING

    @property
    def is_failed(self) -> bool:
        return self.status == self.Status.FAILED

    @cached_property
    def unfinished_jobs(self) -> list[Any]:
        """Its jobs that wait or run, the newest first."""
        return list(self.jobs.unfinished().newest_first())

    @property
    def why_never_divided(self) -> str:
        """Why its files are not divided between mini-batches; empty where they may be."""
        return str(NEVER_DIVIDED) if self.is_divisible is False else ""

    @property
    def concurrency_label(self) -> str:
        """Mini-batches at once on each instance."""
        return str(self.settings["max_concurrency"] or _("auto"))

    @property
    def model_label(self) -> str:
        return str(self.model_version)

    @property
    def python_version(self) -> str:
        return str(self.environment["python"])

    @property
    def packages(self) -> list[str]:
        return list(self.environment["requirements"])
