from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions import outputs as job_outputs
from studio.actions.jobs import cancel_job
from studio.forms.numbers import whole_number
from studio.models import Job
from studio.models.jobs import JobQuerySet
from studio.pages import job_overview
from studio.pages.job_wizard import check_input, new, step
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.queue import broker_answers

__all__ = ["cancel", "check_input", "detail", "download", "index", "new", "outputs", "preview", "step"]

SORTS = {
    "name": "display_name",
    "status": "status",
    "created": "created_at",
    "duration": "took",
    "rows": "rows_scored",
}


def list_context(request: HttpRequest, jobs: JobQuerySet) -> dict[str, Any]:
    """What both lists of jobs show: all of them, and those of one endpoint."""
    listing = Listing.of(request, name="jobs", sorts=SORTS, default="-created", filters=["status"])
    rows = jobs.for_list().matching(listing.search).in_status(listing.filters["status"])
    return {
        "listing": listing.show(rows),
        "running": jobs.unfinished().exists(),
        "statuses": Job.Status.choices,
    }


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    context = list_context(request, Job.objects.visible_to(request.user))
    return render_page(request, "jobs/index.html", context, fragment="rows")


def _job(request: HttpRequest, name: str) -> Job:
    visible = Job.objects.visible_to(request.user).for_page()
    job: Job = get_object_or_404(visible, name=name)
    return job


def _head(request: HttpRequest, job: Job, *, tab: str) -> dict[str, Any]:
    """What every tab of a job's page shows around itself."""
    return {
        "job": job,
        "tab": tab,
        "why_no_cancel": permissions.reason_against(permissions.check_can_cancel_job, request.user, job),
        "broker_is_away": not job.is_finished and not broker_answers(),
        "nodes": job_overview.graph_nodes(job, tab=tab),
        "waiting": job_overview.waiting(job),
        "seconds": job_overview.poll_seconds(job),
    }


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    job = _job(request, name)
    context = {
        **_head(request, job, tab="overview"),
        "settings": job_overview.settings_with_origin(job.settings, job.setting_origins),
        "predictions": job_overview.prediction_lines(job),
    }
    return render_page(request, "jobs/detail.html", context, fragment="live")


@require_safe
def outputs(request: HttpRequest, name: str) -> HttpResponse:
    job = _job(request, name)
    context = {
        **_head(request, job, tab="outputs"),
        "outputs": job_outputs.list_outputs(job=job),
        "shows_data": request.GET.get("show") == "data",
    }
    return render_page(request, "jobs/outputs.html", context, fragment="live")


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, name: str) -> HttpResponse:
    """Asks first: what has been scored is thrown away."""
    job = _job(request, name)
    if request.method == "POST":
        cancel_job(user=request.user, job=job)  # type: ignore[arg-type]
        messages.info(request, _("%(name)s is being canceled.") % {"name": job.display_name})
        return redirect("jobs:detail", name=name)
    reason = permissions.reason_against(permissions.check_can_cancel_job, request.user, job)
    return render_page(request, "jobs/cancel.html", {"job": job, "why_no_cancel": reason}, fragment="dialog")


@require_safe
def preview(request: HttpRequest, name: str) -> HttpResponse:
    job = _job(request, name)
    # More digits than any file has rows mean a row far behind the last one.
    first = whole_number(request.GET.get("row", "")[:18]) or 0
    page = job_outputs.preview(job=job, name=request.GET.get("file", ""), first=first)
    context = {**_head(request, job, tab="outputs"), "page": page}
    return render_page(request, "jobs/preview.html", context, fragment="preview")


@require_safe
def download(request: HttpRequest, name: str) -> HttpResponseBase:
    job = _job(request, name)
    file = request.GET.get("file", "")
    stream = job_outputs.open_output(job=job, name=file)
    return FileResponse(stream, as_attachment=True, filename=file, content_type="application/octet-stream")
