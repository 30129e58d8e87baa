"""Dialogs over models: delete, description and tags, aliases; reached as `models.delete` and so on."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions import model_editing
from studio.errors import StudioError
from studio.finding import find_model, find_version
from studio.forms.endpoints import ConfirmNameForm
from studio.forms.models import AliasesForm, ModelTextForm
from studio.models import Deployment
from studio.pages.guard import needs
from studio.pages.render import render_page
from studio.roles import check_may_manage

SHOWN = 10  # deployments that a refusal names


@require_safe
@needs(check_may_manage)
def delete_selected(request: HttpRequest) -> HttpResponse:
    """*Delete* above the list: the dialog of the row that is `selected`."""
    selected = request.GET.getlist("selected")
    if len(selected) != 1:
        raise StudioError(_("Select one model in the list first."))
    return delete(request, selected[0])


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """With all versions. Asks for its name first, and says what goes with it."""
    model = find_model(request.user, name)
    form = ConfirmNameForm(request.POST if request.method == "POST" else None, name=model.name)
    count = model.versions.count()
    if request.method == "POST" and form.is_valid():
        model_editing.delete_model(user=request.user, model=model)  # type: ignore[arg-type]
        gone = ngettext(
            "The model %(name)s is deleted, with %(count)s version.",
            "The model %(name)s is deleted, with %(count)s versions.",
            count,
        )
        messages.success(request, gone % {"name": name, "count": count})
        return redirect("models:index")
    check = permissions.check_can_delete_model
    context = {
        "model": model,
        "form": form,
        "version_count": count,
        "using": Deployment.objects.of_model(model)[:SHOWN],
        "why_no_delete": permissions.reason_against(check, request.user, model),
        "action": reverse("models:delete", args=[name]),
        "back": reverse("models:detail", args=[name]),
        "confirm": model.name,
    }
    return _dialog(request, "models/delete.html", context, form)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def delete_version(request: HttpRequest, name: str, version: int) -> HttpResponse:
    model = find_model(request.user, name)
    shown = find_version(model, version)
    form = ConfirmNameForm(request.POST if request.method == "POST" else None, name=str(shown))
    if request.method == "POST" and form.is_valid():
        model_editing.delete_version(user=request.user, version=shown)  # type: ignore[arg-type]
        messages.success(request, _("%(version)s is deleted.") % {"version": shown})
        return redirect("models:versions", name=name)
    check = permissions.check_can_delete_model_version
    context = {
        "model": model,
        "version": shown,
        "form": form,
        "using": shown.deployments.select_related("endpoint").order_by("endpoint__name", "name")[:SHOWN],
        "why_no_delete": permissions.reason_against(check, request.user, shown),
        "action": reverse("models:delete_version", args=[name, version]),
        "back": reverse("models:version", args=[name, version]),
        "confirm": str(shown),
    }
    return _dialog(request, "models/delete.html", context, form)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def edit(request: HttpRequest, name: str, version: int | None = None) -> HttpResponse:
    """Description and tags of the model, or of one version of it."""
    model = find_model(request.user, name)
    shown = find_version(model, version) if version is not None else None
    row: Any = shown or model
    initial = {"description": row.description, "tags": shown.shown_tags if shown else model.tags}
    form = ModelTextForm(request.POST if request.method == "POST" else None, initial=initial)
    back = reverse("models:version", args=[name, version]) if shown else reverse("models:detail", args=[name])
    if request.method == "POST" and form.is_valid():
        if shown:
            model_editing.edit_version(user=request.user, version=shown, **form.cleaned_data)  # type: ignore[arg-type]
        else:
            model_editing.edit_model(user=request.user, model=model, **form.cleaned_data)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is saved.") % {"name": row})
        return redirect(back)
    context = {"model": model, "version": shown, "row": row, "form": form, "action": request.path}
    return _dialog(request, "models/edit.html", {**context, "back": back}, form)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def aliases(request: HttpRequest, name: str, version: int) -> HttpResponse:
    model = find_model(request.user, name)
    shown = find_version(model, version)
    initial = {"aliases": ", ".join(shown.aliases)}
    form = AliasesForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["aliases"]
        moved = model_editing.set_aliases(user=request.user, version=shown, aliases=wanted)  # type: ignore[arg-type]
        said = _("The aliases of %(version)s are saved.") % {"version": shown}
        if moved:
            said += " " + _("Moved here from another version: %(moved)s.") % {"moved": ", ".join(moved)}
        messages.success(request, said)
        return redirect("models:version", name=name, version=version)
    context = {"model": model, "version": shown, "form": form, "action": request.path}
    others = {alias: number for alias, number in model.aliases.items() if number != version}
    back = reverse("models:version", args=[name, version])
    return _dialog(request, "models/aliases.html", {**context, "others": others, "back": back}, form)


def _dialog(request: HttpRequest, template: str, context: dict[str, Any], form: Any) -> HttpResponse:
    if not context.get("why_no_delete"):
        context["asked_name"] = context.get("confirm", "")  # where it is refused, nobody types in vain
    status = 422 if form.errors else 200
    return render_page(request, template, context, fragment="dialog", status=status)
