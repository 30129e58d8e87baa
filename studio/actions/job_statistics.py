"""What a list of jobs comes to: how many, how many well, how long, how much; and its last runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Aggregate, Count, DurationField, Exists, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from studio.models import Job
from studio.models.job_queries import JobQuerySet, took

MOST_JOBS = 5_000  # newest ones that the figures cover, so that they stay quick whatever has piled up
LAST_RUNS = 24
MOST_CHOICES = 500
PERIODS = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}


class Median(Aggregate):
    """Of what is not null; between the two in the middle where there is no middle."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True, kw_only=True)
class JobFigures:
    jobs: int
    completed: int
    failed: int
    canceled: int
    median_seconds: float | None  # of those that completed
    rows: int
    is_capped: bool  # there are more jobs than these figures cover

    @property
    def ended(self) -> int:
        """Those that came to a good or a bad end; a canceled one came to neither."""
        return self.completed + self.failed

    @property
    def success_rate(self) -> float | None:
        return self.completed / self.ended if self.ended else None

    @property
    def unfinished(self) -> int:
        return self.jobs - self.ended - self.canceled


def figures_of(*, jobs: JobQuerySet, most: int = MOST_JOBS) -> JobFigures:
    """The figures of the newest `most` of `jobs`."""
    newest = jobs.order_by("-created_at").annotate(seconds=took())[:most]
    completed = Q(status=Job.Status.COMPLETED)
    found = newest.aggregate(
        jobs=Count("pk"),
        completed=Count("pk", filter=completed),
        failed=Count("pk", filter=Q(status=Job.Status.FAILED)),
        canceled=Count("pk", filter=Q(status=Job.Status.CANCELED)),
        median=Median("seconds", filter=completed, output_field=DurationField()),
        rows=Coalesce(Sum("rows_scored"), 0),
    )
    median = found.pop("median")
    return JobFigures(
        **{**found, "rows": int(found["rows"])},
        median_seconds=median.total_seconds() if median is not None else None,
        is_capped=found["jobs"] >= most and jobs.count() > most,
    )


def last_runs(*, jobs: JobQuerySet, most: int = LAST_RUNS) -> list[Job]:
    """The newest of `jobs` that have begun, the oldest of them first."""
    fields = ("name", "display_name", "status", "started_at", "finished_at", "files_failed", "files_total")
    begun = jobs.filter(started_at__isnull=False).select_related(None).order_by("-created_at", "-pk")
    return list(begun.only(*fields)[:most])[::-1]


def since(*, period: str, now: datetime) -> datetime | None:
    """The start of a period that ends now; None for any time."""
    return now - PERIODS[period] if period in PERIODS else None


def names_among(*, jobs: JobQuerySet, field: str) -> Sequence[str]:
    """The different values of `field` among `jobs`, to filter by."""
    values = jobs.order_by(field).exclude(**{field: ""}).values_list(field, flat=True)
    return list(values.distinct()[:MOST_CHOICES])


def people_among(*, jobs: JobQuerySet) -> Sequence[str]:
    """Who submitted any of `jobs`: asked person by person, since there are far fewer of them than jobs."""
    submitted = jobs.order_by().filter(created_by=OuterRef("pk"))
    people = User.objects.filter(Exists(submitted)).order_by("username")
    return list(people.values_list("username", flat=True)[:MOST_CHOICES])
