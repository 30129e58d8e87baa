from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from studio.actions import outputs as job_outputs
from studio.errors import StudioError
from studio.forms.numbers import whole_number
from studio.models import Job
from studio.pages import job_overview
from studio.pages.bearer import takes_tokens
from studio.pages.input_browser import browse_input
from studio.pages.job_commands import cancel, definition, delete, record, rename, resubmit, retry
from studio.pages.job_head import find_job, is_poll, page_head, until_deleted
from studio.pages.job_list import index, list_context
from studio.pages.job_logs import log, log_download, log_panel
from studio.pages.job_results import errors, files, files_download, metrics, metrics_download, minibatches
from studio.pages.job_selection import cancel_selected, delete_selected
from studio.pages.job_wizard import check_input, new, step
from studio.pages.render import render_page
from studio.pages.shared_part import shared_part

__all__ = [
    "browse_input",
    "cancel",
    "cancel_selected",
    "check_input",
    "definition",
    "delete",
    "delete_selected",
    "detail",
    "download",
    "errors",
    "files",
    "files_download",
    "index",
    "list_context",
    "log",
    "log_download",
    "metrics",
    "metrics_download",
    "minibatches",
    "new",
    "outputs",
    "preview",
    "record",
    "rename",
    "resubmit",
    "retry",
    "step",
]


@require_safe
@until_deleted
def detail(request: HttpRequest, name: str) -> HttpResponse:
    if is_poll(request):
        shared = shared_part(request, name, "jobs/detail.html#live", tab="overview", more=_overview)
        if shared:
            return shared
    job = find_job(request, name)
    context = {**page_head(request, job, tab="overview"), **_overview(job)}
    return render_page(request, "jobs/detail.html", context, fragment="live")


def _overview(job: Job) -> dict[str, Any]:
    return {
        "settings": job_overview.settings_with_origin(
            job.settings, job.setting_origins, job.why_never_divided
        ),
        "predictions": job_overview.prediction_lines(job),
        "links": job_overview.linked_jobs(job),
        "mlflow_uri": settings.MLFLOW_ADDRESS,
    }


@require_safe
@until_deleted
def outputs(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    context = {
        **page_head(request, job, tab="outputs"),
        **_data_outputs(job),
        "shows_data": request.GET.get("show") == "data",
        "log": log_panel(request, job),
    }
    return render_page(request, "jobs/outputs.html", context, fragment="live")


def _data_outputs(job: Job) -> dict[str, Any]:
    """What it wrote; or why that cannot be reached, which must not hide the logs."""
    try:
        return {"outputs": job_outputs.list_outputs(job=job)}
    except StudioError as away:
        return {"outputs": [], "why_no_outputs": str(away)}


@require_safe
def preview(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    # More digits than any file has rows mean a row far behind the last one.
    first = whole_number(request.GET.get("row", "")[:18]) or 0
    page = job_outputs.preview(job=job, name=request.GET.get("file", ""), first=first)
    context = {**page_head(request, job, tab="outputs"), "page": page}
    return render_page(request, "jobs/preview.html", context, fragment="preview")


@takes_tokens
@require_safe
def download(request: HttpRequest, name: str) -> HttpResponseBase:
    job = find_job(request, name)
    file = request.GET.get("file", "")
    stream = job_outputs.open_output(job=job, name=file)
    return FileResponse(stream, as_attachment=True, filename=file, content_type="application/octet-stream")
