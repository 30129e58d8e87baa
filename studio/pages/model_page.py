"""A model's page, one version at a time, and its tabs; reached as `models.detail` and so on."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from studio import permissions
from studio.actions import model_sources
from studio.actions.endpoints import environment_of
from studio.errors import FieldErrors, StudioError
from studio.finding import find_model, find_version
from studio.models import Deployment, Job, ModelVersion, RegistryState
from studio.pages.artifact_tree import tree_of
from studio.pages.bearer import takes_tokens
from studio.pages.job_list import list_context
from studio.pages.listing import Listing
from studio.pages.model_loading import loading_of
from studio.pages.render import attach, render_page

# Where the version switcher leads: to the same tab of the other version.
TAB_ADDRESSES = {tab: f"models:{tab}" for tab in ("artifacts", "endpoints", "jobs")}
VERSION_SORTS = {
    "version": "version",
    "type": "type",
    "created": "created_at",
    "by": "created_by",
    "size": "size",
}


def page_head(request: HttpRequest, name: str, number: int | None, *, tab: str) -> dict[str, Any]:
    """What every tab shows above itself. `version` is None where the model has none."""
    model = find_model(request.user, name)
    numbers = list(model.versions.order_by("-version").values_list("version", flat=True))
    wanted = number if number is not None else next(iter(numbers), None)
    version = find_version(model, wanted) if wanted is not None else None
    context: dict[str, Any] = {
        "model": model,
        "numbers": numbers,
        "version": version,
        "on": {tab: True},
        "tab_address": TAB_ADDRESSES.get(tab, "models:version"),
        "registry": RegistryState.current(),
        "mlflow_uri": settings.MLFLOW_ADDRESS,
        "mlflow_page": f"{settings.MLFLOW_ADDRESS}/#/models/{quote(name, safe='')}",
        "why_no_delete": permissions.reason_against(permissions.check_can_delete_model, request.user, model),
    }
    if version:
        check = permissions.check_can_deploy_model
        context |= {
            "why_no_deployment": permissions.reason_against(check, request.user, version),
            "deployment_count": version.deployments.count(),
        }
    return context


@require_safe
def detail(request: HttpRequest, name: str, version: int | None = None) -> HttpResponse:
    """*Details* of one version, the latest unless another is asked for."""
    context = page_head(request, name, version, tab="details")
    shown = context["version"]
    if shown:
        context |= {"loading": loading_of(shown), **(_environment(shown) if shown.is_deployable else {})}
    return render_page(request, "models/detail.html", context)


def _environment(version: ModelVersion) -> dict[str, Any]:
    try:
        spec, notes = environment_of(version)
    except FieldErrors as refusal:
        return {"environment_problem": str(refusal)}
    return {"environment": spec, "notes": notes}


@require_safe
def versions(request: HttpRequest, name: str, version: int | None = None) -> HttpResponse:
    context = page_head(request, name, version, tab="versions")
    listing = Listing.of(request, name="versions", sorts=VERSION_SORTS, default="-version")
    rows = ModelVersion.objects.filter(registered_model=context["model"]).for_list().found_by(listing.search)
    listing.show(rows.annotate(deployment_count=Count("deployments")))
    for row in listing.rows:
        row.registered_model = context["model"]
    return render_page(request, "models/versions.html", {**context, "listing": listing}, fragment="rows")


@require_safe
def artifacts(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """The files of a version; the one of `?file=` beside them."""
    context = page_head(request, name, version, tab="artifacts")
    shown = context["version"]
    wanted = request.GET.get("file", "")
    if not wanted and any(file["path"] == "MLmodel" for file in shown.artifacts):
        wanted = "MLmodel"
    context |= {
        "file": next((one for one in shown.artifacts if one["path"] == wanted), None),
        "wanted": wanted,
    }
    context |= {"tree": tree_of(shown.artifacts, address=request.path, current=wanted)}
    if context["file"]:
        try:
            context["preview"] = model_sources.preview_artifact(version=shown, path=wanted)
        except StudioError as problem:
            context["problem"] = str(problem)
    return render_page(request, "models/artifacts.html", context, fragment="artifacts")


@takes_tokens
@require_safe
def download_artifact(request: HttpRequest, name: str, version: int) -> HttpResponseBase:
    path = request.GET.get("file", "")
    opened = model_sources.open_artifact(
        version=find_version(find_model(request.user, name), version), path=path
    )
    response = StreamingHttpResponse(opened.pieces, content_type="application/octet-stream")
    attach(response, path.rsplit("/", 1)[-1])
    if opened.size is not None:
        response["Content-Length"] = str(opened.size)
    return response


@require_safe
def endpoints(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """The deployments that use a version."""
    context = page_head(request, name, version, tab="endpoints")
    used = Deployment.objects.visible_to(request.user).filter(model_version=context["version"])
    listing = Listing.of(
        request,
        name="deployments",
        sorts={"endpoint": ("endpoint__name", "name"), "created": "created_at", "status": "status"},
        default="endpoint",
    )
    listing.show(used.for_list().select_related("endpoint__default_deployment"))
    return render_page(request, "models/endpoints.html", {**context, "listing": listing}, fragment="rows")


@require_safe
def jobs(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """The jobs that have run a version."""
    context = page_head(request, name, version, tab="jobs")
    ran = Job.objects.visible_to(request.user).of_model_version(context["version"])
    return render_page(
        request, "models/jobs.html", {**context, **list_context(request, ran)}, fragment="rows"
    )
