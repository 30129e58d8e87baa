"""*Try the first rows*: those of an input are scored as a job would score them, and nothing is kept."""

import uuid
from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status
from pydantic import Field

from studio.actions.jobs import effective_settings
from studio.actions.trials import request_trial, waiting_sentence
from studio.api.invocation import DeploymentHeader, Invocation, find_deployment, in_wire_names, wanted_job
from studio.api.wire import Wire
from studio.finding import found
from studio.models import Trial
from studio.roles import check_may_run

router = Router(by_alias=True)


class TrialRow(Wire):
    row: int = Field(description="Its number in the file.")
    inputs: list[str | None] = Field(description="Values, in the order of the columns.")
    predictions: list[str | None]
    message: str = Field(description="Why it could not be scored.")


class TrialRows(Wire):
    file: str = Field(description="The first one of the input.")
    inputs: list[str] = Field(description="Columns of the file.")
    predictions: list[str] = Field(description="Columns that the model adds.")
    rows: list[TrialRow] = Field(description="20 at most.")


class TrialItem(Wire):
    pk: int = Field(alias="id")
    status: Literal["Waiting", "Running", "Completed", "Failed"] = Field(
        description="Completed and Failed are final."
    )
    waiting_for: str = Field(description="Why nothing moves; empty where something does.")
    deployment_name: str
    result: TrialRows | None = Field(description="Of a trial that has completed.")
    error: str
    traceback: str
    seconds: float | None = Field(description="From a node’s first look at it to the result.")
    created_at: datetime
    finished_at: datetime | None


def item(trial: Trial) -> dict[str, Any]:
    fields = ("pk", "status", "result", "error", "traceback", "seconds", "created_at", "finished_at")
    return {
        **{name: getattr(trial, name) for name in fields},
        "waiting_for": waiting_sentence(trial),
        "deployment_name": trial.deployment.name,
    }


@router.post("/{name}/trials", response={202: TrialItem}, summary="Try the first rows")
def new(request: HttpRequest, name: str, asked: Invocation, deployment: DeploymentHeader = "") -> Status:
    """Scores up to 20 rows of the input, with the body that would create a job of it: no job is made, and nothing is
    written. Follow the trial until it has completed or failed; what is asked again meanwhile is the same one."""
    user: Any = request.user
    check_may_run(user)
    with in_wire_names():
        job = wanted_job(
            user=user,
            deployment=find_deployment(user=user, endpoint=name, name=deployment),
            wanted=asked.properties,
            key=uuid.uuid4(),
        )
    settings, _origins, _problems = effective_settings(job.deployment, job.overrides)
    trial = request_trial(
        user=user,
        deployment=job.deployment,
        settings=settings,
        datastore=job.input_datastore,
        path=job.input_path,
    )
    return Status(202, item(trial))


@router.get("/{name}/trials/{int:number}", response=TrialItem, summary="Follow a trial")
def detail(request: HttpRequest, name: str, number: int) -> dict[str, Any]:
    """One of your own. It is forgotten after a day."""
    mine = Trial.objects.visible_to(request.user).filter(deployment__endpoint__name=name)
    gone = _("There is no such trial of yours. Trials are forgotten after a day: try the rows again.")
    return item(found(mine.select_related("deployment__cluster"), gone, pk=number))
