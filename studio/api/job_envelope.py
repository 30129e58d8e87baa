"""A job in Azure's envelope, as the invocation and the list of jobs answer."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.urls import reverse
from pydantic import Field

from studio.actions import job_definition
from studio.api.wire import Wire
from studio.models import Job
from studio.pages.whole_address import address

JobStatus = Literal[
    "Queued", "Preparing", "Running", "Finalizing", "CancelRequested", "Canceled", "Completed", "Failed"
]
PROVISIONING: dict[str, str] = {
    Job.Status.COMPLETED: "Succeeded",
    Job.Status.FAILED: "Failed",
    Job.Status.CANCELED: "Canceled",
}


class Place(Wire):
    endpoint: str = Field(description="An address.")


class InteractionEndpoints(Wire):
    studio: Place = Field(alias="Studio", description="The page of the job, for people.")
    api: Place = Field(alias="API", description="The job itself, for programs: status, outputs, logs.")


class Counts(Wire):
    files: int
    failed_files: int
    bytes: int
    mini_batches: int
    completed_mini_batches: int
    failed_mini_batches: int
    rows: int
    failed_rows: int


class JobError(Wire):
    message: str
    input: str = Field(description="The file that failed first.")
    traceback: str


class Data(Wire):
    job_input_type: str = Field(alias="JobInputType")
    uri: str = Field(alias="Uri")


class Predictions(Wire):
    job_output_type: str = Field(alias="JobOutputType")
    uri: str = Field(alias="Uri")


class Setting(Wire):
    value: Any = None
    from_: str = Field(alias="from", description="job, deployment or default")


class JobOutline(Wire):
    display_name: str
    status: JobStatus = Field(description="Completed, Failed and Canceled are final.")
    provisioning_state: Literal["InProgress", "Succeeded", "Failed", "Canceled"]
    interaction_endpoints: InteractionEndpoints
    endpoint_name: str
    deployment_name: str
    model: str
    compute: str
    start_time: datetime | None
    end_time: datetime | None
    duration_seconds: float | None = Field(description="Of a job that has ended.")
    counts: Counts
    waiting_for: str = Field(description="Why nothing moves; empty where something does.")
    error_message: str


class JobProperties(JobOutline):
    model_uri: str
    input_data: dict[str, Data] = Field(alias="InputData")
    output_data: dict[str, Predictions] = Field(alias="OutputData")
    settings: dict[str, Setting]
    environment: dict[str, Any]
    signature: Any = None
    error: JobError | None
    outputs: list[str] = Field(description="Names of the files that it wrote.")
    summary: Any = Field(None, description="Counts and statistics of its predictions, once it has ended.")
    repeated_requests: dict[str, dict[str, int]] = Field(
        description="That datastores throttled or broke off: how often, by datastore and cause."
    )
    resubmit_of: str | None
    retry_of: str | None


class SystemData(Wire):
    created_at: datetime
    created_by: str | None


class JobItem(Wire):
    id: str
    name: str
    type: str
    properties: JobOutline
    system_data: SystemData


class JobEnvelope(JobItem):
    properties: JobProperties


def item(request: HttpRequest, job: Job) -> dict[str, Any]:
    """As a list has it."""
    return _with_links(request, job, job_definition.outline(job=job))


def envelope(request: HttpRequest, job: Job) -> dict[str, Any]:
    return _with_links(request, job, job_definition.record(job=job))


def _with_links(request: HttpRequest, job: Job, known: dict[str, Any]) -> dict[str, Any]:
    own = reverse("api:jobs_detail", args=[job.name])
    links = {
        "Studio": {"endpoint": address(request, reverse("jobs:detail", args=[job.name]))},
        "API": {"endpoint": address(request, own)},
    }
    added = {
        "interactionEndpoints": links,
        "provisioningState": PROVISIONING.get(job.status, "InProgress"),
        "errorMessage": job.error,
    }
    return {"id": own, **known, "properties": {**known["properties"], **added}}
