"""The steps of *Create deployment*."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from studio.actions.endpoints import environment_of
from studio.actions.environments import package_problems, python_versions
from studio.errors import FieldErrors, NotAllowed
from studio.forms.fields import PairsField
from studio.forms.settings import DeploymentSettings
from studio.forms.wizard import StepForm
from studio.models import Cluster, Draft, Endpoint, ModelVersion
from studio.models.endpoints import name_validator
from studio.permissions import check_can_deploy_model, reason_against
from studio.roles import check_owns

NEW, EXISTING = "new", "existing"
NAME_HELP = _("3 to 32 characters: a letter first, then letters, digits and single dashes.")


class NameField(forms.CharField):
    """Lower-cased as it is cleaned, since names are."""

    def __init__(self, **kwargs: Any):
        widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
        super().__init__(
            validators=[name_validator], max_length=32, help_text=NAME_HELP, widget=widget, **kwargs
        )

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).strip().lower()


class Cards(forms.RadioSelect):
    """Radio buttons as cards with a second line."""

    def __init__(self, *, descriptions: Mapping[str, Any] | None = None):
        super().__init__(attrs={"class": "cards"})
        self.descriptions = dict(descriptions or {})


class NewEndpointForm(forms.Form):
    name = NameField(label=_("Endpoint name"), error_messages={"required": _("Give the endpoint a name.")})
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    tags = PairsField(label=_("Tags"))


class EndpointStep(NewEndpointForm, StepForm):
    choice = forms.ChoiceField(
        label=_("Endpoint"),
        choices=[(NEW, _("New")), (EXISTING, _("Existing"))],
        widget=Cards(
            descriptions={
                NEW: _("A name that stays while the models behind it change."),
                EXISTING: _("One more deployment of an endpoint that is there."),
            }
        ),
        initial=NEW,
    )
    endpoint = forms.ModelChoiceField(
        label=_("Endpoint"),
        queryset=Endpoint.objects.none(),
        empty_label=_("Choose an endpoint"),
        error_messages={
            "required": _("Choose an endpoint, or create a new one."),
            "invalid_choice": _("This endpoint is no longer there. Choose another one."),
        },
    )
    field_order = ("choice", "name", "description", "tags", "endpoint")
    FIELDS_OF_CHOICE: ClassVar = {NEW: ("name", "description", "tags"), EXISTING: ("endpoint",)}

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["endpoint"].queryset = Endpoint.objects.visible_to(self.user).order_by("name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        self._forget_the_other_choice(answers)
        if answers.get("choice") == NEW and Endpoint.objects.filter(name=answers.get("name", "")).exists():
            self.add_error(
                "name", _("An endpoint with this name exists. Choose another name, or “Existing”.")
            )
        return answers

    def _forget_the_other_choice(self, answers: dict[str, Any]) -> None:
        """What belongs to it is neither asked for nor complained about."""
        for choice, names in self.FIELDS_OF_CHOICE.items():
            if answers.get("choice") not in (None, choice):
                for name in names:
                    self.errors.pop(name, None)
                    answers.pop(name, None)


class ModelStep(StepForm):
    model_version = forms.ModelChoiceField(
        label=_("Model"),
        queryset=ModelVersion.objects.none(),
        widget=forms.HiddenInput,
        error_messages={
            "required": _("Choose a model."),
            "invalid_choice": _("This model version is no longer in the registry. Choose another one."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        versions = ModelVersion.objects.visible_to(self.user).select_related("registered_model")
        self.fields["model_version"].queryset = versions  # type: ignore[attr-defined]

    def clean_model_version(self) -> ModelVersion:
        version: ModelVersion = self.cleaned_data["model_version"]
        try:
            check_can_deploy_model(self.user, version)
        except NotAllowed as refusal:
            raise ValidationError(str(refusal)) from refusal
        return version


class DeploymentForm(DeploymentSettings):
    name = NameField(label=_("Deployment name"))
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    tags = PairsField(label=_("Tags"))
    make_default = forms.BooleanField(
        label=_("Make this new deployment the default for batch jobs"), required=False, initial=True
    )

    field_order = ("name", "description", "tags", "make_default")


class DeploymentStep(DeploymentForm, StepForm):
    instance_count = None  # type: ignore[assignment]  # asked for beside the cluster

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if reason := self._why_the_default_stays():
            field = self.fields["make_default"]
            field.disabled, field.help_text = True, reason
            self.initial["make_default"] = False

    def _why_the_default_stays(self) -> str:
        """Whoever owns the endpoint decides which deployment is its default, once it has one."""
        answers = self.draft.step("endpoint")
        chosen = answers.get("endpoint") or 0 if answers.get("choice") == EXISTING else 0
        endpoint = Endpoint.objects.filter(pk=chosen).exclude(default_deployment=None).first()
        return reason_against(check_owns, self.user, endpoint) if endpoint else ""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        endpoint = self.draft.step("endpoint")
        if endpoint.get("choice") == EXISTING:
            taken = Endpoint.objects.filter(pk=endpoint.get("endpoint") or 0, deployments__name=name).exists()
            if taken:
                raise ValidationError(
                    _("This endpoint has a deployment with this name. Choose another name.")
                )
        return name


class EnvironmentStep(StepForm):
    """Nothing to answer while the environment is as it was generated; `own` once somebody edits it."""

    own = forms.BooleanField(required=False, widget=forms.HiddenInput)
    python = forms.ChoiceField(
        label=_("Python version"),
        required=False,
        help_text=_("Those that this machine has, and the one that the model was logged with."),
    )
    packages = forms.CharField(
        label=_("Packages"),
        required=False,
        max_length=20_000,
        help_text=_("One per line, as in pandas==2.2.3. Packages only: no files, addresses or options."),
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "mono"}),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.is_own:
            self._begin_with_the_generated_one()

    @property
    def is_own(self) -> bool:
        return bool(self["own"].value() in (True, "True", "on"))

    def _begin_with_the_generated_one(self) -> None:
        generated = generated_environment(self.draft)
        own = generated.python if generated else ""
        packages = "\n".join(generated.requirements) if generated else ""
        self.initial = {"python": own, "packages": packages, **self.initial}
        offered = {own: _("%(version)s (the model’s own)") % {"version": own}} if own else {}
        for version in [*python_versions(), self.initial["python"]]:
            if not own.startswith(version):
                offered.setdefault(version, version)
        self.fields["python"].choices = list(offered.items())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("own"):
            if answers.get("python") == "":
                self.add_error("python", _("Choose a Python version."))
            for sentence in package_problems(answers.get("packages", "")):
                self.add_error("packages", sentence)
        return answers

    def answers(self) -> dict[str, Any]:
        """With the model whose packages they were, since another model needs others."""
        if not self.cleaned_data["own"]:
            return {}
        return {**super().answers(), "model_version": self.draft.step("model").get("model_version")}


def generated_environment(draft: Draft) -> Any:
    """That of the draft's model; None where there is none, which the step says."""
    version = ModelVersion.objects.filter(pk=draft.step("model").get("model_version") or 0).first()
    try:
        return environment_of(version)[0] if version else None
    except FieldErrors:
        return None


