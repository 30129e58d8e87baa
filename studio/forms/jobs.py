"""The steps of *Create a batch scoring job*."""

from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studio.actions.inputs import InputCheck
from studio.actions.jobs import check_output, effective_settings
from studio.errors import StudioError
from studio.forms.job_answers import DATASET, DATASTORE, JobAnswers, overrides_of, pick
from studio.forms.settings import OverridableSettings
from studio.forms.wizard import StepForm
from studio.models import DataAsset, DataAssetVersion, Datastore, Deployment

LOCATION_FIELDS = ("output_datastore", "output_path")


class SettingsStep(OverridableSettings, StepForm):
    """Job settings: what is left as the deployment has it is not an override."""

    deployment = forms.ModelChoiceField(
        label=_("Deployment"), queryset=Deployment.objects.none(), empty_label=None
    )
    display_name = forms.CharField(label=_("Display name"), max_length=255)
    override = forms.BooleanField(
        label=_("Override deployment settings"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "switch"}),
        help_text=_("Only this job is affected."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        of_endpoint = Deployment.objects.ready().filter(endpoint_id=self.draft.answers["endpoint"])
        self.fields["deployment"].queryset = of_endpoint.with_model().default_first()  # type: ignore[attr-defined]
        self.fields["deployment"].label_from_instance = _deployment_label  # type: ignore[attr-defined]
        if self.is_bound and not self.data.get("override"):
            for name in OverridableSettings.base_fields:
                self.fields[name].required = False
                self.fields[name].disabled = True

    @property
    def overridable(self) -> list[forms.BoundField]:
        return [self[name] for name in OverridableSettings.base_fields]

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


class InputStep(StepForm):
    source = forms.ChoiceField(
        label=_("Data source type"),
        choices=[(DATASET, _("Registered dataset")), (DATASTORE, _("Datastore"))],
        widget=forms.RadioSelect,
        initial=DATASET,
    )
    dataset = forms.ModelChoiceField(
        label=_("Data asset"),
        queryset=DataAsset.objects.none(),
        required=False,
        empty_label=_("Choose a data asset"),
    )
    asset_version = forms.ModelChoiceField(
        label=_("Version"),
        queryset=DataAssetVersion.objects.none(),
        required=False,
        empty_label=None,
        error_messages={
            "invalid_choice": _("That is a version of another data asset. Choose one of this one’s versions.")
        },
    )
    datastore = forms.ModelChoiceField(
        label=_("Datastore"), queryset=Datastore.objects.none(), required=False, empty_label=None
    )
    path = forms.CharField(
        label=_("Path"),
        required=False,
        max_length=1024,
        help_text=_("A file, or a folder with everything below it, inside the datastore."),
        widget=forms.TextInput(
            attrs={"class": "mono", "placeholder": "folder/or/file.csv", "autocomplete": "off"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("source", DATASET)
        datasets = DataAsset.objects.visible_to(self.user).order_by("name")
        self.fields["dataset"].queryset = datasets  # type: ignore[attr-defined]
        self.chosen_dataset: DataAsset | None = pick(datasets, self._typed("dataset"))
        versions = DataAssetVersion.objects.visible_to(self.user).for_asset(self.chosen_dataset)
        self.versions = list(versions.select_related("asset", "datastore", "created_by"))
        self.fields["asset_version"].queryset = versions  # type: ignore[attr-defined]
        self.fields["asset_version"].label_from_instance = self._version_label  # type: ignore[attr-defined]
        stores = Datastore.objects.visible_to(self.user).order_by("-is_default", "name")
        self.fields["datastore"].queryset = stores  # type: ignore[attr-defined]

    def _typed(self, name: str) -> Any:
        return self.data.get(name) if self.is_bound else self.initial.get(name)

    def _version_label(self, version: DataAssetVersion) -> str:
        if version == self.versions[0]:
            return gettext("%(version)s (latest)") % {"version": version.version}
        return str(version.version)

    @property
    def has_datasets(self) -> bool:
        return self.fields["dataset"].queryset.exists()  # type: ignore[attr-defined]

    @cached_property
    def chosen_version(self) -> DataAssetVersion | None:
        """The version that is chosen, the latest while none is.

        Where the data asset has just been changed the version is still the other's: while the form is filled in the
        latest takes its place, once it is sent it is refused.
        """
        wanted = str(self._typed("asset_version") or "")
        found = next((version for version in self.versions if str(version.pk) == wanted), None)
        if found or (wanted and self.is_bound):
            return found
        return self.versions[0] if self.versions else None

    @cached_property
    def location(self) -> tuple[Datastore, str] | None:
        """Datastore and path that the answers name, as far as they do."""
        if self._typed("source") == DATASTORE:
            stores = self.fields["datastore"].queryset  # type: ignore[attr-defined]
            store, path = pick(stores, self._typed("datastore")), str(self._typed("path") or "").strip()
            return (store, path) if store and path else None
        version = self.chosen_version
        return (version.datastore, version.path) if version else None

    @cached_property
    def check(self) -> InputCheck | None:
        return JobAnswers(self.draft).check(*self.location) if self.location else None

    @property
    def problem(self) -> str:
        """Why no job can read what is chosen; empty when one can, or nothing is chosen."""
        return self.check.problem if self.check else ""

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("source") == DATASET:
            if not answers.get("dataset"):
                self.add_error("dataset", gettext("Choose a data asset, or “Datastore” to give a path."))
            answers["asset_version"] = answers.get("asset_version") or self.chosen_version
        elif answers.get("source") == DATASTORE:
            if not answers.get("datastore"):
                self.add_error("datastore", gettext("Choose a datastore."))
            if not answers.get("path") and "path" not in self.errors:
                self.add_error("path", gettext("Give the path of a file or folder."))
        if not self.errors and self.problem:
            raise ValidationError(self.problem)
        return answers


class OutputStep(StepForm):
    enable = forms.BooleanField(
        label=_("Enable output configuration"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "switch"}),
        help_text=_("Choose where the predictions are written."),
    )
    output_datastore = forms.ModelChoiceField(
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
                    settings=JobAnswers(self.draft).settings,
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
