from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from studio import permissions
from studio.actions.endpoints import environment_of
from studio.actions.models import follow_soon
from studio.errors import FieldErrors
from studio.models import ModelVersion, RegisteredModel, RegistryState
from studio.pages.listing import Listing
from studio.pages.referrer import came_from
from studio.pages.render import render_page
from studio.queue import enqueue

SORTS = {"name": "name", "created": "latest_created_at", "version": "latest_version"}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    follow_soon(now=timezone.now())
    listing = Listing.of(request, name="models", sorts=SORTS, default="-created")
    listing.show(RegisteredModel.objects.visible_to(request.user).matching(listing.search).with_latest())
    if not listing.is_empty and request.htmx.target == "models-empty":  # type: ignore[attr-defined]
        return HttpResponse(
            headers={"HX-Refresh": "true"}
        )  # the first model is there: the page has a list now
    context = {
        "listing": listing,
        "registry": RegistryState.current(),
        "mlflow_uri": settings.MLFLOW_ADDRESS,
    }
    return render_page(request, "models/index.html", context, fragment="rows")


@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    enqueue("models.follow_registry", full=True)
    messages.info(request, _("Asking MLflow for its models. The list follows by itself."))
    return redirect(came_from(request) or "models:index")


@require_safe
def detail(request: HttpRequest, name: str, version: int | None = None) -> HttpResponse:
    """One version at a time, the latest unless another is asked for."""
    model = get_object_or_404(RegisteredModel.objects.visible_to(request.user), name=name)
    numbers = list(model.versions.order_by("-version").values_list("version", flat=True))
    context: dict[str, Any] = {"model": model, "numbers": numbers, "mlflow_uri": settings.MLFLOW_ADDRESS}
    context["mlflow_page"] = f"{settings.MLFLOW_ADDRESS}/#/models/{quote(name, safe='')}"
    if numbers or version is not None:
        wanted = numbers[0] if version is None else version
        shown = get_object_or_404(ModelVersion, registered_model=model, version=wanted)
        context |= {
            "version": shown,
            "deployments": shown.deployments.for_list().order_by("endpoint__name", "name"),
            "why_no_deployment": permissions.reason_against(
                permissions.check_can_deploy_model, request.user, shown
            ),
        }
        if shown.is_deployable:
            context |= _environment(shown)
    return render_page(request, "models/detail.html", context)


def _environment(version: ModelVersion) -> dict[str, Any]:
    try:
        spec, notes = environment_of(version)
    except FieldErrors as refusal:
        return {"environment_problem": str(refusal)}
    return {"environment": spec, "notes": notes}
