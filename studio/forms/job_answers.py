"""What the draft of a job says so far, as rows and settings instead of keys.

`Draft.answers` of kind JOB, which whoever fills in a draft beforehand writes as the forms would:

    endpoint     key of the endpoint
    preset       {deployment: key, input: {…}}: what the steps begin with; input as below, left out where unknown
    resubmit_of  key of the job that is submitted again, left out otherwise
    settings     {deployment: key, display_name, override: bool} and, where override holds, the overridden settings by
                 their names in ScoringSettings, without pass_through
    input        {source: "dataset", dataset: key, asset_version: key}, {source: "datastore", datastore: key, path}
                 or {source: "datastore", address: key, path: the address without its query}; with pass_through, a
                 list of columns: absent means those of the deployment
    output       {enable: bool, output_datastore: key, output_path}
    review       never kept
    result       the address of what the draft became

A step that is absent has not been answered. A key of what was deleted meanwhile leads to the step that mends it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio.actions.inputs import InputCheck, check_input
from studio.actions.jobs import JobRequest, effective_settings
from studio.errors import FieldErrors
from studio.forms.numbers import whole_number
from studio.models import DataAssetVersion, Datastore, Deployment, Draft, Job

DATASET, DATASTORE = "dataset", "datastore"
LOOKED_AT = 200  # rows of the first file, which tell the types of its columns


def pick(rows: Any, key: Any) -> Any:
    """The row with this primary key, as it came from a form or a draft; None for anything else.

    What is a row already, as the API has found it, is not read again.
    """
    if isinstance(key, rows.model):
        return key
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
        passed = self.draft.step("input").get("pass_through")
        own = {} if passed is None else {"pass_through": passed}
        return overrides_of(self.draft.step("settings")) | own

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
        if data.get("source") == DATASTORE and data.get("address"):
            kept = pick(Datastore.objects.addresses(), data["address"])
            return (kept, kept.options["file"]) if kept else None
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

    def check(
        self, datastore: Datastore, path: str, passed: list[str] | None = None, rows: int = LOOKED_AT
    ) -> InputCheck:
        """The input at `path` held against the model of the chosen deployment, and the columns to pass through."""
        check = check_input(
            datastore=datastore,
            path=path,
            signature=self.deployment.model_version.signature,
            mini_batch_size=self.settings.mini_batch_size,
            split_size=0 if self.deployment.why_never_divided else self.settings.split_size,
            dialect=self.settings.dialect,
            rows=rows,
        )
        if not check.problem and check.preview:
            present = {column.name for column in check.preview.columns}
            wanted = self.settings.pass_through if passed is None else passed
            check.problem = _not_there([name for name in wanted if name not in present])
        return check

    def lost(self, *, before: Sequence[str]) -> tuple[str, str] | None:
        """The first of the steps `before` whose answer was deleted since, and the sentence for it."""
        checks = {"settings": self._lost_deployment, "input": self._lost_input, "output": self._lost_output}
        for step in before:
            sentence = checks[step]()
            if sentence:
                return step, sentence
        return None

    def _lost_deployment(self) -> str:
        of_endpoint = Deployment.objects.filter(endpoint_id=self.draft.answers["endpoint"])
        if pick(of_endpoint, self.draft.step("settings").get("deployment")):
            return ""
        return _("The deployment of this draft was deleted. Choose another one.")

    def _lost_input(self) -> str:
        if self.input_location:
            return ""
        return _("The data that this draft would read is no longer registered. Choose other data.")

    def _lost_output(self) -> str:
        if not self.draft.step("output").get("enable") or self.output_datastore:
            return ""
        return _("The datastore of this draft’s output was unregistered. Choose another output location.")

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
            resubmit_of=pick(Job.objects, self.draft.answers.get("resubmit_of")),
            idempotency_key=self.draft.key,
        )


def _not_there(missing: list[str]) -> str:
    if not missing:
        return ""
    return ngettext(
        "The column %(names)s, to be passed through, is not in this input. Leave it out, or choose other data.",
        "The columns %(names)s, to be passed through, are not in this input. Leave them out, or choose other data.",
        len(missing),
    ) % {"names": ", ".join(missing)}


def overrides_of(settings: dict[str, Any]) -> dict[str, Any]:
    return settings if settings.get("override") else {}
