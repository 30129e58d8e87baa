"""A job whose answers all come at once, as the API gives them: the steps of the wizard, one after the other."""

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model
from django.utils.datastructures import MultiValueDict

from studio.actions import display_names
from studio.actions.endpoints import settings_of
from studio.actions.jobs import JobRequest
from studio.errors import FieldErrors
from studio.forms.job_answers import DATASET, DATASTORE, JobAnswers
from studio.forms.jobs import InputStep, OutputStep, SettingsStep
from studio.models import DataAssetVersion, Datastore, Deployment, Draft

STEPS = (("settings", SettingsStep), ("input", InputStep), ("output", OutputStep))


@dataclass(frozen=True, kw_only=True)
class WantedJob:
    deployment: Deployment
    input: DataAssetVersion | tuple[Datastore, str] | str  # a path in a datastore, or an address
    output: tuple[Datastore, str] | None = None
    settings: dict[str, Any] = field(default_factory=dict)  # overridden ones, as their fields take them
    pass_through: list[str] | None = None
    display_name: str = ""


def job_request(*, user: User, wanted: WantedJob, key: uuid.UUID, digest: str) -> JobRequest:
    """What submit_job() takes. Raises FieldErrors, with the sentences of the wizard by the names of its fields."""
    endpoint = wanted.deployment.endpoint_id
    preset = {"deployment": wanted.deployment.pk, "input": {}}
    draft = Draft(key=key, kind=Draft.Kind.JOB, owner=user, answers={"endpoint": endpoint, "preset": preset})
    typed = {
        "settings": _settings(wanted, key),
        "input": _input(wanted),
        "output": _output(wanted),
    }
    initial = settings_of(wanted.deployment.settings).to_dict()
    for step, form_class in STEPS:
        form = form_class(_as_sent(typed[step]), draft=draft, step=step, user=user, initial=initial)
        if isinstance(form, InputStep | OutputStep):
            form.known.deployment = wanted.deployment
        if isinstance(form, InputStep):
            form.looked_at = 1  # nobody is shown them, and the names of the columns are in the header
        if not form.is_valid():
            raise FieldErrors(
                {name: " ".join(map(str, sentences)) for name, sentences in form.errors.items()}
            )
        draft.answers[step] = form.answers()
    known = JobAnswers(draft)
    known.deployment = wanted.deployment
    if isinstance(wanted.input, DataAssetVersion):
        known.asset_version = wanted.input
    return replace(known.request(), digest=digest)


def _settings(wanted: WantedJob, key: uuid.UUID) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "deployment": wanted.deployment,
        "display_name": wanted.display_name or display_names.generate(str(key)),
    }
    if not wanted.settings:
        return answers
    own = settings_of(wanted.deployment.settings).to_dict()
    fields = SettingsStep.base_fields
    shown = {name: fields[name].prepare_value(value) for name, value in own.items() if name in fields}
    return {**shown, **wanted.settings, **answers, "override": "on"}


def _input(wanted: WantedJob) -> dict[str, Any]:
    passed: dict[str, Any] = {}
    if wanted.pass_through is not None:
        passed = {"columns_shown": "1", "pass_through": wanted.pass_through}
    if isinstance(wanted.input, DataAssetVersion):
        return {
            "source": DATASET,
            "dataset": wanted.input.asset,
            "asset_version": wanted.input,
            **passed,
        }
    if isinstance(wanted.input, str):
        return {"source": DATASTORE, "path": wanted.input, **passed}
    datastore, path = wanted.input
    return {"source": DATASTORE, "datastore": datastore, "path": path, **passed}


def _output(wanted: WantedJob) -> dict[str, Any]:
    if wanted.output is None:
        return {}
    datastore, path = wanted.output
    return {"enable": "on", "output_datastore": datastore, "output_path": path}


def _as_sent(answers: dict[str, Any]) -> MultiValueDict:
    """As a browser sends a form, but with rows in place of their keys; what is None it leaves empty."""

    def sent(value: Any) -> list[Any]:
        if isinstance(value, list):
            return value
        return [] if value is None else [value if isinstance(value, Model) else str(value)]

    return MultiValueDict({name: sent(value) for name, value in answers.items()})
