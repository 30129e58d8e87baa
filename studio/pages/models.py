from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from studio.actions.models import follow_soon
from studio.models import ModelVersion, RegisteredModel, Registration, RegistryState
from studio.pages.listing import Listing
from studio.pages.model_editing import aliases, delete, delete_selected, delete_version, edit
from studio.pages.model_page import artifacts, detail, download_artifact, endpoints, jobs, versions
from studio.pages.referrer import came_from
from studio.pages.registrations import check_name, register_files, register_run, registration
from studio.pages.render import render_page
from studio.queue import enqueue

__all__ = [
    "aliases",
    "artifacts",
    "check_name",
    "delete",
    "delete_selected",
    "delete_version",
    "detail",
    "download_artifact",
    "edit",
    "endpoints",
    "index",
    "jobs",
    "refresh",
    "register_files",
    "register_run",
    "registration",
    "versions",
]
SORTS = {"name": "name", "created": "latest_created_at", "version": "latest_version"}


@dataclass
class Choices:
    """What the list can be filtered by, asked for when its toolbar is drawn."""

    user: AbstractUser | AnonymousUser

    types = ModelVersion.Type.choices

    @cached_property
    def flavors(self) -> list[tuple[str, str]]:
        return [(name, name) for name in ModelVersion.objects.visible_to(self.user).flavor_names()]

    @cached_property
    def aliases(self) -> list[tuple[str, str]]:
        return [(name, name) for name in RegisteredModel.objects.visible_to(self.user).alias_names()]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    follow_soon(now=timezone.now())
    filters = ["type", "flavor", "alias"]
    listing = Listing.of(request, name="models", sorts=SORTS, default="-created", filters=filters)
    rows = RegisteredModel.objects.visible_to(request.user).matching(listing.search)
    rows = rows.with_alias(listing.filters["alias"])
    rows = rows.whose_latest_is(type=listing.filters["type"], flavor=listing.filters["flavor"])
    listing.show(rows.with_latest())
    if not listing.is_empty and request.htmx.target == "models-empty":  # type: ignore[attr-defined]
        return HttpResponse(
            headers={"HX-Refresh": "true"}
        )  # the first model is there: the page has a list now
    context = {
        "listing": listing,
        "choices": Choices(request.user),
        "registry": RegistryState.current(),
        "registrations": Registration.objects.visible_to(request.user).unfinished().newest_first()[:5],
        "mlflow_uri": settings.MLFLOW_ADDRESS,
    }
    return render_page(request, "models/index.html", context, fragment="rows")


@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    enqueue("models.follow_registry", full=True)
    messages.info(request, _("Asking MLflow for its models. The list follows by itself."))
    return redirect(came_from(request) or "models:index")
