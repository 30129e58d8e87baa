"""The steps of *Create a batch scoring job*."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studio.actions.endpoints import settings_of
from studio.actions.inputs import InputCheck
from studio.actions.jobs import check_output, effective_settings
from studio.errors import StudioError
from studio.forms.fields import RowField
from studio.forms.job_answers import JobAnswers, overrides_of, pick
from studio.forms.job_input import InputStep
from studio.forms.settings import OverridableSettings, setting_lines
from studio.forms.wizard import StepForm
from studio.models import Datastore, Deployment

__all__ = ["InputStep", "OutputStep", "ReviewStep", "SettingsStep"]

LOCATION_FIELDS = ("output_datastore", "output_path")


@dataclass(frozen=True)
class Override:
    """A setting that the job may have otherwise than its deployment."""

    field: forms.BoundField
    own: str  # what the deployment has, in words
    plain: str  # the same as the control would hold it
    is_changed: bool


class SettingsStep(OverridableSettings, StepForm):
    """Job settings: what is left as the deployment has it is not an override."""

    deployment = RowField(label=_("Deployment"), queryset=Deployment.objects.none(), empty_label=None)
    display_name = forms.CharField(label=_("Display name"), max_length=255)
    override = forms.BooleanField(
        label=_("Override deployment settings"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "switch"}),
        help_text=_("Only this job is affected."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        del self.fields["pass_through"]  # asked for beside the data, where the columns are known
        of_endpoint = Deployment.objects.ready().filter(endpoint_id=self.draft.answers["endpoint"])
        self.fields["deployment"].queryset = of_endpoint.with_model().default_first()  # type: ignore[attr-defined]
        self.fields["deployment"].label_from_instance = _deployment_label  # type: ignore[attr-defined]
        if self.is_bound and not self.data.get("override"):
            for name in self._overridable:
                self.fields[name].required = False
                self.fields[name].disabled = True

    @property
    def _overridable(self) -> list[str]:
        return [name for name in OverridableSettings.base_fields if name in self.fields]

    @property
    def problem(self) -> str:
        """Why this step cannot be answered at all."""
        if self.fields["deployment"].queryset.exists():  # type: ignore[attr-defined]
            return ""
        return gettext(
            "This endpoint has no deployment that has succeeded. Add one, or wait until it is ready."
        )

    @cached_property
    def chosen_deployment(self) -> Deployment | None:
        chosen = self.data.get("deployment") if self.is_bound else self.initial.get("deployment")
        found: Deployment | None = pick(self.fields["deployment"].queryset, chosen)  # type: ignore[attr-defined]
        return found

    @property
    def overrides(self) -> list[Override]:
        chosen = self.chosen_deployment
        own = settings_of(chosen.settings).to_dict() if chosen else {}
        why_whole = chosen.why_never_divided if chosen else ""
        words = {line.name: line.value for line in setting_lines(own, why_whole)}
        found = []
        for name in self._overridable:
            plain = "" if own.get(name) is None else str(self.fields[name].prepare_value(own[name]))
            value = self[name].value()
            is_changed = bool(own) and ("" if value is None else str(value)) != plain
            found.append(Override(self[name], words.get(name, ""), plain, is_changed))
        return found

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("deployment"):
            _settings, _origins, problems = effective_settings(answers["deployment"], overrides_of(answers))
            for name, sentence in problems.items():
                # A setting that is not shown speaks above the form.
                self.add_error(name if answers.get("override") and name in self.fields else None, sentence)
        return answers

    def answers(self) -> dict[str, Any]:
        kept = super().answers()
        if not kept["override"]:
            return {name: kept[name] for name in ("deployment", "display_name", "override")}
        return kept


def _deployment_label(deployment: Deployment) -> str:
    default = gettext(", default") if getattr(deployment, "is_default", False) else ""
    return f"{deployment.name} ({deployment.model_label}{default})"


class OutputStep(StepForm):
    enable = forms.BooleanField(
        label=_("Enable output configuration"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "switch"}),
        help_text=_("Choose where the predictions are written."),
    )
    output_datastore = RowField(
        label=_("Blob datastore"), queryset=Datastore.objects.none(), required=False, empty_label=None
    )
    output_path = forms.CharField(
        label=_("Output path"),
        required=False,
        max_length=900,
        help_text=_("A folder inside the datastore. Nothing that the job would write may exist in it."),
        widget=forms.TextInput(
            attrs={"class": "mono", "placeholder": "predictions/november", "autocomplete": "off"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.known = JobAnswers(self.draft)
        stores = Datastore.objects.visible_to(self.user).order_by("-is_default", "name")
        self.fields["output_datastore"].queryset = stores  # type: ignore[attr-defined]

    def clean_output_path(self) -> str:
        return str(self.cleaned_data["output_path"]).strip()

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if not answers.get("enable"):
            return answers
        for name in LOCATION_FIELDS:
            if not answers.get(name) and name not in self.errors:
                self.add_error(name, gettext("Fill this in, or turn the output configuration off."))
        if not self.errors:
            try:
                check_output(
                    datastore=answers["output_datastore"],
                    path=answers["output_path"],
                    settings=self.known.settings,
                )
            except StudioError as refusal:
                self.add_error("output_path", str(refusal))
        return answers


class ReviewStep(StepForm):
    """Nothing to answer: it creates. What was right in its step may have changed since."""

    @cached_property
    def check(self) -> InputCheck | None:
        answers = JobAnswers(self.draft)
        return answers.check(*answers.input_location) if answers.input_location else None

    @property
    def problem(self) -> str:
        return (
            self.check.problem if self.check else gettext("The input is no longer there. Choose another one.")
        )

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if self.problem:
            raise ValidationError(self.problem)
        return answers
