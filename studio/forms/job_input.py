"""The step *Select data source* of a job."""

from functools import cached_property
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studio.actions.addresses import find_address, is_address, keep_address
from studio.actions.inputs import InputCheck
from studio.errors import StudioError
from studio.forms.fields import AddressField, ColumnChoicesField, RowField
from studio.forms.job_answers import DATASET, DATASTORE, LOOKED_AT, JobAnswers, pick
from studio.forms.wizard import StepForm
from studio.models import DataAsset, DataAssetVersion, Datastore

DATASETS_SHOWN = 6
LONGEST_PATH = 1024


class InputStep(StepForm):
    """`search` narrows the data assets that are shown; it is typed beside the form and kept by nobody."""

    source = forms.ChoiceField(
        label=_("Data source type"),
        choices=[(DATASET, _("Registered dataset")), (DATASTORE, _("Datastore"))],
        widget=forms.RadioSelect,
        initial=DATASET,
    )
    dataset = RowField(
        label=_("Data asset"),
        queryset=DataAsset.objects.none(),
        required=False,
        error_messages={"invalid_choice": _("This data asset is no longer there. Choose another one.")},
    )
    asset_version = RowField(
        label=_("Version"),
        queryset=DataAssetVersion.objects.none(),
        required=False,
        empty_label=None,
        error_messages={
            "invalid_choice": _("That is a version of another data asset. Choose one of this one’s versions.")
        },
    )
    datastore = RowField(
        label=_("Datastore"),
        queryset=Datastore.objects.none(),
        required=False,
        empty_label=None,
        error_messages={"invalid_choice": _("This datastore was unregistered. Choose another one.")},
    )
    path = AddressField(
        label=_("Path"),
        required=False,
        help_text=_(
            "A file, or a folder with everything below it, inside the datastore; or a public address that begins with "
            "https://, in place of both."
        ),
        placeholder="folder/or/file.csv",
    )
    pass_through = ColumnChoicesField(label=_("Columns to pass through to the output"))

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("source", DATASET)
        self.known = JobAnswers(self.draft)
        datasets = DataAsset.objects.visible_to(self.user)
        self.fields["dataset"].queryset = datasets  # type: ignore[attr-defined]
        self.chosen_dataset: DataAsset | None = pick(datasets.with_latest(), self._typed("dataset"))
        self.fields["asset_version"].queryset = self._versions  # type: ignore[attr-defined]
        self.fields["asset_version"].label_from_instance = self._version_label  # type: ignore[attr-defined]
        stores = Datastore.objects.visible_to(self.user).order_by("-is_default", "name")
        self.fields["datastore"].queryset = stores  # type: ignore[attr-defined]

    def _typed(self, name: str) -> Any:
        return self.data.get(name) if self.is_bound else self.initial.get(name)

    @property
    def _versions(self) -> Any:
        return DataAssetVersion.objects.visible_to(self.user).for_asset(self.chosen_dataset)

    @cached_property
    def versions(self) -> list[DataAssetVersion]:
        return list(self._versions.select_related("asset", "datastore", "created_by"))

    def _version_label(self, version: DataAssetVersion) -> str:
        if version == self.versions[0]:
            return gettext("%(version)s (latest)") % {"version": version.version}
        return str(version.version)

    @property
    def has_datasets(self) -> bool:
        return self.fields["dataset"].queryset.exists()  # type: ignore[attr-defined]

    @property
    def search(self) -> str:
        return str(self._typed("search") or "").strip()

    @cached_property
    def _matching(self) -> Any:
        visible: Any = DataAsset.objects.visible_to(self.user).offered().matching(self.search)
        return visible.with_latest().select_related("created_by").order_by("-latest_created_at", "name")

    @cached_property
    def matching_count(self) -> int:
        count: int = self._matching.count()
        return count

    limit = DATASETS_SHOWN
    looked_at = LOOKED_AT

    @cached_property
    def datasets(self) -> list[DataAsset]:
        """The newest that match the search, and the chosen one whether it does or not."""
        found = list(self._matching[:DATASETS_SHOWN])
        if self.chosen_dataset and self.chosen_dataset not in found:
            return [self.chosen_dataset, *found]
        return found

    @cached_property
    def chosen_version(self) -> DataAssetVersion | None:
        """The version that is chosen, the latest while none is.

        Where the data asset has just been changed the version is still the other's: while the form is filled in the
        latest takes its place, once it is sent it is refused.
        """
        wanted = self._typed("asset_version") or ""
        if isinstance(wanted, DataAssetVersion):
            return wanted
        found = next((version for version in self.versions if str(version.pk) == str(wanted)), None)
        if found or (wanted and self.is_bound):
            return found
        return self.versions[0] if self.versions else None

    @property
    def typed_path(self) -> str:
        return str(self._typed("path") or "").strip()

    @property
    def has_address(self) -> bool:
        return self._typed("source") == DATASTORE and is_address(self.typed_path)

    @cached_property
    def address(self) -> Datastore | StudioError:
        """What is at the address that was typed, or why it is not read. One that the draft has needs no second look:
        it is shown without its query."""
        kept: Datastore | None = pick(Datastore.objects.addresses(), self.draft.step("input").get("address"))
        if kept and kept.location == self.typed_path:
            return kept
        try:
            return find_address(self.typed_path).datastore
        except StudioError as refusal:
            return refusal

    @cached_property
    def location(self) -> tuple[Datastore, str] | None:
        """Datastore and path that the answers name, as far as they do."""
        if self.has_address:
            found = self.address
            return None if isinstance(found, StudioError) else (found, found.options["file"])
        if self._typed("source") == DATASTORE:
            stores = self.fields["datastore"].queryset  # type: ignore[attr-defined]
            store = pick(stores, self._typed("datastore"))
            return (store, self.typed_path) if store and self.typed_path else None
        version = self.chosen_version
        return (version.datastore, version.path) if version else None

    @property
    def passed(self) -> list[str]:
        """The columns that are ticked; until they have been shown, those of the draft or the deployment."""
        if self.is_bound and "columns_shown" in self.data:
            return list(dict.fromkeys(cast(QueryDict, self.data).getlist("pass_through")))
        given = self.initial.get("pass_through")
        return self.known.settings.pass_through if given is None else list(given)

    @cached_property
    def check(self) -> InputCheck | None:
        if self.has_address and isinstance(self.address, StudioError):
            return InputCheck(problem=str(self.address))
        if self.location is None:
            return None
        return self.known.check(*self.location, passed=self.passed, rows=self.looked_at)

    @property
    def problem(self) -> str:
        """Why no job can read what is chosen; empty when one can, or nothing is chosen."""
        return self.check.problem if self.check else ""

    def clean_pass_through(self) -> list[str]:
        return self.passed

    def answers(self) -> dict[str, Any]:
        if not self.has_address or self.location is None:
            return super().answers()
        kept = keep_address(user=cast(User, self.user), found=self.location[0])
        return {**super().answers(), "datastore": None, "path": kept.location, "address": kept.pk}

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("source") == DATASET:
            if not answers.get("dataset") and "dataset" not in self.errors:
                self.add_error("dataset", gettext("Choose a data asset, or “Datastore” to give a path."))
            answers["asset_version"] = answers.get("asset_version") or self.chosen_version
        elif answers.get("source") == DATASTORE and not self.has_address:
            if not answers.get("datastore") and "datastore" not in self.errors:
                self.add_error("datastore", gettext("Choose a datastore."))
            if not answers.get("path") and "path" not in self.errors:
                self.add_error("path", gettext("Give the path of a file or folder."))
            if len(answers.get("path", "")) > LONGEST_PATH:
                self.add_error("path", gettext("There can be no path as long as this one."))
        if not self.errors and self.problem:
            raise ValidationError(self.problem)
        return answers