class ComputeStep(StepForm):
    cluster = forms.ModelChoiceField(
        label=_("Compute cluster"), queryset=Cluster.objects.none(), empty_label=None, widget=Cards()
    )
    instance_count = forms.IntegerField(
        label=_("Instance count"), min_value=1, initial=1, help_text=_("Nodes that may work on one job.")
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        clusters, field = Cluster.objects.with_nodes(), self.fields["cluster"]
        field.queryset = clusters  # type: ignore[attr-defined]
        field.widget.descriptions = {str(cluster.pk): cluster_in_words(cluster) for cluster in clusters}
        first = min(clusters, key=lambda cluster: cluster.is_stopped, default=None)
        field.initial = first.pk if first else None

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        cluster, count = answers.get("cluster"), answers.get("instance_count")
        if cluster and count:
            concurrency = self.draft.step("deployment").get("max_concurrency")
            refusals = cluster.refusals(instance_count=count, max_concurrency=concurrency)
            if "instance_count" in refusals:
                self.add_error("instance_count", refusals["instance_count"])
            if "max_concurrency" in refusals:
                lower = _("Choose another cluster, or lower it among the deployment’s settings.")
                self.add_error("cluster", f"{refusals['max_concurrency']} {lower}")
        return answers


def cluster_in_words(cluster: Cluster) -> str:
    """The line below its name, of a cluster that was fetched with_nodes()."""
    slots = ngettext("%(n)s slot per node", "%(n)s slots per node", cluster.slots) % {"n": cluster.slots}
    live = _("%(live)s of %(max)s nodes live") % {"live": cluster.live_count, "max": cluster.max_nodes}
    return " · ".join([cluster.get_kind_display(), slots, str(live), *_what_comes(cluster)])


def _what_comes(cluster: Cluster) -> list[str]:
    """What happens to a deployment on a cluster without a node; nothing where there is one."""
    if cluster.is_stopped:
        return [str(_("stopped: a deployment waits until somebody starts it"))]
    if cluster.live_count:
        return []
    if cluster.is_external:
        return [str(_("no node has joined yet: a deployment waits for one"))]
    return [str(_("starts a node when there is work"))]


class ReviewStep(StepForm):
    """Nothing to answer: it creates."""
