"""*Create a batch scoring job*; its views are reached as `jobs.new`, `jobs.step` and `jobs.check_input`."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions import display_names
from studio.actions.drafts import finish_draft, finishing, start_draft
from studio.actions.endpoints import settings_of
from studio.actions.jobs import submit_job
from studio.errors import FieldErrors, NotAllowed, NotFound, StudioError, Unavailable
from studio.finding import found
from studio.forms import jobs as forms
from studio.forms.job_answers import DATASET, JobAnswers, pick
from studio.forms.numbers import whole_number
from studio.models import DataAsset, Datastore, Draft, Endpoint
from studio.pages.drafts import job_draft
from studio.pages.guard import needs
from studio.pages.input_verdicts import shown_of
from studio.pages.job_overview import settings_with_origin
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.pages.trials import trial_of
from studio.pages.wizard import Step, Wizard
from studio.roles import check_may_run

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
@needs(check_may_run)
def new(request: HttpRequest) -> HttpResponse:
    """Begin a draft for the endpoint in the address, or let the person choose one."""
    name = request.GET.get("endpoint")
    if not name:
        return _choose_endpoint(request)
    if request.method == "HEAD":  # nobody who only looks begins anything
        return HttpResponse()
    endpoint = found(
        Endpoint.objects.visible_to(request.user),
        _("There is no endpoint “%(name)s”. It may have been deleted.") % {"name": name},
        name=name,
    )
    permissions.check_can_create_job(request.user, endpoint)
    wanted = endpoint.deployments.ready().filter(name=request.GET.get("deployment", "")).first()
    preset: dict[str, Any] = {"deployment": wanted.pk if wanted else endpoint.default_deployment_id}
    asset_name, _sign, version = request.GET.get("data", "").partition(":")  # name, or name:version
    data = DataAsset.objects.visible_to(request.user).filter(name=asset_name).first()
    if data:
        preset["input"] = {"source": DATASET, "dataset": data.pk}
        chosen = data.versions.filter(version=whole_number(version) or 0).first() if version else None
        preset["input"] |= {"asset_version": chosen.pk} if chosen else {}
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


@sensitive_post_parameters("path")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def step(request: HttpRequest, key: str, step: str) -> HttpResponse:
    draft, endpoint = draft_of(request, key)
    current = WIZARD.step(step)
    elsewhere = WIZARD.redirect_where_it_belongs(draft, current) or _to_what_is_gone(
        request, draft, current, endpoint
    )
    if elsewhere:
        return elsewhere
    assert endpoint is not None, "_to_what_is_gone() leads elsewhere"
    only_look = "look" in request.POST  # without JavaScript: the first rows of what is chosen, nothing kept
    data = request.POST if request.method == "POST" and not only_look else None
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


def draft_of(request: HttpRequest, key: str) -> tuple[Draft, Endpoint | None]:
    """The person's draft and its endpoint, as far as that is still there."""
    draft = job_draft(request, key)
    return draft, Endpoint.objects.visible_to(request.user).filter(pk=draft.answers["endpoint"]).first()


def _to_what_is_gone(
    request: HttpRequest, draft: Draft, step: Step, endpoint: Endpoint | None
) -> HttpResponse | None:
    """To the step that mends an answer whose thing was deleted since, with the sentence that says so."""
    if endpoint is None:
        messages.error(request, _("The endpoint of this draft was deleted. Begin a job on another one."))
        return redirect("endpoints:index")
    lost = JobAnswers(draft).lost(before=[one.name for one in WIZARD.steps[: WIZARD.steps.index(step)]])
    if lost is None:
        return None
    name, sentence = lost
    messages.error(request, sentence)
    return redirect(WIZARD.url(draft, WIZARD.step(name)))


def _initial(request: HttpRequest, draft: Draft, step: Step, endpoint: Endpoint) -> dict[str, Any]:
    preset, answered = draft.answers["preset"], draft.step(step.name)
    if step.name == "input":
        kept = answered or dict(preset.get("input", {}))
        return kept | _typed_input(request.POST if "look" in request.POST else request.GET)
    if step.name != "settings":
        return dict(answered)
    asked = request.GET.get("deployment")  # another one was chosen in the form: begin with its settings
    if asked:
        answered = {"deployment": asked}
    ready = endpoint.deployments.ready()
    chosen = pick(ready, answered.get("deployment") or preset["deployment"]) or ready.first()
    return {
        **(settings_of(chosen.settings).to_dict() if chosen else {}),
        "display_name": display_names.generate(str(draft.key)),
        **answered,
        "deployment": chosen.pk if chosen else None,
    }


def _typed_input(query: QueryDict) -> dict[str, Any]:
    """Answers of the step *Select data source* as they stand in the form or in an address that leads to it."""
    names = ("search", "source", "dataset", "asset_version", "datastore", "path")
    typed: dict[str, Any] = {name: query.get(name, "") for name in names if name in query}
    if "columns_shown" in query:
        typed["pass_through"] = [*query.getlist("pass_through"), *query.getlist("suggested")]
    return typed


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
    if step.name == "input":
        shown |= shown_of(form.check, answers, form.passed)
    if step.name == "review":
        settings, origins, _problems = answers.effective
        shown |= shown_of(form.check, answers, settings.pass_through)
        shown |= {
            "answers": answers,
            "settings": settings_with_origin(
                settings.to_dict(), origins, answers.deployment.why_never_divided
            ),
            **trial_of(answers, form.user),
        }
    return shown


@sensitive_post_parameters("path")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def check_input(request: HttpRequest, key: str) -> HttpResponse:
    """First rows of the chosen input beside the signature, while the form is being filled in.

    The page posts it, since addresses are logged on their way and the path may be an address with a key.
    """
    draft, endpoint = draft_of(request, key)
    answers = JobAnswers(draft)
    if endpoint is None or answers.lost(before=["settings"]):
        raise Http404
    user: Any = request.user
    known = draft.step("input").get("pass_through")
    typed = request.POST if request.method == "POST" else request.GET
    initial = {"pass_through": known} | _typed_input(typed)
    form = forms.InputStep(None, draft=draft, step="input", user=user, initial=initial)
    context = WIZARD.context(draft, WIZARD.step("input"), form)
    context |= shown_of(form.check, answers, form.passed)
    context |= {
        "cancel": reverse("endpoints:detail", args=[endpoint.name]),
        "deployment": answers.deployment,
        "has_new_dataset": str(getattr(form.chosen_version, "pk", "")) != initial.get("asset_version", ""),
        "has_new_search": form.search != typed.get("searched", ""),
        "is_blocked": bool(form.problem),
        "was_blocked": bool(typed.get("was_blocked")),
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
