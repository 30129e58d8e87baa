"""*Create deployment*; its views are reached as `deployments.new`, `deployments.step`, `deployments.new_cluster`."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions.compute import create_cluster
from studio.actions.drafts import finish_draft, finishing, forget_step, start_draft
from studio.actions.endpoints import cluster_refusals, create_deployment, environment_of, settings_of
from studio.actions.environments import own_environment
from studio.actions.models import follow_soon
from studio.errors import FieldErrors, NotAllowed
from studio.finding import found
from studio.forms import deployments as forms
from studio.forms.compute import ClusterForm
from studio.forms.numbers import whole_number
from studio.forms.settings import setting_lines
from studio.models import Cluster, Draft, Endpoint, ModelVersion, RegisteredModel, RegistryState
from studio.pages.drafts import draft_of
from studio.pages.guard import needs
from studio.pages.render import render_page, wants_fragment
from studio.pages.wizard import Step, Wizard
from studio.roles import check_may_administer, check_may_manage

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
STEP_OF_FIELD = {
    "endpoint": "endpoint",
    "model_version": "model",
    "packages": "environment",
    "python": "environment",
    "cluster": "compute",
    "instance_count": "compute",
}
TEMPLATES = {"environment": "deployments/_environment_step.html"}


@require_safe
@needs(check_may_manage)
def new(request: HttpRequest) -> HttpResponse:
    """Begin a draft. `endpoint`, and `model` (or the row `selected` in its list) with `version`, are answers
    that are known already."""
    if request.method == "HEAD":  # nobody who only looks begins anything
        return HttpResponse()
    answers: dict[str, Any] = {"preset": {}}
    endpoint = request.GET.get("endpoint")
    if endpoint:
        known = found(
            Endpoint.objects.visible_to(request.user),
            _("There is no endpoint “%(name)s”. It may have been deleted.") % {"name": endpoint},
            name=endpoint,
        )
        answers["endpoint"] = {"choice": forms.EXISTING, "endpoint": known.pk}
        answers["preset"]["back_to"] = reverse("endpoints:detail", args=[known.name])
    model = request.GET.get("model") or request.GET.get("selected")
    if model:
        registered = found(
            RegisteredModel.objects.visible_to(request.user),
            _("There is no model “%(name)s”. It may have been deleted in MLflow.") % {"name": model},
            name=model,
        )
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
        raise NotAllowed(
            _(
                "The model “%(name)s” has no version yet. One that is being registered shows up in seconds: look again."
            )
            % {"name": model}
        )
    return latest


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_manage)
def step(request: HttpRequest, key: str, step: str) -> HttpResponse:
    current = WIZARD.step(step)
    draft, elsewhere = draft_of(request, key, Draft.Kind.DEPLOYMENT)
    elsewhere = elsewhere or WIZARD.redirect_where_it_belongs(draft, current)
    elsewhere = elsewhere or _where_it_is_mended(request, draft, current)
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
            context["refusals"] = _refusals(draft, refusal.fields)
    context |= WIZARD.context(draft, current, form)
    context["step_template"] = TEMPLATES.get(current.name, f"deployments/_{current.name}.html")
    if data is None and current.name == "model" and wants_fragment(request):
        return render_page(request, "deployments/_model.html", context, fragment="choices")
    return render_page(request, "deployments/step.html", context, status=200 if data is None else 422)


def _where_it_is_mended(request: HttpRequest, draft: Draft, step: Step) -> HttpResponse | None:
    """Back to the first earlier step whose answer no longer holds, with the sentence that says why."""
    for name, sentence in _stale(draft):
        mended = WIZARD.step(name)
        if WIZARD.steps.index(mended) < WIZARD.steps.index(step):
            if name == "environment":
                forget_step(draft=draft, step=name)
            messages.error(request, sentence)
            return redirect(WIZARD.url(draft, mended))
    return None


def _stale(draft: Draft) -> list[tuple[str, str]]:
    """Steps that were answered with something that is no longer there, or that belonged to another answer."""
    endpoint, environment, compute = (draft.step(name) for name in ("endpoint", "environment", "compute"))
    found = []
    if endpoint.get("choice") == forms.EXISTING and not _existing(draft):
        gone = _("The endpoint that you had chosen was deleted meanwhile. Choose another one.")
        found.append(("endpoint", gone))
    if not ModelVersion.objects.filter(pk=_chosen(draft)).exists():
        gone = _("The chosen model version is no longer in the registry. Choose another one.")
        found.append(("model", gone))
    if environment.get("own") and environment["model_version"] != _chosen(draft):
        other = _("The packages that you had edited were those of another model. Look at those of this one.")
        found.append(("environment", other))
    if compute and not Cluster.objects.filter(pk=compute["cluster"]).exists():
        gone = _("The cluster that you had chosen was deleted meanwhile. Choose another one.")
        found.append(("compute", gone))
    return found


def _existing(draft: Draft) -> Endpoint | None:
    return Endpoint.objects.filter(pk=draft.step("endpoint").get("endpoint") or 0).first()


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
    made = whole_number(request.GET.get("cluster"))
    if step.name == "compute" and made is not None:
        return {"initial": {**answered, "cluster": made}}
    if step.name == "environment" and "generated" in request.GET:  # Reset
        return {"initial": {}}
    if step.name == "environment" and "customise" in request.GET:
        return {"initial": {**answered, "own": True}}
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
        return {
            "new_cluster": reverse("deployments:new_cluster", args=[draft.key]),
            "why_no_cluster": permissions.reason_against(permissions.check_can_create_cluster, request.user),
        }
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


def _spec(draft: Draft) -> Any:
    """The environment that a person has edited; None where it is the generated one."""
    own = draft.step("environment")
    return own_environment(python=own["python"], packages=own["packages"]) if own.get("own") else None


def _settings(draft: Draft) -> Any:
    count = draft.step("compute")["instance_count"]
    return settings_of(draft.step("deployment") | {"instance_count": count})


def _review(draft: Draft) -> dict[str, Any]:
    settings, cluster = _settings(draft), get_object_or_404(Cluster, pk=draft.step("compute")["cluster"])
    shown = _environment(_version(draft))
    own = _spec(draft)
    if own and "problem" not in shown:
        shown |= {"environment": own, "is_own": own.key != shown["environment"].key}
    return {
        **shown,
        "existing": _existing(draft),
        "answers": draft.answers,
        "cluster": cluster,
        "lines": [line for line in setting_lines(settings.to_dict()) if line.name != "instance_count"],
        "refusals": _refusals(draft, _foreseen(draft) | cluster_refusals(cluster, settings)),
    }


def _foreseen(draft: Draft) -> dict[str, str]:
    """Names that were free when they were given and have been taken since."""
    endpoint, name = draft.step("endpoint"), draft.step("deployment")["name"]
    existing = _existing(draft)
    if existing and existing.deployments.filter(name=name).exists():
        return {"name": _("This endpoint has a deployment with this name. Choose another name.")}
    if endpoint["choice"] == forms.NEW and Endpoint.objects.filter(name=endpoint["name"]).exists():
        return {"endpoint": _("An endpoint with this name exists. Choose another name.")}
    return {}


def _refusals(draft: Draft, fields: dict[str, str]) -> list[tuple[str, str]]:
    """Sentences, each with the address of the step where it can be mended."""
    return [
        (sentence, WIZARD.url(draft, WIZARD.step(STEP_OF_FIELD.get(name, "deployment"))))
        for name, sentence in fields.items()
    ]


def _create(request: HttpRequest, draft: Draft) -> HttpResponse:
    endpoint, answers = draft.step("endpoint"), draft.step("deployment")
    existing = _existing(draft)
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
            cluster=get_object_or_404(Cluster, pk=draft.step("compute")["cluster"]),
            settings=_settings(draft),
            environment=_spec(draft),
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


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_administer)
def new_cluster(request: HttpRequest, key: str) -> HttpResponse:
    """A cluster, without leaving the wizard: back in the step *Compute* it is the chosen one."""
    draft, elsewhere = draft_of(request, key, Draft.Kind.DEPLOYMENT)
    elsewhere = elsewhere or WIZARD.redirect_where_it_belongs(draft, WIZARD.step("compute"))
    if elsewhere:
        return elsewhere
    back = WIZARD.url(draft, WIZARD.step("compute"))
    form = ClusterForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_cluster(user=request.user, **form.values())  # type: ignore[arg-type]
            messages.success(request, _("The cluster %(name)s is created.") % {"name": made.name})
            return redirect(f"{back}?cluster={made.pk}")
        except FieldErrors as refusal:
            for field, sentence in refusal.fields.items():
                form.add_error(field if field in form.fields else None, sentence)
    context = {"form": form, "back": back, "draft": draft}
    status = 422 if form.errors else 200
    return render_page(request, "deployments/new_cluster.html", context, fragment="dialog", status=status)
