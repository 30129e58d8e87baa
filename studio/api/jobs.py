"""Jobs as programs see them; to create one, invoke its endpoint."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from studio.actions.job_definition import definition_text
from studio.actions.job_deletion import delete_job
from studio.actions.job_retry import retry_job
from studio.actions.job_statistics import figures_of
from studio.actions.jobs import cancel_job, rename_job
from studio.api.job_envelope import JobEnvelope, JobItem, JobStatus, envelope, item
from studio.api.keys import IdempotencyKey, key_of
from studio.api.paging import Page, Paging, page_of
from studio.api.values import examples
from studio.api.wire import Asked, When, Wire
from studio.finding import found
from studio.models import Job
from studio.models.job_queries import JobQuerySet
from studio.roles import check_may_run

router = Router(by_alias=True)
YAML = {
    "responses": {
        200: {
            "description": "The definition",
            "content": {"application/yaml": {"schema": {"type": "object"}}},
        }
    }
}


class JobFilter(Wire):
    status: JobStatus | None = None
    endpoint: str = Field("", description="Name of the endpoint.", examples=["breast-cancer-sample"])
    deployment: str = Field("", description="Name of the deployment.", examples=["logistic-regression"])
    created_by: str = Field("", description="Username.", examples=["admin"])
    created_after: When = None
    created_before: When = None
    search: str = Field(
        "",
        description="A part of the display name, the name, the error or the input.",
        examples=["brave_sun"],
    )


def find_job(request: HttpRequest, name: str) -> Job:
    gone = _("There is no job “%(name)s”. It may have been deleted.") % {"name": name}
    return found(Job.objects.visible_to(request.user).for_record(), gone, name=name)


class Figures(Wire):
    jobs: int
    completed: int
    failed: int
    canceled: int
    unfinished: int
    success_rate: float | None = Field(description="0 to 1, of those that completed or failed.")
    median_seconds: float | None = Field(description="Of those that completed.")
    rows: int
    is_capped: bool = Field(description="There are more jobs than the newest ones that were counted.")


class Renamed(Asked):
    model_config = examples({"displayName": "brave_sun_of_november"})
    display_name: str = Field(min_length=1, max_length=255)


class Deletion(Wire):
    with_outputs: bool = Field(False, description="The files that it wrote go too.")


@router.get("", response=Page[JobItem], summary="List jobs")
def index(request: HttpRequest, wanted: Query[JobFilter], paging: Query[Paging]) -> dict[str, Any]:
    """The newest first."""
    page = page_of(request, _chosen(request, wanted).for_list().newest_first(), paging)
    return {**page, "value": [item(request, job) for job in page["value"]]}


@router.get("/-/statistics", response=Figures, summary="What the chosen jobs come to")
def statistics(request: HttpRequest, wanted: Query[JobFilter]) -> Any:
    return figures_of(jobs=_chosen(request, wanted))


@router.get("/{name}", response=JobEnvelope, summary="One job")
def detail(request: HttpRequest, name: str) -> dict[str, Any]:
    return envelope(request, find_job(request, name))


@router.get("/{name}/definition", summary="A job’s definition, as YAML", openapi_extra=YAML)
def definition(request: HttpRequest, name: str) -> HttpResponse:
    """Endpoint, deployment, input, and the settings and the output that are the job's own."""
    text = definition_text(job=find_job(request, name))
    return HttpResponse(text, content_type="application/yaml; charset=utf-8")


@router.patch("/{name}", response=JobEnvelope, summary="Rename a job")
def rename(request: HttpRequest, name: str, wanted: Renamed) -> dict[str, Any]:
    check_may_run(request.user)
    job = find_job(request, name)
    rename_job(user=request.user, job=job, display_name=wanted.display_name)  # type: ignore[arg-type]
    return envelope(request, job)


@router.post("/{name}/cancel", response={202: JobEnvelope}, summary="Cancel a job")
def cancel(request: HttpRequest, name: str) -> dict[str, Any]:
    """What it has scored is thrown away. Its nodes stop within some seconds: ask until the status is Canceled."""
    check_may_run(request.user)
    cancel_job(user=request.user, job=find_job(request, name))  # type: ignore[arg-type]
    return envelope(request, find_job(request, name))


@router.post("/{name}/retry", response={201: JobEnvelope}, summary="Score again what failed")
def retry(request: HttpRequest, name: str, key: IdempotencyKey = "") -> dict[str, Any]:
    """Creates a job that takes over what this one has scored. With the same key it is created once."""
    check_may_run(request.user)
    user: Any = request.user
    job = find_job(request, name)
    made = retry_job(user=user, job=job, key=key_of(user, f"retry {job.name}", key))
    return envelope(request, find_job(request, made.name))


@router.delete("/{name}", response={204: None}, summary="Delete a job")
def delete(request: HttpRequest, name: str, wanted: Query[Deletion]) -> None:
    """One that has ended, with its logs."""
    check_may_run(request.user)
    delete_job(user=request.user, job=find_job(request, name), with_outputs=wanted.with_outputs)  # type: ignore[arg-type]


def _chosen(request: HttpRequest, wanted: JobFilter) -> JobQuerySet:
    jobs: JobQuerySet = (
        Job.objects.visible_to(request.user)
        .matching(wanted.search)
        .in_status(wanted.status or "")
        .to_endpoint(wanted.endpoint)
        .to_deployment(wanted.deployment)
        .submitted_by(wanted.created_by)
        .created_since(wanted.created_after)
    )
    return jobs.created_before(wanted.created_before) if wanted.created_before else jobs
