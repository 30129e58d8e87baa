"""*Register*, from local files and from a run; reached as `models.register_files` and so on."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from studio.actions import model_sources
from studio.actions.archives import ArchiveRefused, Member
from studio.actions.model_folders import members_of_archive, members_of_folder
from studio.actions.models import follow_soon
from studio.actions.registrations import register_files as register_model_files
from studio.actions.registrations import register_logged_model
from studio.errors import FieldErrors, NotFound, Unavailable
from studio.finding import find_registration
from studio.forms.models import RegisterFilesForm, RegisterForm
from studio.models import ModelVersion, RegisteredModel, Registration
from studio.pages.guard import needs
from studio.pages.model_uploads import takes_folders
from studio.pages.render import render_page
from studio.roles import check_may_manage


@require_safe
def check_name(request: HttpRequest) -> HttpResponse:
    """What registering under the typed name comes to; fetched as it is typed."""
    name = request.GET.get("name", "").strip()
    model = (
        RegisteredModel.objects.visible_to(request.user).with_latest().filter(name=name).first()
        if name
        else None
    )
    context = {"name": name, "model": model, "next": (getattr(model, "latest_version", None) or 0) + 1}
    return render_page(request, "models/check_name.html", context)


@takes_folders
@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def register_files(request: HttpRequest) -> HttpResponse:
    posted = request.method == "POST"
    form = RegisterFilesForm(*((request.POST, request.FILES) if posted else ()), initial=_known_name(request))
    if getattr(request, "too_many_files", False):
        form.add_error("folder", _too_many())
    elif posted and form.is_valid():
        try:
            made = _register_files(request, form)
        except (ArchiveRefused, FieldErrors) as refusal:
            form.add_error(form.file_field, str(refusal))
        else:
            return redirect("models:registration", number=made.pk)
    status = 422 if form.errors else 200
    return render_page(request, "models/register_files.html", {"form": form}, status=status)


def _too_many() -> str:
    return _(
        "The folder has more than 500 files, which is more than a form takes. Zip it: a zip may have 10,000."
    )


def _known_name(request: HttpRequest) -> dict[str, str]:
    return {"name": request.GET.get("name", "")}


def _register_files(request: HttpRequest, form: RegisterFilesForm) -> Registration:
    answers = form.cleaned_data
    return register_model_files(
        user=request.user,  # type: ignore[arg-type]
        members=_members(form),
        label=_label(form),
        **{name: answers[name] for name in ("key", "name", "description", "tags")},
    )


def _label(form: RegisterFilesForm) -> str:
    """What the person has chosen, as they know it."""
    first = form.cleaned_data["zip"] if form.file_field == "zip" else form.cleaned_data["folder"][0]
    return str(first.path_in_folder.partition("/")[0])[:200]


def _members(form: RegisterFilesForm) -> list[Member]:
    if form.file_field == "zip":
        return members_of_archive(form.cleaned_data["zip"])
    return members_of_folder([(file.path_in_folder, file) for file in form.cleaned_data["folder"]])


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def register_run(request: HttpRequest) -> HttpResponse:
    """One page per choice: experiment, run, model, then its name. What is chosen stands in the address."""
    chosen = {name: request.GET.get(name, "") for name in ("experiment", "run", "model")}
    try:
        if chosen["run"] and chosen["model"]:
            return _name_it(request, chosen)
        return render_page(request, "models/register_run.html", _choices(request, chosen), fragment="choices")
    except (Unavailable, NotFound) as problem:
        context = {"problem": str(problem), "steps": _steps("experiment"), "chosen": chosen}
        status = 503 if isinstance(problem, Unavailable) else 404
        return render_page(request, "models/register_run.html", context, status=status)


def _choices(request: HttpRequest, chosen: dict[str, str]) -> dict[str, Any]:
    words, token = request.GET.get("search", "").strip(), request.GET.get("token", "")
    context: dict[str, Any] = {"chosen": chosen, "search": words, "token": token}
    if chosen["run"]:
        run = model_sources.run(id=chosen["run"])
        context |= {"step": "model", "run": run, "found": model_sources.logged_models(run=run, words=words)}
    elif chosen["experiment"]:
        experiment = model_sources.experiment(id=chosen["experiment"])
        found = model_sources.runs(experiment_id=experiment.id, words=words, token=token)
        context |= {"step": "run", "experiment": experiment, "found": found.rows, "next": found.next}
    else:
        found = model_sources.experiments(words=words, token=token)
        context |= {"step": "experiment", "found": found.rows, "next": found.next}
    return {**context, "steps": _steps(context["step"])}


def _name_it(request: HttpRequest, chosen: dict[str, str]) -> HttpResponse:
    run = model_sources.run(id=chosen["run"])
    model = next((one for one in model_sources.logged_models(run=run) if one.key == chosen["model"]), None)
    if model is None:
        raise NotFound(_("The run has no such model any more. Choose again."))
    form = RegisterForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = register_logged_model(user=request.user, run=run, model=model, **form.cleaned_data)  # type: ignore[arg-type]
        return redirect("models:registration", number=made.pk)
    context = {
        "form": form,
        "run": run,
        "model": model,
        "chosen": chosen,
        "step": "name",
        "steps": _steps("name"),
    }
    status = 422 if form.errors else 200
    return render_page(request, "models/register_run.html", context, status=status)


def _steps(current: str) -> list[dict[str, str]]:
    titles = {
        "experiment": _("Experiment"),
        "run": _("Run"),
        "model": _("Logged model"),
        "name": _("Name"),
    }
    at = list(titles).index(current)
    return [
        {"title": title, "href": "", "state": "done" if place < at else "current" if place == at else "todo"}
        for place, title in enumerate(titles.values())
    ]


@require_safe
def registration(request: HttpRequest, number: int) -> HttpResponse:
    found = find_registration(request.user, number)
    version = None
    if found.is_registered and found.version is not None:
        rows = ModelVersion.objects.select_related("registered_model")
        version = rows.filter(registered_model__name=found.name, version=found.version).first()
        if version is None:
            follow_soon(now=timezone.now())
    context = {
        "registration": found,
        "version": version,
        "is_open": not found.is_finished or _comes(found, version),
    }
    return render_page(request, "models/registration.html", context, fragment="live")


def _comes(found: Registration, version: ModelVersion | None) -> bool:
    """Whether the mirror is still to show what MLflow has; not for one that was deleted since."""
    if version or not found.is_registered or found.finished_at is None:
        return False
    return (timezone.now() - found.finished_at).total_seconds() < 120
