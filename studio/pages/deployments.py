from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio import permissions
from studio.actions.drafts import finish_draft, finishing, start_draft
from studio.actions.endpoints import create_deployment, environment_of, retry_deployment, settings_of
from studio.actions.models import follow_soon
from studio.errors import FieldErrors, NotAllowed
from studio.forms import deployments as forms
from studio.forms.numbers import whole_number
from studio.forms.settings import setting_lines
from studio.models import Cluster, Deployment, Draft, Endpoint, ModelVersion, RegisteredModel, RegistryState
from studio.pages.deployment_waiting import waiting_sentences
from studio.pages.render import render_page, wants_fragment
from studio.pages.wizard import Step, Wizard

WIZARD = Wizard(
    steps=(
        Step("endpoint", gettext_lazy("Endpoint"), forms.EndpointStep),
        Step("model", gettext_lazy("Model"), forms.ModelStep),
        Step("deployment", gettext_lazy("Deployment"), forms.DeploymentStep),
        Step("environment", gettext_lazy("Environment"), forms.EnvironmentStep),
        Step("compute", gettext_lazy("Compute"), forms.ComputeStep),
        Step("review", gettext_lazy("Review"), forms.ReviewStep),
    ),
    url_name="deployments:step",
)
MODELS_SHOWN = 20
# Where the wizard sends a person to mend what the action refused.
STEP_OF_FIELD = {"endpoint": "endpoint", "model_version": "model", "instance_count": "compute"}
TEMPLATES = {"environment": "deployments/_environment_step.html"}
STEPS_WITH_MODEL = ("environment", "compute", "review")


@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """Begin a draft. `endpoint`, and `model` (or the row `selected` in its list) with `version`, are answers
    that are known already."""
    if request.method == "HEAD":  # nobody who only looks begins anything
        return HttpResponse()
    answers: dict[str, Any] = {"preset": {}}
    endpoint = request.GET.get("endpoint")
    if endpoint:
        found = get_object_or_404(Endpoint.objects.visible_to(request.user), name=endpoint)
        answers["endpoint"] = {"choice": forms.EXISTING, "endpoint": found.pk}
        answers["preset"]["back_to"] = reverse("endpoints:detail", args=[found.name])
    model = request.GET.get("model") or request.GET.get("selected")
    if model:
        registered = get_object_or_404(RegisteredModel.objects.visible_to(request.user), name=model)
        number = request.GET.get("version", "")
        try:
            version = _wanted_version(registered, number)
            permissions.check_can_deploy_model(request.user, version)
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
            return redirect("models:version", model, number) if number else redirect("models:detail", model)
        answers["model"] = {"model_version": version.pk}
        answers["preset"]["back_to"] = reverse("models:detail", args=[model])
    draft = start_draft(user=request.user, kind=Draft.Kind.DEPLOYMENT, answers=answers)  # type: ignore[arg-type]
    return redirect(WIZARD.url(draft, WIZARD.first_open(draft)))


def _wanted_version(model: RegisteredModel, number: str) -> ModelVersion:
    """That version, else the latest."""
    versions: QuerySet[ModelVersion] = model.versions.order_by("-version")
    if number:
        return get_object_or_404(versions, version=whole_number(number))
    latest = versions.first()
    if latest is None:
        raise NotAllowed(_("The model “%(name)s” has no version yet. Register one first.") % {"name": model})
    return latest


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, key: str, step: str) -> HttpResponse:
    draft = get_object_or_404(Draft.objects.visible_to(request.user).deployments(), key=key)
    current = WIZARD.step(step)
    elsewhere = WIZARD.redirect_where_it_belongs(draft, current) or _without_its_model(
        request, draft, current
    )
    if elsewhere:
        return elsewhere
    data = request.POST if request.method == "POST" else None
    form: Any = current.form(
        data, draft=draft, step=current.name, user=request.user, **_initial(request, draft, current)
    )
    context = {"cancel": draft.step("preset").get("back_to") or reverse("endpoints:index")}
    context |= _shown(request, draft, current, form)
    if data is not None and form.is_valid() and _fits(form, current) and not context.get("problem"):
        if current.name != "review":
            return WIZARD.keep(request, draft, current, form)
        try:
            return _create(request, draft)
        except FieldErrors as refusal:
            context["refusals"] = _refusals(draft, refusal)
    context |= WIZARD.context(draft, current, form)
    context["step_template"] = TEMPLATES.get(current.name, f"deployments/_{current.name}.html")
    if data is None and current.name == "model" and wants_fragment(request):
        return render_page(request, "deployments/_model.html", context, fragment="choices")
    return render_page(request, "deployments/step.html", context, status=200 if data is None else 422)


def _without_its_model(request: HttpRequest, draft: Draft, step: Step) -> HttpResponse | None:
    """Back to the models when the chosen one has left the registry meanwhile."""
    if step.name not in STEPS_WITH_MODEL or ModelVersion.objects.filter(pk=_chosen(draft)).exists():
        return None
    messages.error(request, _("The chosen model version is no longer in the registry. Choose another one."))
    return redirect(WIZARD.url(draft, WIZARD.step("model")))


def _chosen(draft: Draft) -> int:
    return int(draft.step("model").get("model_version") or 0)


def _version(draft: Draft) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("registered_model"), pk=_chosen(draft))


