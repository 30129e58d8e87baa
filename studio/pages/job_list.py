"""The lists of jobs: all of them, and those of one endpoint, model, data asset or cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from studio.actions import job_statistics
from studio.models import Job
from studio.models.job_queries import JobQuerySet
from studio.pages.listing import Listing
from studio.pages.render import render_page

SORTS = {
    "name": "display_name",
    "status": "status",
    "created": "created_at",
    "duration": "took",
    "by": "created_by__username",
    "endpoint": ("endpoint_name", "deployment_name"),
    "deployment": "deployment_name",
    "input": "input_label",
    "rows": "rows_scored",
    "failed": "rows_failed",
}
FILTERS = ["status", "endpoint", "deployment", "by", "time"]
MOST_FOUND = 1000  # jobs that a search names one by one
EVERY = 2  # seconds between two looks while anything runs


@dataclass
class Choices:
    """What a list of jobs can be filtered by, asked for when its toolbar is drawn."""

    jobs: JobQuerySet

    statuses = Job.Status.choices

    @cached_property
    def endpoints(self) -> list[tuple[str, str]]:
        return _pairs(job_statistics.names_among(jobs=self.jobs, field="endpoint_name"))

    @cached_property
    def deployments(self) -> list[tuple[str, str]]:
        return _pairs(job_statistics.names_among(jobs=self.jobs, field="deployment_name"))

    @cached_property
    def people(self) -> list[tuple[str, str]]:
        return _pairs(job_statistics.people_among(jobs=self.jobs))

    @property
    def periods(self) -> list[tuple[str, str]]:
        return list(_periods().items())


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


def _periods() -> dict[str, str]:
    return {
        "24h": _("last 24 hours"),
        "7d": _("last 7 days"),
        "30d": _("last 30 days"),
        "90d": _("last 90 days"),
    }


def list_context(request: HttpRequest, jobs: JobQuerySet) -> dict[str, Any]:
    """What every list of jobs shows, whosever they are: `jobs/_summary.html`, `_filters.html` and `_rows.html`."""
    listing = Listing.of(request, name="jobs", sorts=SORTS, default="-created", filters=FILTERS)
    chosen = _chosen(jobs, listing)
    return {
        "listing": listing.show(chosen.for_list()),
        "running": jobs.unfinished().exists(),
        "seconds": EVERY,
        "choices": Choices(jobs),
        "figures": job_statistics.figures_of(jobs=chosen),
        "last_runs": job_statistics.last_runs(jobs=chosen),
        "period": _periods().get(listing.filters["time"], ""),
    }


def _chosen(jobs: JobQuerySet, listing: Listing) -> JobQuerySet:
    wanted = listing.filters
    chosen = (
        jobs.in_status(wanted["status"])
        .to_endpoint(wanted["endpoint"])
        .to_deployment(wanted["deployment"])
        .submitted_by(wanted["by"])
        .created_since(job_statistics.since(period=wanted["time"], now=timezone.now()))
    )
    return _matching(chosen, listing.search)


def _matching(jobs: JobQuerySet, words: str) -> JobQuerySet:
    """Those with the words in one of their texts: all texts are gone through once, and not for each figure of the list,
    but where so many have them that each figure finds its jobs soon."""
    matching = jobs.matching(words)
    if not words:
        return matching
    found = list(matching.order_by().values_list("pk", flat=True)[: MOST_FOUND + 1])
    return matching if len(found) > MOST_FOUND else jobs.filter(pk__in=found)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    context = list_context(request, Job.objects.visible_to(request.user))
    return render_page(request, "jobs/index.html", {**context, "selects": True}, fragment="rows")
