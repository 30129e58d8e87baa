import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from studio.models.compute import Cluster
from studio.models.data import DataAssetVersion, Datastore
from studio.models.endpoints import NEVER_DIVIDED, Deployment, Endpoint
from studio.models.job_queries import JobQuerySet
from studio.models.leases import Leased
from studio.models.states import Look, Stateful

PERSON = settings.AUTH_USER_MODEL


class Job(Stateful, Leased):
    class Status(models.TextChoices):
        QUEUED = "Queued", _("Queued")
        PREPARING = "Preparing", _("Preparing")
        RUNNING = "Running", _("Running")
        FINALIZING = "Finalizing", _("Finalizing")
        CANCEL_REQUESTED = "CancelRequested", _("Cancel requested")
        CANCELED = "Canceled", _("Canceled")
        COMPLETED = "Completed", _("Completed")
        FAILED = "Failed", _("Failed")

    MOVES: ClassVar = {
        Status.QUEUED: frozenset({Status.PREPARING, Status.FAILED, Status.CANCEL_REQUESTED}),
        Status.PREPARING: frozenset({Status.RUNNING, Status.FAILED, Status.CANCEL_REQUESTED}),
        # Back where the borders of a divided file had been guessed wrongly.
        Status.RUNNING: frozenset(
            {Status.FINALIZING, Status.FAILED, Status.CANCEL_REQUESTED, Status.PREPARING}
        ),
        Status.FINALIZING: frozenset({Status.COMPLETED, Status.FAILED}),
        Status.CANCEL_REQUESTED: frozenset({Status.CANCELED}),
        Status.CANCELED: frozenset(),
        Status.COMPLETED: frozenset(),
        Status.FAILED: frozenset(),
    }
    READS_TO_DIVIDE: ClassVar = (
        "reads_to_divide"  # key of `spec`: large files are read to divide them, not guessed at
    )
    LOOK: ClassVar = {
        Status.QUEUED: Look("neutral", "clock"),
        Status.PREPARING: Look("info", "loader"),
        Status.RUNNING: Look("info", "player-play"),
        Status.FINALIZING: Look("info", "loader"),
        Status.CANCEL_REQUESTED: Look("neutral", "loader"),
        Status.CANCELED: Look("neutral", "circle-minus"),
        Status.COMPLETED: Look("success", "circle-check"),
        Status.FAILED: Look("danger", "circle-x"),
    }

    name = models.CharField(max_length=50, unique=True, help_text="batchjob- and a GUID")
    display_name = models.CharField(max_length=255)
    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    idempotency_key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    request_digest = models.CharField(
        max_length=64, blank=True, db_default="", help_text="SHA-256 of what the API was asked with this key"
    )
    # A job outlives its endpoint, deployment, cluster and datastores, so it keeps their names and, in spec, all that
    # it runs with.
    endpoint = models.ForeignKey(Endpoint, null=True, on_delete=models.SET_NULL, related_name="jobs")
    endpoint_name = models.CharField(max_length=32)
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="jobs")
    deployment_name = models.CharField(max_length=32)
    model_label = models.CharField(max_length=600)
    cluster = models.ForeignKey(Cluster, null=True, on_delete=models.SET_NULL, related_name="jobs")
    cluster_name = models.CharField(max_length=24)
    resubmit_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="resubmits")
    retry_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="retries")
    spec = models.JSONField(help_text="model_uri, environment, signature: frozen when submitted")
    settings = models.JSONField(help_text="scoring.settings.ScoringSettings.to_dict(), in effect")
    setting_origins = models.JSONField(default=dict, help_text="field -> job, deployment or default")

    # Null once a finished job's datastore has been unregistered.
    input_datastore = models.ForeignKey(Datastore, null=True, on_delete=models.SET_NULL, related_name="+")
    input_path = models.CharField(max_length=1024)
    input_asset = models.ForeignKey(
        DataAssetVersion, null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    input_label = models.CharField(max_length=1300)
    output_datastore = models.ForeignKey(Datastore, null=True, on_delete=models.SET_NULL, related_name="+")
    output_datastore_name = models.CharField(max_length=255)
    output_path = models.CharField(max_length=1024, help_text="folder")

    drives = models.PositiveSmallIntegerField(default=0, help_text="times that the step under way was begun")
    files_total = models.PositiveIntegerField(default=0)
    files_failed = models.PositiveIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    minibatches_total = models.PositiveIntegerField(default=0)
    minibatches_done = models.PositiveIntegerField(default=0, help_text="completed or failed")
    minibatches_failed = models.PositiveIntegerField(default=0)
    files_unscored = models.PositiveIntegerField(
        db_default=0, help_text="files of completed mini-batches of which nothing could be scored"
    )
    rows_scored = models.BigIntegerField(default=0)
    rows_failed = models.BigIntegerField(default=0)
    # What a retry took over from the job before it: done, but not by this job's own work.
    bytes_taken = models.BigIntegerField(db_default=0)
    rows_taken = models.BigIntegerField(db_default=0)
    parts_until = models.DateTimeField(
        null=True, help_text="the parts of what failed are kept until then, for a retry; null: none are"
    )

    error = models.TextField(blank=True, help_text="one sentence")
    error_input = models.CharField(max_length=1024, blank=True, help_text="the file that failed first")
    traceback = models.TextField(blank=True)
    waiting_for = models.TextField(blank=True, help_text="why nothing moves, as a sentence")
    repeated_requests = models.JSONField(
        null=True, help_text="that datastores throttled or broke off: name -> cause -> times; null: none"
    )
    recorded_at = models.DateTimeField(
        null=True, help_text="when its last mini-batch was completed or failed"
    )
    outputs = models.JSONField(default=list, blank=True, help_text="names of the objects it wrote")
    summary = models.JSONField(null=True, help_text="what _summary.json holds")
    mlflow_run_id = models.CharField(max_length=64, blank=True, db_default="")
    run_due_at = models.DateTimeField(
        null=True, help_text="when it is to be logged as an MLflow run next; null: it is, or it will not be"
    )

    created_by = models.ForeignKey(PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["Canceled", "Completed", "Failed"], finished_at__isnull=False)
                | (~Q(status__in=["Canceled", "Completed", "Failed"]) & Q(finished_at=None)),
                name="job_finished_iff_terminal",
            ),
            models.UniqueConstraint(
                fields=["output_datastore", "output_path"],
                condition=~Q(status__in=["Canceled", "Completed", "Failed"]),
                name="one_job_per_output_location",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="job_newest"),
            models.Index(fields=["endpoint", "-created_at"], name="job_newest_of_endpoint"),
            models.Index(fields=["endpoint_name", "-created_at"], name="job_newest_of_name"),
            models.Index(
                fields=["created_by", "-finished_at"],
                condition=Q(finished_at__isnull=False),
                name="job_ended_of_person",
            ),
            models.Index(
                fields=["status"],
                condition=~Q(status__in=["Canceled", "Completed", "Failed"]),
                name="job_unfinished",
            ),
            models.Index(fields=["run_due_at"], condition=Q(run_due_at__isnull=False), name="job_run_due"),
            models.Index(
                fields=["parts_until"], condition=Q(parts_until__isnull=False), name="job_with_parts"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def look(self) -> Look:
        return Look("warning", "alert-triangle") if self.has_losses else super().look

    @property
    def status_label(self) -> str:
        if not self.has_losses:
            return super().status_label
        return ngettext(
            "Completed, %(failed)s of %(total)s file failed",
            "Completed, %(failed)s of %(total)s files failed",
            self.files_total,
        ) % {"failed": self.files_failed, "total": self.files_total}

    @property
    def has_losses(self) -> bool:
        return self.status == self.Status.COMPLETED and bool(self.files_failed)

    @property
    def is_failed(self) -> bool:
        return self.status == self.Status.FAILED

    @property
    def is_completed(self) -> bool:
        return self.status == self.Status.COMPLETED

    @property
    def is_canceled(self) -> bool:
        return self.status == self.Status.CANCELED

    @property
    def is_cancelable(self) -> bool:
        return self.may_move_to(self.Status.CANCEL_REQUESTED)

    @property
    def has_parts(self) -> bool:
        """Whether a retry finds what was scored."""
        return self.parts_until is not None and self.parts_until > timezone.now()

    @property
    def duration(self) -> float | None:
        """Seconds from the first work on it until its end, or until now; None before that."""
        if not self.started_at:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def age(self) -> float:
        """Seconds since it was submitted."""
        return (timezone.now() - self.created_at).total_seconds()

    @property
    def share_done(self) -> float:
        """0 to 1, by bytes read."""
        if self.is_completed:
            return 1.0
        return self.bytes_done / self.bytes_total if self.bytes_total else 0.0

    @property
    def shown_rows(self) -> int | None:
        """Rows scored so far; None while, or where, nothing has been."""
        return self.rows_scored if self.rows_scored or self.is_completed else None

    @property
    def shown_failures(self) -> int | None:
        """Rows that could not be scored; None where no row was read."""
        return self.rows_failed if self.rows_failed or self.shown_rows is not None else None

    @property
    def error_count(self) -> int:
        """Rows that could not be scored, and mini-batches and files that failed whole."""
        return self.rows_failed + self.minibatches_failed + self.files_unscored

    @property
    def has_unscored(self) -> bool:
        """Whether a retry would have something to score again."""
        return bool(self.minibatches_failed or self.files_unscored)

    @property
    def rows_per_second(self) -> float | None:
        rows = self.rows_scored - self.rows_taken
        return rows / self.duration if rows > 0 and self.duration else None

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None before anything is done."""
        done, left = self.bytes_done - self.bytes_taken, self.bytes_total - self.bytes_done
        if not self.duration or done <= 0 or left <= 0:
            return None
        return self.duration * left / done

    @property
    def output_label(self) -> str:
        return f"{self.output_datastore_name} / {self.output_path}"

    @property
    def output_file_name(self) -> str:
        return str(self.settings["output_file_name"])

    @property
    def keeps_predictions(self) -> bool:
        return bool(self.settings["output_action"] == "append_row")

    @property
    def why_never_divided(self) -> str:
        """Why its files are not divided between mini-batches; empty where they may be."""
        if not self.spec.get("is_divisible", True):
            return str(NEVER_DIVIDED)
        if not (self.spec["signature"] or {}).get("inputs"):
            return str(
                _("the model has no signature, so the types of its columns follow from the whole file")
            )
        return ""

    @property
    def parts_path(self) -> str:
        """Folder of the parts, in the output's datastore, outside of what the user reads."""
        return f"azureml/{self.name}/parts"

    def output_object(self, name: str) -> str:
        return f"{self.output_path.strip('/')}/{name}".lstrip("/")
