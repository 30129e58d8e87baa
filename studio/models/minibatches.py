from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.models.job_queries import took
from studio.models.jobs import Job
from studio.models.leases import Leased, LeasedQuerySet
from studio.models.states import Look, Stateful


class MiniBatchQuerySet(LeasedQuerySet):
    def waiting(self) -> "MiniBatchQuerySet":
        return self.filter(status=MiniBatch.Status.WAITING)

    def running(self) -> "MiniBatchQuerySet":
        return self.filter(status=MiniBatch.Status.RUNNING)

    def completed(self) -> "MiniBatchQuerySet":
        return self.filter(status=MiniBatch.Status.COMPLETED)

    def failed(self) -> "MiniBatchQuerySet":
        return self.filter(status=MiniBatch.Status.FAILED)

    def with_losses(self) -> "MiniBatchQuerySet":
        """Completed, but not every row of every file."""
        return self.completed().exclude(failed_files=[])

    def scored_whole(self) -> "MiniBatchQuerySet":
        """Completed, and no file of theirs is to be scored again."""
        return self.completed().filter(files_unscored=0)

    def with_unscored_files(self) -> "MiniBatchQuerySet":
        """Completed, but for files of which nothing could be scored."""
        return self.completed().filter(files_unscored__gt=0)

    def unfinished(self) -> "MiniBatchQuerySet":
        return self.exclude(status__in=MiniBatch.terminal())

    def canceled(self) -> "MiniBatchQuerySet":
        return self.filter(status=MiniBatch.Status.CANCELED)

    def retried(self) -> "MiniBatchQuerySet":
        """Those that one try was not enough for, whatever became of them."""
        return self.filter(MiniBatch.RETRIED)

    def numbered(self, numbers: Iterable[int]) -> "MiniBatchQuerySet":
        return self.filter(number__in=list(numbers))

    def between(self, first: int, end: int) -> "MiniBatchQuerySet":
        """Numbers from `first` on, `end` not among them."""
        return self.filter(number__gte=first, number__lt=end)

    def for_list(self) -> "MiniBatchQuerySet":
        rows = self.defer("part", "report", "traceback")
        return rows.annotate(took=Coalesce(took(), timedelta(0)))

    def for_errors(self) -> "MiniBatchQuerySet":
        return self.failed().defer("part", "report").in_plan_order()

    def begun(self) -> "MiniBatchQuerySet":
        return self.filter(started_at__isnull=False)

    def for_timeline(self) -> "MiniBatchQuerySet":
        fields = ("job_id", "number", "status", "node", "slot", "started_at", "finished_at")
        begun = self.begun().exclude(status=MiniBatch.Status.WAITING)
        return begun.only(*fields, "attempts", "losses", "rows_scored")

    def in_plan_order(self) -> "MiniBatchQuerySet":
        return self.order_by("number")

    def in_order_of_work(self) -> "MiniBatchQuerySet":
        """The largest first, so that none of them is begun last."""
        return self.order_by("-bytes", "number")


class MiniBatch(Stateful, Leased):
    class Status(models.TextChoices):
        WAITING = "Waiting", _("Waiting")
        RUNNING = "Running", _("Running")
        COMPLETED = "Completed", _("Completed")
        FAILED = "Failed", _("Failed")
        CANCELED = "Canceled", _("Canceled")

    MOVES: ClassVar = {
        Status.WAITING: frozenset({Status.RUNNING, Status.CANCELED}),
        Status.RUNNING: frozenset({Status.WAITING, Status.COMPLETED, Status.FAILED, Status.CANCELED}),
        Status.COMPLETED: frozenset(),
        Status.FAILED: frozenset(),
        Status.CANCELED: frozenset(),
    }

    LOOK: ClassVar = {
        Status.WAITING: Look("neutral", "clock"),
        Status.RUNNING: Look("info", "player-play"),
        Status.COMPLETED: Look("success", "circle-check"),
        Status.FAILED: Look("danger", "circle-x"),
        Status.CANCELED: Look("neutral", "circle-minus"),
    }
    RETRIED: ClassVar = Q(attempts__gt=1) | Q(losses__gt=0) | (Q(attempts=1) & ~Q(status="Failed"))

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="minibatches")
    number = models.PositiveIntegerField(help_text="place in the plan, from 0")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    slices = models.JSONField(help_text="scoring.plan.Slice.to_dict() of each, in the order of the plan")
    bytes = models.BigIntegerField()
    attempts = models.PositiveSmallIntegerField(default=0, help_text="the model's failed attempts")
    losses = models.PositiveSmallIntegerField(default=0, help_text="leases lost with their node")
    node = models.CharField(max_length=100, blank=True)
    slot = models.PositiveSmallIntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    part = models.JSONField(
        null=True, help_text="{path, size, checksum, errors: {path, size, checksum} or null}"
    )
    report = models.JSONField(null=True, help_text="scoring.reports.ScoreReport.to_dict()")
    rows_scored = models.BigIntegerField(db_default=0)
    rows_failed = models.BigIntegerField(db_default=0)
    failed_files = models.JSONField(default=list, help_text="paths of files that lost rows, or all")
    files_unscored = models.PositiveIntegerField(
        db_default=0, help_text="files of a completed mini-batch of which nothing could be scored"
    )
    error = models.TextField(blank=True)
    error_input = models.CharField(max_length=1024, blank=True)
    traceback = models.TextField(blank=True)

    objects = MiniBatchQuerySet.as_manager()

    class Meta:
        ordering = ["job", "number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_row_per_minibatch")]
        indexes = [
            models.Index(fields=["job", "status", "-bytes", "number"], name="minibatch_to_claim"),
            models.Index(
                fields=["job", "number"],
                condition=Q(attempts__gt=0) | Q(losses__gt=0),
                name="minibatch_not_at_once",
            ),
            models.Index(fields=["lease_until"], condition=Q(status="Running"), name="minibatch_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"

    @property
    def is_failed(self) -> bool:
        return self.status == self.Status.FAILED

    @property
    def is_completed(self) -> bool:
        return self.status == self.Status.COMPLETED

    @property
    def is_scored_whole(self) -> bool:
        """No file of it is to be scored again."""
        return self.is_completed and not self.files_unscored

    @property
    def is_taken_over(self) -> bool:
        """Scored by the job that this one retries."""
        return self.is_completed and self.started_at is None

    @property
    def is_running(self) -> bool:
        return self.status == self.Status.RUNNING

    @property
    def tries(self) -> int:
        """Attempts that the model failed, and the one that it did not or that is under way."""
        return self.attempts + (self.status in (self.Status.RUNNING, self.Status.COMPLETED))

    @property
    def is_retried(self) -> bool:
        return self.tries > 1 or bool(self.losses)

    @property
    def duration(self) -> float | None:
        """Seconds of its last attempt; None before the first."""
        if not self.started_at or not (self.finished_at or self.is_running):
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def first_file(self) -> str:
        return str(self.slices[0]["path"]) if self.slices else ""

    @property
    def first_file_name(self) -> str:
        return self.first_file.rsplit("/", 1)[-1]

    @property
    def files(self) -> int:
        return len(self.slices)
