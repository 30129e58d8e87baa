from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio import permissions
from studio.actions.deployments import delete_deployment, edit_deployment
from studio.actions.endpoints import retry_deployment, set_default
from studio.errors import ChangedMeanwhile, FieldErrors
from studio.finding import find_deployment
from studio.forms.deployment_edit import EditDeploymentForm
from studio.forms.guarded import Meanwhile
from studio.forms.settings import SettingLine, setting_lines
from studio.models import Deployment
from studio.pages.deployment_waiting import waiting_sentences
from studio.pages.deployment_wizard import new, new_cluster, step
from studio.pages.guard import needs
from studio.pages.render import render_page, wants_fragment
from studio.roles import check_may_manage

__all__ = ["delete", "detail", "edit", "make_default", "new", "new_cluster", "retry", "step"]


class Card(NamedTuple):
    """A deployment as its page and its endpoint's page show it: with the reason against each command."""

    deployment: Deployment
    lines: list[SettingLine]
    waiting: str
    why_no_job: str
    why_no_default: str
    why_no_retry: str
    why_no_edit: str
    why_no_delete: str


def cards(request: HttpRequest, deployments: list[Deployment]) -> list[Card]:
    waiting = waiting_sentences(deployments)

    def reason(check: Callable[..., None], one: Deployment) -> str:
        return permissions.reason_against(check, request.user, one)

    return [
        Card(
            one,
            setting_lines(one.settings, one.why_never_divided),
            waiting.get(one.pk, ""),
            reason(permissions.check_can_use_deployment, one),
            _("It is the default deployment.")
            if one.endpoint.default_deployment_id == one.pk
            else reason(permissions.check_can_set_default, one),
            reason(permissions.check_can_retry_deployment, one),
            reason(permissions.check_can_edit_deployment, one),
            reason(permissions.check_can_delete_deployment, one),
        )
        for one in deployments
    ]


@require_safe
def detail(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = find_deployment(request.user, name, deployment)
    context = {
        "endpoint": found.endpoint,
        "deployment": found,
        "job_count": found.jobs.count(),
        **cards(request, [found])[0]._asdict(),
    }
    # The log asks for itself, so that it keeps the place where it is being read.
    fragment = "log" if wants_fragment(request) and request.htmx.target == "log" else "live"  # type: ignore[attr-defined]
    return render_page(request, "deployments/detail.html", context, fragment=fragment)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def edit(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = find_deployment(request.user, name, deployment)
    permissions.check_can_edit_deployment(request.user, found)
    meanwhile: Meanwhile | None = None
    form: Any = EditDeploymentForm.of(found)
    if request.method == "POST":
        form = EditDeploymentForm(request.POST)
        try:
            if form.is_valid():
                return _save(request, found, form)
        except FieldErrors as refusal:
            for field, sentence in refusal.fields.items():
                form.add_error(field if field in form.fields else None, sentence)
        except ChangedMeanwhile as overtaken:
            form, meanwhile = form.beside(find_deployment(request.user, name, deployment), str(overtaken))
    context = {"endpoint": found.endpoint, "deployment": found, "form": form, "meanwhile": meanwhile}
    status = 422 if meanwhile or form.errors else 200
    return render_page(request, "deployments/edit.html", context, status=status)


def _save(request: HttpRequest, deployment: Deployment, form: EditDeploymentForm) -> HttpResponse:
    edit_deployment(
        user=request.user,  # type: ignore[arg-type]
        deployment=deployment,
        revision=form.cleaned_data["revision"],
        description=form.cleaned_data["description"],
        tags=form.cleaned_data["tags"],
        settings=form.settings,
    )
    messages.success(request, _("The settings of %(name)s are saved.") % {"name": deployment.name})
    return redirect("endpoints:detail", name=deployment.endpoint.name)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def delete(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    """Asks first, and says what goes with it."""
    found = find_deployment(request.user, name, deployment)
    if request.method == "POST":
        delete_deployment(user=request.user, deployment=found)  # type: ignore[arg-type]
        messages.success(request, _("The deployment %(name)s is deleted.") % {"name": found.name})
        return redirect("endpoints:detail", name=name)
    context = {
        "endpoint": found.endpoint,
        "deployment": found,
        "job_count": found.jobs.count(),
        "why_no_delete": permissions.reason_against(
            permissions.check_can_delete_deployment, request.user, found
        ),
    }
    return render_page(request, "deployments/delete.html", context, fragment="dialog")


@require_POST
@needs(check_may_manage)
def make_default(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = find_deployment(request.user, name, deployment)
    set_default(user=request.user, deployment=found)  # type: ignore[arg-type]
    messages.success(request, _("%(name)s is the default deployment now.") % {"name": found.name})
    return redirect("endpoints:detail", name=name)


@require_POST
@needs(check_may_manage)
def retry(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = find_deployment(request.user, name, deployment)
    instead = dict(zip(request.POST.getlist("requirement"), request.POST.getlist("instead"), strict=False))
    retry_deployment(user=request.user, deployment=found, instead=instead)  # type: ignore[arg-type]
    messages.info(request, _("Trying %(name)s again.") % {"name": found.name})
    return redirect("endpoints:deployment", name=name, deployment=deployment)
