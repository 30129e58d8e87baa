"""The REST endpoint: an endpoint is invoked, and its job followed, with the wire of Azure's batch endpoints."""

import hashlib
import json
import uuid
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Router

from studio.actions.jobs import job_of_key, submit_job
from studio.api.invocation import (
    DeploymentHeader,
    Invocation,
    Wanted,
    find_deployment,
    in_wire_names,
    wanted_job,
)
from studio.api.job_envelope import JobEnvelope, JobItem, envelope, item
from studio.api.keys import IdempotencyKey, RepeatabilityRequestId, key_of
from studio.api.paging import Page, Paging, page_of
from studio.errors import StudioError
from studio.finding import found
from studio.models import Deployment, Job
from studio.pages.whole_address import address
from studio.roles import check_may_run

router = Router(by_alias=True)


@router.post("/{name}/jobs", response={201: JobEnvelope}, summary="Invoke an endpoint")
def invoke(
    request: HttpRequest,
    response: HttpResponse,
    name: str,
    asked: Invocation,
    deployment: DeploymentHeader = "",
    idempotency_key: IdempotencyKey = "",
    repeatability_request_id: RepeatabilityRequestId = "",
) -> dict[str, Any]:
    """Creates a job. A repeat with the same key, in either header, answers with the job that the first one made."""
    user: Any = request.user
    check_may_run(user)
    key = key_of(user, "invoke", idempotency_key or repeatability_request_id)
    said = json.dumps([name, deployment, asked.model_dump(mode="json")], sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()
    job = job_of_key(key=key, digest=digest)
    if job is None:
        chosen = find_deployment(user=user, endpoint=name, name=deployment)
        job = _submit(user, chosen, asked.properties, key=key, digest=digest)
    response["Location"] = address(request, reverse("api:invoke_detail", args=[name, job.name]))
    return envelope(request, job)


@router.get("/{name}/jobs", response=Page[JobItem], summary="List the jobs of an endpoint")
def index(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    """Also of one that was deleted: its jobs stay."""
    jobs = Job.objects.visible_to(request.user).to_endpoint(name).for_list().newest_first()
    page = page_of(request, jobs, paging)
    return {**page, "value": [item(request, job) for job in page["value"]]}


@router.get("/{name}/jobs/{job}", response=JobEnvelope, summary="Follow a job of an endpoint")
def detail(request: HttpRequest, name: str, job: str) -> dict[str, Any]:
    """Ask again until `properties.status` is Completed, Failed or Canceled."""
    gone = _("The endpoint %(endpoint)s has no job “%(name)s”. It may have been deleted.")
    jobs = Job.objects.visible_to(request.user).to_endpoint(name).for_record()
    return envelope(request, found(jobs, gone % {"endpoint": name, "name": job}, name=job))


def _submit(user: User, chosen: Deployment, wanted: Wanted, *, key: uuid.UUID, digest: str) -> Job:
    with in_wire_names():
        try:
            asked = wanted_job(user=user, deployment=chosen, wanted=wanted, key=key, digest=digest)
        except StudioError:
            # The same request, sent at the same time, may have made the job, and so taken the place of its output.
            first = job_of_key(key=key, digest=digest)
            if first:
                return first
            raise
        return submit_job(user=user, request=asked)  # which looks for the first one itself
