"""*Create a batch scoring job*; its views are reached as `jobs.new`, `jobs.step` and `jobs.check_input`."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions import display_names
from studio.actions.drafts import finish_draft, finishing, start_draft
from studio.actions.jobs import submit_job
from studio.errors import FieldErrors, NotAllowed, NotFound, StudioError, Unavailable
from studio.forms import jobs as forms
from studio.forms.job_answers import DATASET, JobAnswers, pick
from studio.models import DataAsset, Datastore, Draft, Endpoint
from studio.pages.input_verdicts import verdicts
from studio.pages.job_overview import settings_with_origin
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.pages.wizard import Step, Wizard

WIZARD = Wizard(
    steps=(
        Step("settings", gettext_lazy("Job settings"), forms.SettingsStep),
        Step("input", gettext_lazy("Select data source"), forms.InputStep),
        Step("output", gettext_lazy("Configure output location"), forms.OutputStep),
        Step("review", gettext_lazy("Review"), forms.ReviewStep),
    ),
    url_name="jobs:step",
)
# Where the wizard sends a person to mend what the action refused.
STEP_OF_FIELD = {"output_path": "output", "path": "input"}
# What no step mends: trying later does, or somebody else.
NOWHERE = (Unavailable, NotFound)
SORTS = {
    "name": "name",
    "default": "default_deployment__name",
    "deployments": "deployment_count",
    "created": "created_at",
}


@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """Begin a draft for the endpoint in the address, or let the person choose one."""
    name = request.GET.get("endpoint")
    if not name:
        return _choose_endpoint(request)
    if request.method == "HEAD":  # nobody who only looks begins anything
        return HttpResponse()
    endpoint = get_object_or_404(Endpoint.objects.visible_to(request.user), name=name)
    permissions.check_can_create_job(request.user, endpoint)
    wanted = endpoint.deployments.ready().filter(name=request.GET.get("deployment", "")).first()
    preset: dict[str, Any] = {"deployment": wanted.pk if wanted else endpoint.default_deployment_id}
    data = DataAsset.objects.visible_to(request.user).filter(name=request.GET.get("data", "")).first()
    if data:
        preset["input"] = {"source": DATASET, "dataset": data.pk}
    answers = {"endpoint": endpoint.pk, "preset": preset}
    draft = start_draft(user=request.user, kind=Draft.Kind.JOB, answers=answers)  # type: ignore[arg-type]
    return redirect(WIZARD.url(draft, WIZARD.steps[0]))


def _choose_endpoint(request: HttpRequest) -> HttpResponse:
    listing = Listing.of(request, name="endpoints", sorts=SORTS, default="-created")
    endpoints = Endpoint.objects.visible_to(request.user).matching(listing.search)
    listing.show(endpoints.for_list().with_states())
    check = permissions.check_can_create_job
    context = {
        "listing": listing,
        "choices": [(row, permissions.reason_against(check, request.user, row)) for row in listing.rows],
        "data": request.GET.get("data", ""),
    }
    return render_page(request, "jobs/new.html", context, fragment="rows")


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, key: str, step: str) -> HttpResponse:
    draft, endpoint = _draft(request, key)
    current = WIZARD.step(step)
    elsewhere = WIZARD.redirect_where_it_belongs(draft, current)
    if elsewhere:
        return elsewhere
    data = request.POST if request.method == "POST" else None
    initial = _initial(request, draft, current, endpoint)
    user: Any = request.user
    form: Any = current.form(data, draft=draft, step=current.name, user=user, initial=initial)
    refusals: list[tuple[str, str]] = []
    if data is not None and form.is_valid():
        if current.name != "review":
            return WIZARD.keep(request, draft, current, form)
        try:
            return _create(request, draft)
        except StudioError as refusal:
            refusals = _refusals(draft, refusal)
    context = WIZARD.context(draft, current, form)
    context |= {
        "endpoint": endpoint,
        "cancel": reverse("endpoints:detail", args=[endpoint.name]),
        "refusals": refusals,
    }
    context |= _shown(draft, current, form)
    is_refused = data is not None and (form.errors or refusals)
    fragment = "overrides" if current.name == "settings" else None
    return render_page(
        request, "jobs/step.html", context, fragment=fragment, status=422 if is_refused else 200
    )


def _draft(request: HttpRequest, key: str) -> tuple[Draft, Endpoint]:
    draft = get_object_or_404(Draft.objects.visible_to(request.user).jobs(), key=key)
    return draft, get_object_or_404(Endpoint.objects.visible_to(request.user), pk=draft.answers["endpoint"])


def _initial(request: HttpRequest, draft: Draft, step: Step, endpoint: Endpoint) -> dict[str, Any]:
    preset, answered = draft.answers["preset"], draft.step(step.name)
    if step.name == "input":
        return answered or dict(preset.get("input", {}))
    if step.name != "settings":
        return dict(answered)
    asked = request.GET.get("deployment")  # another one was chosen in the form: begin with its settings
    if asked:
        answered = {"deployment": asked}
    ready = endpoint.deployments.ready()
    chosen = pick(ready, answered.get("deployment") or preset["deployment"]) or ready.first()
    return {
        **(chosen.settings if chosen else {}),
        "display_name": display_names.generate(str(draft.key)),
        **answered,
        "deployment": chosen.pk if chosen else None,
    }


def _refusals(draft: Draft, refusal: StudioError) -> list[tuple[str, str]]:
    """What the action refused, each with the address of the step where it is mended; empty where none does."""
    if isinstance(refusal, NOWHERE):
        return [(str(refusal), "")]
    if isinstance(refusal, FieldErrors):
        fields = refusal.fields
    else:  # a location that is taken or refused, unless it is the deployment
        fields = {"deployment" if isinstance(refusal, NotAllowed) else "output_path": str(refusal)}
    return [
        (sentence, WIZARD.url(draft, WIZARD.step(STEP_OF_FIELD.get(name, "settings"))))
        for name, sentence in fields.items()
    ]


def _shown(draft: Draft, step: Step, form: Any) -> dict[str, Any]:
    """What a step shows beside its form."""
    if step.name == "settings":
        return {}
    answers = JobAnswers(draft)
    shown: dict[str, Any] = {
        "deployment": answers.deployment,
        "default_datastore": Datastore.objects.default(),
    }
    if step.name in ("input", "review"):
        shown["verdicts"] = verdicts(form.check)
    if step.name == "review":
        settings, origins, _problems = answers.effective
        shown |= {"answers": answers, "settings": settings_with_origin(settings.to_dict(), origins)}
    return shown


@require_safe
def check_input(request: HttpRequest, key: str) -> HttpResponse:
    """First rows of the chosen input beside the signature, while the form is being filled in."""
    draft, endpoint = _draft(request, key)
    answers = {name: request.GET.get(name, "") for name in forms.InputStep.base_fields}
    user: Any = request.user
    form = forms.InputStep(None, draft=draft, step="input", user=user, initial=answers)
    context = WIZARD.context(draft, WIZARD.step("input"), form)
    context |= {
        "cancel": reverse("endpoints:detail", args=[endpoint.name]),
        "deployment": JobAnswers(draft).deployment,
        "verdicts": verdicts(form.check),
        "has_new_dataset": str(getattr(form.chosen_version, "pk", "")) != answers["asset_version"],
        "is_blocked": bool(form.problem),
        "was_blocked": bool(request.GET.get("was_blocked")),
    }
    return render_page(request, "jobs/check_input.html", context)


def _create(request: HttpRequest, draft: Draft) -> HttpResponse:
    with finishing(draft=draft) as draft:
        if draft.finished_at:
            return redirect(draft.answers["result"])
        job = submit_job(user=request.user, request=JobAnswers(draft).request())  # type: ignore[arg-type]
        result = reverse("jobs:detail", args=[job.name])
        finish_draft(draft=draft, result=result)
    messages.success(request, _("%(name)s is submitted.") % {"name": job.display_name})
    return redirect(result)
