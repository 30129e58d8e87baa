from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions.endpoints import set_default
from studio.forms.deployments import DefaultDeploymentForm
from studio.forms.settings import setting_lines
from studio.models import Deployment, Endpoint, Job
from studio.pages import jobs as jobs_pages
from studio.pages.deployment_waiting import waiting_sentences
from studio.pages.listing import Listing
from studio.pages.render import render_page

SORTS = {"name": "name", "created": "created_at", "deployments": "deployment_count"}


def visible(request: HttpRequest) -> QuerySet[Endpoint]:
    return Endpoint.objects.visible_to(request.user)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    listing = Listing.of(request, name="endpoints", sorts=SORTS, default="-created")
    listing.show(visible(request).matching(listing.search).with_figures())  # type: ignore[attr-defined]
    is_changing = any(row.last_job and not row.last_job.is_finished for row in listing.rows)
    context = {"listing": listing, "poll": listing.path if is_changing else ""}
    return render_page(request, "endpoints/index.html", context, fragment="rows")


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = _endpoint(request, name)
    deployments = endpoint.deployments.all()
    waiting = waiting_sentences(deployments)
    last_job = Job.objects.visible_to(request.user).for_endpoint(endpoint).for_list().newest_first().first()
    context = {
        **_head(request, endpoint),
        "on_jobs": False,
        "deployments": [(one, setting_lines(one.settings), waiting.get(one.pk, "")) for one in deployments],
        "is_changing": any(one.is_creating for one in deployments) or (last_job and not last_job.is_finished),
        "last_job": last_job,
    }
    return render_page(request, "endpoints/detail.html", context, fragment="live")


@require_safe
def jobs(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = _endpoint(request, name)
    of_endpoint = Job.objects.visible_to(request.user).for_endpoint(endpoint)
    context = {**_head(request, endpoint), "on_jobs": True, **jobs_pages.list_context(request, of_endpoint)}
    return render_page(request, "endpoints/jobs.html", context, fragment="rows")


@require_http_methods(["GET", "HEAD", "POST"])
def update_default(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = _endpoint(request, name)
    form = DefaultDeploymentForm(request.POST or None, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        deployment = form.cleaned_data["deployment"]
        set_default(user=request.user, deployment=deployment)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is the default deployment now.") % {"name": deployment.name})
        return redirect("endpoints:detail", name=endpoint.name)
    context = {"endpoint": endpoint, "form": form, "why_no_default": _why_no_default(endpoint)}
    status = 422 if form.errors else 200
    return render_page(request, "endpoints/update_default.html", context, fragment="dialog", status=status)


def _endpoint(request: HttpRequest, name: str) -> Endpoint:
    deployments = Prefetch("deployments", queryset=Deployment.objects.for_list().default_first())
    rows = visible(request).select_related("default_deployment", "created_by").prefetch_related(deployments)
    return get_object_or_404(rows, name=name)


def _head(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    """What both tabs show above themselves."""
    return {
        "endpoint": endpoint,
        "job_count": endpoint.jobs.count(),
        "why_no_job": permissions.reason_against(permissions.check_can_create_job, request.user, endpoint),
        "why_no_default": _why_no_default(endpoint),
    }


def _why_no_default(endpoint: Endpoint) -> str:
    if any(one.is_ready for one in endpoint.deployments.all()):
        return ""
    return _("No deployment of this endpoint has succeeded yet.")
