"""The named queries of jobs."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models import Exists, ExpressionWrapper, F, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce, Now

from studio.models.compute import Cluster
from studio.models.data import DataAssetVersion, Datastore
from studio.models.endpoints import Deployment, Endpoint
from studio.models.events import Event
from studio.models.leases import LeasedQuerySet
from studio.models.models import ModelVersion


def took() -> ExpressionWrapper:
    """From the start to the end, or until now; null for what has not begun."""
    return ExpressionWrapper(Coalesce("finished_at", Now()) - F("started_at"), models.DurationField())


class JobQuerySet(LeasedQuerySet):
    def visible_to(self, user: AbstractUser | AnonymousUser) -> "JobQuerySet":
        return self if user.is_authenticated else self.none()

    def for_endpoint(self, endpoint: Endpoint) -> "JobQuerySet":
        return self.filter(endpoint=endpoint)

    def of_model_version(self, version: ModelVersion) -> "JobQuerySet":
        """Those that ran exactly this model: a name that was used again in MLflow is another one."""
        return self.filter(model_label=str(version), spec__model_key=version.key)

    def matching(self, words: str) -> "JobQuerySet":
        if not words:
            return self
        return self.filter(
            Q(display_name__icontains=words)
            | Q(name__icontains=words)
            | Q(error__icontains=words)
            | Q(input_label__icontains=words)
        )

    def in_status(self, status: str) -> "JobQuerySet":
        return self.filter(status=status) if status else self

    def to_endpoint(self, name: str) -> "JobQuerySet":
        """Those of an endpoint by its name, which its jobs keep when it is deleted."""
        return self.filter(endpoint_name=name) if name else self

    def to_deployment(self, name: str) -> "JobQuerySet":
        return self.filter(deployment_name=name) if name else self

    def submitted_by(self, username: str) -> "JobQuerySet":
        return self.filter(created_by__username=username) if username else self

    def created_since(self, moment: datetime | None) -> "JobQuerySet":
        return self.filter(created_at__gte=moment) if moment else self

    def linked(self) -> "JobQuerySet":
        """What a link to a job shows."""
        return self.only("name", "display_name", "status", "files_failed", "files_total").newest_first()

    def named(self, names: Iterable[str]) -> "JobQuerySet":
        return self.filter(name__in=names)

    def unfinished(self) -> "JobQuerySet":
        return self.exclude(status__in=self.model.terminal())

    def failed_since(self, moment: datetime) -> "JobQuerySet":
        return self.filter(status=self.model.Status.FAILED, finished_at__gte=moment)

    def ended_for(self, user: AbstractUser, *, since: datetime, badly: bool = False) -> "JobQuerySet":
        """Theirs that ended after that, with `canceled_by`, the name of somebody else who canceled it: whoever cancels
        their own one knows. `badly`: only those that did not complete, or lost files."""
        status = self.model.Status
        cancels = (
            Event.objects.of_action("job.cancel").filter(subject=OuterRef("name")).exclude(actor=user.pk)
        )
        completed = Q(status=status.COMPLETED, **({"files_failed__gt": 0} if badly else {}))
        canceled = Q(status=status.CANCELED, canceled_by__isnull=False)
        ended = self.filter(created_by=user, finished_at__gt=since).annotate(
            canceled_by=Subquery(cancels.values("actor__username")[:1])
        )
        return ended.filter(Q(status=status.FAILED) | completed | canceled).order_by("-finished_at", "-pk")

    def completed(self) -> "JobQuerySet":
        return self.filter(status=self.model.Status.COMPLETED)

    def reading(self, versions: Iterable[DataAssetVersion]) -> "JobQuerySet":
        return self.filter(input_asset__in=versions)

    def around(self, datastore: Datastore, folder: str) -> "JobQuerySet":
        """Those that write into the folder, or read it, a folder that holds it, or what lies in it."""
        parts = folder.split("/")
        above = ["/".join(parts[:end]) for end in range(len(parts) + 1)]
        reads = Q(input_path__in=above) | Q(input_path__startswith=f"{folder}/")
        return self.filter(
            Q(reads, input_datastore=datastore) | Q(output_datastore=datastore, output_path=folder)
        )

    def on_cluster(self, cluster: Cluster) -> "JobQuerySet":
        return self.filter(cluster=cluster)

    def created_before(self, moment: datetime) -> "JobQuerySet":
        return self.filter(created_at__lt=moment)

    def with_outdated_parts(self) -> "JobQuerySet":
        """Those whose parts nobody needs any more: a retry reads them until it has ended well or lost its own."""
        readers = self.model.objects.filter(retry_of=OuterRef("pk"))
        reading = readers.unfinished() | readers.filter(parts_until__isnull=False)
        return self.filter(parts_until__lt=Now()).exclude(Exists(reading))

    def with_run_due(self) -> "JobQuerySet":
        """Those that are to be logged as an MLflow run now, the one that waits longest first."""
        return self.filter(run_due_at__lte=Now()).order_by("run_due_at")

    def wanting_nodes(self) -> "JobQuerySet":
        """Those whose mini-batches are planned, or are being planned, and not all done."""
        planning = Q(status__in=[self.model.Status.QUEUED, self.model.Status.PREPARING])
        undone = Q(status=self.model.Status.RUNNING, minibatches_done__lt=F("minibatches_total"))
        return self.filter(planning | undone)

    def for_control(self) -> "JobQuerySet":
        """Those that the control worker can plan or finalize and has not begun, the oldest first."""
        queued = Q(status=self.model.Status.QUEUED)
        scored = Q(status=self.model.Status.RUNNING, minibatches_done__gte=F("minibatches_total"))
        return self.filter(queued | scored).lease_free().order_by("created_at")

    def newest_first(self) -> "JobQuerySet":
        return self.order_by("-created_at", "-pk")

    def for_list(self) -> "JobQuerySet":
        """What a row of a list shows, and `took`, by which it can be sorted."""
        return (
            self.select_related("created_by")
            .defer("spec", "settings", "setting_origins", "traceback", "summary")
            .annotate(took=Coalesce(took(), timedelta(0)))
        )

    def at_a_glance(self) -> "JobQuerySet":
        """What tells whether a job's page has something else to show, and what a person may do to it."""
        return self.select_related("created_by").only(
            "name", "status", "waiting_for", "endpoint", "endpoint_name", "created_by__username"
        )

    def for_page(self) -> "JobQuerySet":
        """Its deployment on its own: to plan so many joins takes PostgreSQL longer than to make them."""
        deployments = Deployment.objects.select_related("model_version__registered_model").defer(
            "log",
            "traceback",
            "model_version__signature",
            "model_version__environment_files",
            "model_version__artifacts",
        )
        rows = self.select_related("cluster", "created_by", "input_asset__asset")
        return rows.prefetch_related(Prefetch("deployment", queryset=deployments))

    def for_record(self) -> "JobQuerySet":
        """What stands in a job as data."""
        return self.select_related("created_by", "input_datastore", "input_asset__asset")
