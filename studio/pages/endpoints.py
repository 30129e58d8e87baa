from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions.endpoints import delete_endpoint, edit_endpoint, set_default
from studio.errors import ChangedMeanwhile, StudioError
from studio.finding import find_endpoint
from studio.forms.endpoints import ConfirmNameForm, DefaultDeploymentForm, EndpointForm
from studio.forms.guarded import Meanwhile
from studio.models import Endpoint, Job
from studio.models.endpoints import LastJob
from studio.pages.deployments import cards
from studio.pages.guard import needs
from studio.pages.job_list import list_context
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.pages.whole_address import address
from studio.roles import check_may_manage

SORTS = {
    "name": "name",
    "default": "default_deployment__name",
    "deployments": "deployment_count",
    "job": "last_job_at",
    "created": "created_at",
    "by": "created_by__username",
}


def visible(request: HttpRequest) -> QuerySet[Endpoint]:
    return Endpoint.objects.visible_to(request.user)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    listing = Listing.of(request, name="endpoints", sorts=SORTS, default="-created", filters=["by", "job"])
    rows: Any = visible(request)
    rows = rows.matching(listing.search).created_by_person(listing.filters["by"])
    rows = rows.whose_last_job_is(listing.filters["job"]).with_figures()
    listing.show(rows.by_last_job() if listing.sort.endswith("job") else rows)
    is_changing = any(row.last_job and not row.last_job.is_finished for row in listing.rows)
    context = {
        "listing": listing,
        "poll": listing.path if is_changing else "",
        "people": [(name, name) for name in _creators(request)],
        "last_jobs": LastJob.choices,
    }
    return render_page(request, "endpoints/index.html", context, fragment="rows")


def _creators(request: HttpRequest) -> list[str]:
    people = visible(request).exclude(created_by=None).order_by("created_by__username")
    return list(people.values_list("created_by__username", flat=True).distinct())


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = find_endpoint(request.user, name)
    deployments = list(endpoint.deployments.all())
    last_job = Job.objects.visible_to(request.user).for_endpoint(endpoint).for_list().newest_first().first()
    context = {
        **_head(request, endpoint),
        "on_jobs": False,
        "cards": cards(request, deployments),
        "is_changing": any(one.is_creating for one in deployments) or (last_job and not last_job.is_finished),
        "last_job": last_job,
        "rest_endpoint": address(request, reverse("api:invoke_invoke", args=[endpoint.name])),
    }
    return render_page(request, "endpoints/detail.html", context, fragment="live")


@require_safe
def jobs(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = find_endpoint(request.user, name)
    of_endpoint = Job.objects.visible_to(request.user).for_endpoint(endpoint)
    context = {**_head(request, endpoint), "on_jobs": True, **list_context(request, of_endpoint)}
    return render_page(request, "endpoints/jobs.html", context, fragment="rows")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def update_default(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = find_endpoint(request.user, name)
    form = DefaultDeploymentForm(request.POST or None, endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        deployment = form.cleaned_data["deployment"]
        set_default(user=request.user, deployment=deployment)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is the default deployment now.") % {"name": deployment.name})
        return redirect("endpoints:detail", name=endpoint.name)
    context = {"endpoint": endpoint, "form": form, "why_no_default": _why_no_default(request, endpoint)}
    status = 422 if form.errors else 200
    return render_page(request, "endpoints/update_default.html", context, fragment="dialog", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Description and tags; the name is part of addresses and of jobs' records."""
    endpoint = find_endpoint(request.user, name)
    permissions.check_can_edit_endpoint(request.user, endpoint)
    meanwhile: Meanwhile | None = None
    form: Any = EndpointForm.of(endpoint)
    if request.method == "POST":
        form = EndpointForm(request.POST)
        try:
            if form.is_valid():
                edit_endpoint(
                    user=request.user,  # type: ignore[arg-type]
                    endpoint=endpoint,
                    revision=form.cleaned_data["revision"],
                    **form.typed,
                )
                messages.success(request, _("%(name)s is saved.") % {"name": endpoint.name})
                return redirect("endpoints:detail", name=endpoint.name)
        except ChangedMeanwhile as overtaken:
            form, meanwhile = form.beside(find_endpoint(request.user, name), str(overtaken))
    context = {"endpoint": endpoint, "form": form, "meanwhile": meanwhile}
    status = 422 if meanwhile or form.errors else 200
    return render_page(request, "endpoints/edit.html", context, fragment="dialog", status=status)


@require_safe
@needs(check_may_manage)
def delete_selected(request: HttpRequest) -> HttpResponse:
    """*Delete* above the list: the dialog of the row that is `selected`."""
    selected = request.GET.getlist("selected")
    if len(selected) != 1:
        raise StudioError(_("Select one endpoint in the list first."))
    return delete(request, selected[0])


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Asks for its name first, and says what goes with it."""
    endpoint = find_endpoint(request.user, name)
    form = ConfirmNameForm(request.POST if request.method == "POST" else None, name=endpoint.name)
    if request.method == "POST" and form.is_valid():
        count = len(endpoint.deployments.all())
        delete_endpoint(user=request.user, endpoint=endpoint)  # type: ignore[arg-type]
        gone = ngettext(
            "The endpoint %(name)s is deleted, with %(count)s deployment.",
            "The endpoint %(name)s is deleted, with %(count)s deployments.",
            count,
        )
        messages.success(request, gone % {"name": endpoint.name, "count": count})
        return redirect("endpoints:index")
    context = {
        "endpoint": endpoint,
        "form": form,
        "job_count": endpoint.jobs.count(),
        "why_no_delete": _reason(request, permissions.check_can_delete_endpoint, endpoint),
    }
    status = 422 if form.errors else 200
    return render_page(request, "endpoints/delete.html", context, fragment="dialog", status=status)


def _head(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    """What both tabs show above themselves."""
    return {
        "endpoint": endpoint,
        "job_count": endpoint.jobs.count(),
        "why_no_job": _reason(request, permissions.check_can_create_job, endpoint),
        "why_no_default": _why_no_default(request, endpoint),
        "why_no_edit": _reason(request, permissions.check_can_edit_endpoint, endpoint),
        "why_no_delete": _reason(request, permissions.check_can_delete_endpoint, endpoint),
    }


def _reason(request: HttpRequest, check: Callable[..., None], endpoint: Endpoint) -> str:
    return permissions.reason_against(check, request.user, endpoint)


def _why_no_default(request: HttpRequest, endpoint: Endpoint) -> str:
    if any(one.is_ready for one in endpoint.deployments.all()):
        return _reason(request, permissions.check_can_edit_endpoint, endpoint)
    return _("No deployment of this endpoint has succeeded yet.")
