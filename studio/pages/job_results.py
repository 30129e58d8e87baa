"""The pages of a job that look into it: what it predicted, its mini-batches, its errors, the files that it reads."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from studio.actions import job_errors, job_metrics
from studio.actions.job_files import FilesRead, files_as_csv
from studio.actions.job_timeline import timeline
from studio.errors import StudioError
from studio.forms.numbers import whole_number
from studio.models import Job
from studio.models.minibatches import MiniBatchQuerySet
from studio.pages import job_charts
from studio.pages.bearer import takes_tokens
from studio.pages.job_head import find_job, page_head, until_deleted
from studio.pages.listing import Listing
from studio.pages.render import render_page

MOST_MATCHES = 10_000  # mini-batches of a filter that are counted and paged through
MOST_SORTED = 20_000  # mini-batches that are sorted by what no index has
MOST_FAILED = 50  # failed mini-batches, and failed files of others, on the tab of the errors
SORTS = {
    "number": "number",
    "status": "status",
    "bytes": "bytes",
    "rows": "rows_scored",
    "failed": "rows_failed",
    "attempts": ("attempts", "losses"),
    "node": ("node", "slot"),
    "started": "started_at",
    "duration": "took",
}


@require_safe
@until_deleted
def metrics(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    predictions = job_metrics.predictions(job=job)
    context = {
        **page_head(request, job, tab="metrics"),
        "distribution": predictions,
        "column_charts": job_charts.column_charts(predictions),
        "throughput": job_charts.throughput_chart(job_metrics.throughput(job=job)),
        "phases": job_charts.phases_chart(predictions),
    }
    return render_page(request, "jobs/metrics.html", context, fragment="live")


@takes_tokens
@require_safe
def metrics_download(request: HttpRequest, name: str) -> HttpResponse:
    """The numbers of one chart as CSV."""
    job = find_job(request, name)
    predictions = job_metrics.predictions(job=job)
    charts = [
        *job_charts.column_charts(predictions),
        job_charts.throughput_chart(job_metrics.throughput(job=job)),
        job_charts.phases_chart(predictions),
    ]
    key = request.GET.get("chart", "")
    chart = next((one for one in charts if one and one.key == key), None)
    if chart is None:
        raise Http404
    response = HttpResponse(job_charts.as_csv(chart), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{job.name}-{key}.csv"'
    return response


class PlanPaginator(Paginator):
    """Pages of the whole plan in its order: found by the numbers on them, so that the last is as quick as the first."""

    object_list: MiniBatchQuerySet

    def __init__(self, rows: MiniBatchQuerySet, size: int, *, total: int, backwards: bool) -> None:
        super().__init__(rows.order_by("-number" if backwards else "number"), size)
        self.total, self.backwards = total, backwards

    @property
    def count(self) -> int:
        return self.total

    def page(self, number: Any) -> Any:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        end = min(first + self.per_page, self.total)
        if self.backwards:
            first, end = self.total - end, self.total - first
        return Page(self.object_list.between(first, end), number, self)


def _states() -> dict[str, str]:
    return {
        "": _("All"),
        "running": _("Running"),
        "failed": _("Failed"),
        "with_losses": _("With losses"),
        "retried": _("Retried"),
        "waiting": _("Waiting"),
        "completed": _("Completed"),
        "canceled": _("Canceled"),
    }


def _legend() -> list[tuple[str, str]]:
    return [
        ("bar-done", _("completed")),
        ("bar-retried", _("completed after another try")),
        ("bar-failed", _("failed")),
        ("bar-running", _("running")),
        ("bar-canceled", _("canceled")),
    ]


def _in_state(rows: MiniBatchQuerySet, state: str) -> MiniBatchQuerySet:
    """`state` is one of the names of `_states`, which are those of the queries too."""
    found: MiniBatchQuerySet = getattr(rows, state)() if state else rows
    return found


def _listing(request: HttpRequest, job: Job) -> Listing:
    sorts = SORTS if job.minibatches_total <= MOST_SORTED else {"number": "number"}
    listing = Listing.of(request, name="minibatches", sorts=sorts, default="number", filters=["state"])
    listing.target = "#job"
    state = listing.filters["state"] if listing.filters["state"] in _states() else ""
    listing.filters["state"] = state
    rows = job.minibatches.for_list()
    if listing.sort.removeprefix("-") != "number":
        return listing.show(_in_state(rows, state))
    backwards = listing.sort.startswith("-")
    if state:
        matches = _in_state(rows, state).order_by("-number" if backwards else "number")[:MOST_MATCHES]
        pages = Paginator(matches, listing.size)
    else:
        pages = PlanPaginator(rows, listing.size, total=job.minibatches_total, backwards=backwards)
    listing.page = pages.get_page(listing.query.get("page"))
    return listing


@require_safe
@until_deleted
def minibatches(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    listing = _listing(request, job)
    context = {
        **page_head(request, job, tab="minibatches"),
        "listing": listing,
        "states": [(word, listing.url(state=state, page=None), state) for state, word in _states().items()],
        "sortable": len(listing.sorts) > 1,
        "legend": _legend(),
        "is_capped": listing.filters["state"] and listing.total >= MOST_MATCHES,
        "timeline": timeline(job=job),
    }
    return render_page(request, "jobs/minibatches.html", context, fragment="live")


@require_safe
@until_deleted
def errors(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    file = request.GET.get("file", "").strip()
    first = whole_number(request.GET.get("line", "")[:18]) or 0
    page, refusal = None, ""
    if job_errors.wrote_errors(job=job):
        try:
            page = job_errors.row_errors(job=job, file=file, first=first)
        except StudioError as error:
            refusal = str(error)
    context = {
        **page_head(request, job, tab="errors"),
        "page": page,
        "refusal": refusal,
        "file": file,
        "failed_files": job_errors.failed_files(job=job, most=MOST_FAILED),
        "more_failed_files": max(job.files_unscored - MOST_FAILED, 0),
        "failed": list(job.minibatches.for_errors()[:MOST_FAILED]),
        "more_failed": max(job.minibatches_failed - MOST_FAILED, 0),
    }
    return render_page(request, "jobs/errors.html", context, fragment="live")


@require_safe
def files(request: HttpRequest, name: str) -> HttpResponse:
    """What the job found when it listed its input."""
    job = find_job(request, name)
    listing = Listing.of(request, name="files", sorts={"path": "path"}, default="path")
    context = {**page_head(request, job, tab="files"), "listing": listing.show(FilesRead(job))}
    return render_page(request, "jobs/files.html", context, fragment="rows")


@takes_tokens
@require_safe
def files_download(request: HttpRequest, name: str) -> HttpResponseBase:
    job = find_job(request, name)
    response = StreamingHttpResponse(files_as_csv(job=job), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{job.name}-files.csv"'
    return response
