"""A job's life as people and the control worker see it: submit, cancel, prepare, fail, finish."""

import logging
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.errors import ScoringError
from scoring.plan import plan
from scoring.settings import OVERRIDABLE, ScoringSettings
from studio.actions import display_names, events
from studio.actions.compute import wake_cluster
from studio.actions.endpoints import cluster_refusals
from studio.actions.inputs import list_input, unreadable
from studio.actions.leases import Holder
from studio.errors import FieldErrors, StudioError
from studio.models import Cluster, DataAssetVersion, Datastore, Deployment, Job, MiniBatch, Node
from studio.models.states import MoveRefused
from studio.permissions import check_can_cancel_job, check_can_use_deployment
from studio.queue import enqueue
from studio.stores import open_store, tidy

logger = logging.getLogger(__name__)

MAX_DRIVES = 5  # times that a step of a job is begun before its silent deaths count as its failure


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
    idempotency_key: uuid.UUID = field(default_factory=uuid.uuid4)


def effective_settings(
    deployment: Deployment, overrides: dict[str, Any]
) -> tuple[ScoringSettings, dict[str, str], dict[str, str]]:
    """The settings of a job, where each comes from (job, deployment, default), and what is wrong with them."""
    defaults, own = ScoringSettings().to_dict(), deployment.settings
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


def objects_written(settings: ScoringSettings) -> list[str]:
    predictions = [settings.output_file_name] if settings.output_action == "append_row" else []
    return [*predictions, "errors.csv", "_summary.json"]


def submit_job(*, user: User, request: JobRequest) -> Job:
    """Create the job that `request` describes, once for each idempotency key. Raises FieldErrors, StudioError."""
    first = Job.objects.filter(idempotency_key=request.idempotency_key).first()
    if first:
        return first
    deployment = request.deployment
    check_can_use_deployment(user, deployment)
    settings, origins, problems = effective_settings(deployment, request.overrides)
    if problems:
        raise FieldErrors(problems)
    name = f"batchjob-{uuid.uuid4()}"
    output_datastore = request.output_datastore or Datastore.objects.get(is_default=True)
    output_path = tidy(request.output_path) or f"azureml/{name}/score"
    check_output(datastore=output_datastore, path=output_path, settings=settings)
    try:
        with transaction.atomic():
            job = Job.objects.create(
                name=name,
                display_name=request.display_name or display_names.generate(),
                idempotency_key=request.idempotency_key,
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
                created_by=user,
            )
            events.record(actor=user, action="job.submit", subject=job.name, endpoint=job.endpoint_name)
            enqueue("jobs.prepare", job_id=job.pk)
    except IntegrityError as error:
        return _first_of(request, error)
    return job


def _first_of(request: JobRequest, error: IntegrityError) -> Job:
    """Create was pressed twice at once, or another job has just reserved the output location."""
    first = Job.objects.filter(idempotency_key=request.idempotency_key).first()
    if first:
        return first
    if "one_job_per_output_location" in str(error):
        raise StudioError(
            _("Another job is writing to “%(path)s”. Choose another output path.")
            % {"path": request.output_path}
        ) from error
    raise error


def _frozen(deployment: Deployment) -> dict[str, Any]:
    version = deployment.model_version
    return {
        "model_name": version.registered_model.name,
        "model_version": version.version,
        "model_uri": version.uri,
        "model_key": deployment.model_key,
        "signature": version.signature,
        "environment": deployment.environment,
    }


def _input_label(request: JobRequest) -> str:
    if request.input_asset:
        return str(request.input_asset)
    return f"{request.input_datastore.name} / {tidy(request.input_path)}"


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


def prepare_job(*, job_id: int, holder: Holder) -> None:
    """List the input, plan the mini-batches and let the nodes at them; or fail with the reason."""
    job = claim_job(job_id=job_id, before=Job.Status.QUEUED, during=Job.Status.PREPARING, worker=holder.name)
    if job is None:
        return
    with holder.holding(job) as lease:
        try:
            _plan(job, lease)
        except MoveRefused:
            return
        except (StudioError, ScoringError) as error:
            fail_job(job=job, lease=lease, error=str(error))
            return
        except OSError as error:
            fail_job(job=job, lease=lease, error=unreadable(error))
            return
        except (OperationalError, InterfaceError):
            raise  # the database is away; the lease runs out and the step is begun again
        except Exception as error:
            fail_by_bug(job=job, lease=lease, error=error)
            return
    if job.cluster:
        wake_cluster(job.cluster)


def _plan(job: Job, lease: uuid.UUID) -> None:
    Job.objects.filter(pk=job.pk, started_at=None).update(started_at=Now())
    settings = ScoringSettings.from_dict(job.settings)
    open_store(job.output_datastore)
    for name in objects_written(settings):
        open_store(job.output_datastore).free_path(job.output_object(name))
    files = list_input(datastore=job.input_datastore, path=job.input_path)
    planned = plan(files=files, mini_batch_size=settings.mini_batch_size)
    minibatches = [
        MiniBatch(
            job=job,
            number=number,
            slices=[{"path": one.path, "size": one.size, "etag": one.etag} for one in slices],
            bytes=sum(one.size for one in slices),
        )
        for number, slices in enumerate(planned)
    ]
    with transaction.atomic():
        job.move_to(
            Job.Status.RUNNING,
            held=lease,
            files_total=len(files),
            bytes_total=sum(file.size for file in files),
            minibatches_total=len(minibatches),
            waiting_for=waiting_reason(job.cluster),
            **Job.RELEASED,
        )
        MiniBatch.objects.bulk_create(minibatches, batch_size=2000)


def waiting_reason(cluster: Cluster | None) -> str:
    """What a running job waits for while no node works on it."""
    if cluster is None:
        return _("Waiting for a cluster that was deleted. Cancel the job.")
    if Node.objects.alive().filter(cluster=cluster).exists():
        return _("Waiting for a free slot of the cluster %(cluster)s.") % {"cluster": cluster.name}
    return _(
        "Waiting because no node of the cluster %(cluster)s is running. It starts as soon as one joins."
    ) % {"cluster": cluster.name}