def _initial(request: HttpRequest, draft: Draft, step: Step) -> dict[str, Any]:
    """Defaults, and what is chosen but not kept yet, around what has been answered."""
    answered = draft.step(step.name)
    if step.name == "deployment":
        return {"initial": {**settings_of(None).to_dict(), "make_default": True, **answered}}
    ticked = whole_number(request.GET.get("model_version"))
    if step.name == "model" and ticked is not None:
        return {"initial": {"model_version": ticked}}
    return {}


def _fits(form: Any, step: Step) -> bool:
    """The engine's own rules for settings, which a form alone does not know."""
    if step.name == "deployment":
        for name, sentence in settings_of(form.answers()).validate().items():
            form.add_error(name if name in form.fields else None, sentence)
    return not form.errors


def _shown(request: HttpRequest, draft: Draft, step: Step, form: Any) -> dict[str, Any]:
    """What a step shows beside its form."""
    if step.name == "model":
        follow_soon(now=timezone.now())
        return _models(request, whole_number(form["model_version"].value()) or 0)
    if step.name == "environment":
        return _environment(_version(draft))
    if step.name == "compute":
        return {"live_nodes": sum(cluster.live_count for cluster in Cluster.objects.with_nodes())}
    if step.name == "review":
        return _review(draft)
    return {"endpoint_count": Endpoint.objects.visible_to(request.user).count()}


def _models(request: HttpRequest, chosen: int) -> dict[str, Any]:
    """The newest versions that match the search, and the chosen one whether it does or not."""
    words = request.GET.get("search", "").strip()
    visible = ModelVersion.objects.visible_to(request.user).for_list()
    matching = visible.matching(words).newest_first()
    versions = list(matching[:MODELS_SHOWN])
    if chosen not in [version.pk for version in versions]:
        versions = [*visible.filter(pk=chosen), *versions]
    return {
        "search": words,
        "versions": versions,
        "chosen": chosen,
        "matching": matching.count(),
        "limit": MODELS_SHOWN,
        "registry": RegistryState.current(),
    }


def _environment(version: ModelVersion) -> dict[str, Any]:
    try:
        spec, notes = environment_of(version)
    except FieldErrors as refusal:
        return {"version": version, "problem": str(refusal)}
    return {"version": version, "environment": spec, "notes": notes}


def _review(draft: Draft) -> dict[str, Any]:
    endpoint, compute = draft.step("endpoint"), draft.step("compute")
    settings = settings_of(draft.step("deployment") | {"instance_count": compute["instance_count"]})
    return {
        **_environment(_version(draft)),
        "existing": Endpoint.objects.filter(pk=endpoint.get("endpoint") or 0).first(),
        "answers": draft.answers,
        "cluster": get_object_or_404(Cluster, pk=compute["cluster"]),
        "lines": [line for line in setting_lines(settings.to_dict()) if line.name != "instance_count"],
    }


def _refusals(draft: Draft, refusal: FieldErrors) -> list[tuple[str, str]]:
    """Sentences, each with the address of the step where it can be mended."""
    return [
        (sentence, WIZARD.url(draft, WIZARD.step(STEP_OF_FIELD.get(name, "deployment"))))
        for name, sentence in refusal.fields.items()
    ]


def _create(request: HttpRequest, draft: Draft) -> HttpResponse:
    endpoint, answers, compute = (draft.step(name) for name in ("endpoint", "deployment", "compute"))
    existing = None
    if endpoint["choice"] == forms.EXISTING:
        existing = get_object_or_404(Endpoint.objects.visible_to(request.user), pk=endpoint["endpoint"])
    with finishing(draft=draft) as draft:
        if draft.finished_at:
            return redirect(draft.answers["result"])
        deployment = create_deployment(
            user=request.user,  # type: ignore[arg-type]
            endpoint=existing,
            new_endpoint=None
            if existing
            else {name: endpoint[name] for name in ("name", "description", "tags")},
            name=answers["name"],
            description=answers["description"],
            tags=answers["tags"],
            model_version=_version(draft),
            cluster=get_object_or_404(Cluster, pk=compute["cluster"]),
            settings=settings_of(answers | {"instance_count": compute["instance_count"]}),
            make_default=answers["make_default"],
        )
        result = reverse("endpoints:detail", args=[deployment.endpoint.name])
        finish_draft(draft=draft, result=result)
    messages.success(
        request,
        _("The deployment %(name)s is being created: its environment is built and the model is tried.")
        % {"name": deployment.name},
    )
    return redirect(result)


@require_safe
def detail(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = _deployment(request, name, deployment)
    context = {
        "endpoint": found.endpoint,
        "deployment": found,
        "lines": setting_lines(found.settings),
        "waiting": waiting_sentences([found]).get(found.pk, ""),
        "why_no_retry": permissions.reason_against(
            permissions.check_can_retry_deployment, request.user, found
        ),
        "why_no_job": permissions.reason_against(permissions.check_can_use_deployment, request.user, found),
    }
    # The log asks for itself, so that it keeps the place where it is being read.
    fragment = "log" if wants_fragment(request) and request.htmx.target == "log" else "live"  # type: ignore[attr-defined]
    return render_page(request, "deployments/detail.html", context, fragment=fragment)


@require_POST
def retry(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = _deployment(request, name, deployment)
    retry_deployment(user=request.user, deployment=found)  # type: ignore[arg-type]
    messages.info(request, _("Trying %(name)s again.") % {"name": found.name})
    return redirect("endpoints:deployment", name=name, deployment=deployment)


def _deployment(request: HttpRequest, name: str, deployment: str) -> Deployment:
    visible = Deployment.objects.visible_to(request.user).with_model().default_first()
    return get_object_or_404(visible, endpoint__name=name, name=deployment)
