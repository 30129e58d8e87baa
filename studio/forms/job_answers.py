"""What the draft of a job says so far, as rows and settings instead of keys."""

from functools import cached_property
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from studio.actions.inputs import InputCheck, check_input
from studio.actions.jobs import JobRequest, effective_settings
from studio.errors import FieldErrors
from studio.forms.numbers import whole_number
from studio.models import DataAssetVersion, Datastore, Deployment, Draft

DATASET, DATASTORE = "dataset", "datastore"


def pick(rows: Any, key: Any) -> Any:
    """The row with this primary key, as it came from a form or a draft; None for anything else."""
    number = whole_number(key)
    return None if number is None else rows.filter(pk=number).first()


class JobAnswers:
    def __init__(self, draft: Draft):
        self.draft = draft

    @cached_property
    def deployment(self) -> Deployment:
        key = self.draft.step("settings").get("deployment")
        found: Deployment = get_object_or_404(Deployment.objects.with_model(), pk=key)
        return found

    @property
    def overrides(self) -> dict[str, Any]:
        return overrides_of(self.draft.step("settings"))

    @cached_property
    def effective(self) -> tuple[Any, dict[str, str], dict[str, str]]:
        return effective_settings(self.deployment, self.overrides)

    @property
    def settings(self) -> Any:
        return self.effective[0]

    @cached_property
    def asset_version(self) -> DataAssetVersion | None:
        data = self.draft.step("input")
        if data.get("source") != DATASET:
            return None
        versions = DataAssetVersion.objects.select_related("asset", "datastore")
        found: DataAssetVersion | None = pick(versions, data.get("asset_version"))
        return found

    @cached_property
    def input_location(self) -> tuple[Datastore, str] | None:
        if self.asset_version:
            return self.asset_version.datastore, self.asset_version.path
        data = self.draft.step("input")
        store = pick(Datastore.objects, data.get("datastore")) if data.get("source") == DATASTORE else None
        return (store, data["path"]) if store else None

    @cached_property
    def output_datastore(self) -> Datastore | None:
        """None: the default location."""
        output = self.draft.step("output")
        store: Datastore | None = (
            pick(Datastore.objects, output.get("output_datastore")) if output.get("enable") else None
        )
        return store

    @property
    def output_path(self) -> str:
        return str(self.draft.step("output").get("output_path", "")) if self.output_datastore else ""

    def check(self, datastore: Datastore, path: str) -> InputCheck:
        """The input at `path` held against the model of the chosen deployment."""
        return check_input(
            datastore=datastore,
            path=path,
            signature=self.deployment.model_version.signature,
            mini_batch_size=self.settings.mini_batch_size,
        )

    def request(self) -> JobRequest:
        """Raises FieldErrors when the input has gone meanwhile."""
        if self.input_location is None:
            raise FieldErrors({"path": _("The input is no longer there. Choose another one.")})
        datastore, path = self.input_location
        return JobRequest(
            deployment=self.deployment,
            display_name=self.draft.step("settings")["display_name"],
            overrides=self.overrides,
            input_datastore=datastore,
            input_path=path,
            input_asset=self.asset_version,
            output_datastore=self.output_datastore,
            output_path=self.output_path,
            idempotency_key=self.draft.key,
        )


def overrides_of(settings: dict[str, Any]) -> dict[str, Any]:
    return settings if settings.get("override") else {}
