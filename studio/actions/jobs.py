"""A job's life as people and the control worker see it: submit, rename, cancel, claim, fail."""

import logging
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.settings import OVERRIDABLE, ScoringSettings
from studio.actions import display_names, events
from studio.actions.compute import no_node_reason
from studio.actions.endpoints import cluster_refusals, keep_deployment
from studio.errors import FieldErrors, NotFound, StudioError
from studio.models import Cluster, DataAssetVersion, Datastore, Deployment, Job, MiniBatch, Node
from studio.models.states import MoveRefused
from studio.permissions import check_can_cancel_job, check_can_rename_job, check_can_use_deployment
from studio.queue import enqueue
from studio.stores import open_store, tidy

logger = logging.getLogger(__name__)

SUMMARY, SCHEMA = "_summary.json", "_schema.json"
PARTS_KEPT = timedelta(days=30)
MAX_DRIVES = 5  # times that a step of a job is begun before its silent deaths count as its failure


class KeyReused(StudioError):
    """The idempotency key belongs to a job that was asked for otherwise."""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What a person asks for; everything that is left out comes from the deployment."""

    deployment: Deployment
    display_name: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    input_datastore: Datastore
    input_path: str
    input_asset: DataAssetVersion | None = None
    output_datastore: Datastore | None = None
    output_path: str = ""
    resubmit_of: Job | None = None
    idempotency_key: uuid.UUID = field(default_factory=uuid.uuid4)
    digest: str = ""  # of what was asked, where another request might come with the same key


def effective_settings(
    deployment: Deployment, overrides: dict[str, Any]
) -> tuple[ScoringSettings, dict[str, str], dict[str, str]]:
    """The settings of a job, where each comes from (job, deployment, default), and what is wrong with them."""
    defaults = ScoringSettings().to_dict()
    own = {**defaults, **deployment.settings}  # a setting that is newer than the deployment has its default
    values = {**own, **{name: overrides[name] for name in OVERRIDABLE if name in overrides}}
    origins = {
        name: "job" if name in overrides and overrides[name] != own.get(name)
        else "deployment" if own.get(name) != defaults[name] else "default"
        for name in defaults
    }  # fmt: skip
    settings = ScoringSettings.from_dict(values)
    problems = settings.validate() | cluster_refusals(deployment.cluster, settings)
    return settings, origins, problems


def check_output(*, datastore: Datastore, path: str, settings: ScoringSettings) -> None:
    """Refuse a location where something stands that the job would write, or where another job writes.

    Raises AlreadyThere, PathRefused or StudioError.
    """
    store, folder = open_store(datastore), tidy(path)
    for name in objects_written(settings):
        store.free_path(f"{folder}/{name}".lstrip("/"))
    if Job.objects.unfinished().filter(output_datastore=datastore, output_path=folder).exists():
        raise StudioError(
            _("Another job is writing to “%(path)s”. Choose another output path.") % {"path": path}
        )


def parts_end() -> Any:
    """Until when the parts of a job that has failed now are kept."""
    return Now() + PARTS_KEPT


def objects_written(settings: ScoringSettings) -> list[str]:
    predictions = [settings.output_file_name, SCHEMA] if settings.output_action == "append_row" else []
    return [*predictions, "errors.csv", SUMMARY]


def job_of_key(*, key: uuid.UUID, digest: str) -> Job | None:
    """The job that was made with this key. Raises KeyReused when it was asked for otherwise."""
    known = Job.objects.filter(idempotency_key=key)
    # Most keys are new, and a whole job is much to ask for.
    made = known.values_list("name", "request_digest").first()
    if made is None:
        return None
    name, known_digest = made
    if known_digest != digest:
        raise KeyReused(
            _(
                "This key was sent with another request, which made the job %(job)s. Send each request with its own."
            )
            % {"job": name}
        )
    return known.for_record().first()


def submit_job(*, user: User, request: JobRequest) -> Job:
    """Create the job that `request` describes, once for each idempotency key. Raises FieldErrors, StudioError."""
    try:
        return _create_job(user, request)
    except (StudioError, IntegrityError) as refusal:
        # The same request, sent before or at the same time, may have made the job, and taken the place of its output.
        first = job_of_key(key=request.idempotency_key, digest=request.digest)
        if first:
            return first
        if "one_job_per_output_location" in str(refusal):
            raise StudioError(
                _("Another job is writing to “%(path)s”. Choose another output path.")
                % {"path": request.output_path}
            ) from refusal
        raise


def _create_job(user: User, request: JobRequest) -> Job:
    deployment = request.deployment
    check_can_use_deployment(user, deployment)
    settings, origins, problems = effective_settings(deployment, request.overrides)
    if problems:
        raise FieldErrors(problems)
    name = f"batchjob-{uuid.uuid4()}"
    output_datastore = request.output_datastore or Datastore.objects.get(is_default=True)
    output_path = tidy(request.output_path) or f"azureml/{name}/score"
    check_output(datastore=output_datastore, path=output_path, settings=settings)
    with transaction.atomic():
        keep_deployment(deployment)
        job = Job.objects.create(
            name=name,
            display_name=request.display_name or display_names.generate(),
            idempotency_key=request.idempotency_key,
            request_digest=request.digest,
            endpoint=deployment.endpoint,
            endpoint_name=deployment.endpoint.name,
            deployment=deployment,
            deployment_name=deployment.name,
            model_label=deployment.model_label,
            cluster=deployment.cluster,
            cluster_name=deployment.cluster.name,
            spec=_frozen(deployment),
            settings=settings.to_dict(),
            setting_origins=origins,
            input_datastore=request.input_datastore,
            input_path=tidy(request.input_path),
            input_asset=request.input_asset,
            input_label=_input_label(request),
            output_datastore=output_datastore,
            output_datastore_name=output_datastore.name,
            output_path=output_path,
            resubmit_of=request.resubmit_of,
            created_by=user,
        )
        events.record(actor=user, action="job.submit", subject=job.name, endpoint=job.endpoint_name)
        enqueue("jobs.prepare", job_id=job.pk)
    return job


def _frozen(deployment: Deployment) -> dict[str, Any]:
    version = deployment.model_version
    return {
        "model_name": version.registered_model.name,
        "model_version": version.version,
        "model_uri": version.uri,
        "model_key": deployment.model_key,
        "signature": version.signature,
        "environment": deployment.environment,
        "is_divisible": not deployment.why_never_divided,
    }


def _input_label(request: JobRequest) -> str:
    if request.input_asset:
        return str(request.input_asset)
    return request.input_datastore.label(tidy(request.input_path))


def rename_job(*, user: User, job: Job, display_name: str) -> None:
    """Raises NotAllowed, NotFound."""
    check_can_rename_job(user, job)
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk).update(display_name=display_name):
            raise NotFound(_("The job was deleted meanwhile."))
        events.record(
            actor=user, action="job.rename", subject=job.name, before=job.display_name, after=display_name
        )
    job.display_name = display_name


def cancel_job(*, user: User, job: Job) -> None:
    """Ask for the end of a job; its nodes see it within 2 s. Raises NotAllowed, MoveRefused."""
    check_can_cancel_job(user, job)
    with transaction.atomic():
        job.move_to(Job.Status.CANCEL_REQUESTED)
        job.minibatches.waiting().update(status=MiniBatch.Status.CANCELED, finished_at=Now())
        events.record(actor=user, action="job.cancel", subject=job.name)
    settle_cancel(job_id=job.pk)


def settle_cancel(*, job_id: int) -> None:
    """Canceled as soon as no node works on a mini-batch of the job any more."""
    job = Job.objects.filter(pk=job_id, status=Job.Status.CANCEL_REQUESTED).first()
    if job is None:
        return
    lost = job.minibatches.running().lease_free()
    lost.update(status=MiniBatch.Status.CANCELED, finished_at=Now(), **MiniBatch.RELEASED)
    if job.minibatches.running().exists():
        return
    try:
        job.move_to(Job.Status.CANCELED, finished_at=Now(), waiting_for="", **Job.RELEASED)
    except MoveRefused:
        return
    open_store(job.output_datastore).delete_folder(job.parts_path)


def fail_job(
    *,
    job: Job,
    error: str,
    error_input: str = "",
    traceback: str = "",
    outputs: Sequence[str] = (),
    lease: uuid.UUID | None = None,
) -> None:
    """End a job with one sentence; quietly nothing when it has ended meanwhile."""
    try:
        with transaction.atomic():
            job.move_to(
                Job.Status.FAILED,
                held=lease,
                error=error,
                error_input=error_input[:1024],
                traceback=traceback,
                outputs=list(outputs),
                waiting_for="",
                parts_until=parts_end() if job.minibatches_total else None,
                finished_at=Now(),
                **Job.RELEASED,
            )
            job.minibatches.waiting().update(status=MiniBatch.Status.CANCELED, finished_at=Now())
            events.record(actor=None, action="job.failed", subject=job.name, error=error)
    except MoveRefused:
        return


def fail_by_bug(*, job: Job, lease: uuid.UUID, error: Exception, outputs: Sequence[str] = ()) -> None:
    """For an exception that nobody foresaw, where it is being handled."""
    logger.exception("a job met a bug of the studio", extra={"action": "job_bug"})
    sentence = _("The studio itself failed here (%(kind)s). Create the job again; report it if it recurs.")
    fail_job(
        job=job,
        lease=lease,
        error=sentence % {"kind": type(error).__name__},
        traceback="".join(traceback.format_exception(error)),
        outputs=outputs,
    )


def claim_job(*, job_id: int, before: str, during: str, worker: str) -> Job | None:
    """Take a job for the step `during`, from the status before it or from a worker that went silent in it."""
    job = Job.objects.filter(pk=job_id, status__in=[before, during]).first()
    if job is None:
        return None
    taken = Job.taken_by(worker)
    if job.status == before:
        try:
            job.move_to(during, drives=1, **taken)
        except MoveRefused:
            return None
        return job
    again = Job.objects.filter(pk=job_id, status=during).lease_free().update(drives=job.drives + 1, **taken)
    if not again:
        return None
    job.refresh_from_db()
    if job.drives > MAX_DRIVES:
        fail_job(
            job=job,
            lease=job.lease,
            error=_(
                "The studio's control worker died %(times)s times while %(step)s this job. Create the job again."
            )
            % {"times": MAX_DRIVES, "step": job.get_status_display()},
        )
        return None
    return job


def put_off(*, job: Job, lease: uuid.UUID, reason: str) -> None:
    """Let a step that needs something which is away be begun again by the sweep; `reason` is for the job's page."""
    Job.objects.filter(pk=job.pk, lease=lease).update(
        waiting_for=reason, drives=F("drives") - 1, **Job.RELEASED
    )


def waiting_reason(cluster: Cluster | None) -> str:
    """What a running job waits for while no node works on it."""
    if cluster is None:
        return _("Waiting for a cluster that was deleted. Cancel the job.")
    if Node.objects.taking_work().filter(cluster=cluster).exists():
        return _("Waiting for a free slot of the cluster %(cluster)s.") % {"cluster": cluster.name}
    return no_node_reason(cluster)
