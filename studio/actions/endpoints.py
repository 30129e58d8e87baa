"""Endpoints and their deployments, up to the moment when a deployment can score."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.environment import EnvironmentSpec
from scoring.errors import ScoringError
from scoring.settings import ScoringSettings
from studio.actions import events
from studio.actions.compute import wake_cluster
from studio.errors import FieldErrors
from studio.models import Cluster, Deployment, Endpoint, ModelVersion
from studio.permissions import (
    check_can_add_deployment,
    check_can_create_endpoint,
    check_can_deploy_model,
    check_can_retry_deployment,
    check_can_set_default,
)


def environment_of(version: ModelVersion) -> tuple[EnvironmentSpec, list[str]]:
    """The environment that is generated for a model, and sentences about what was adapted.

    Raises FieldErrors when none can be made of the model's own files.
    """
    try:
        spec = EnvironmentSpec.from_model_files(version.environment_files)
    except ScoringError as error:
        raise FieldErrors({"model_version": str(error)}) from error
    return spec, list(spec.notes)


def settings_of(answers: Mapping[str, Any] | None) -> ScoringSettings:
    """The settings among a form's answers; the defaults for what it does not answer."""
    names = ScoringSettings().to_dict()
    return ScoringSettings(**{name: value for name, value in (answers or {}).items() if name in names})


def cluster_refusals(cluster: Cluster, settings: ScoringSettings) -> dict[str, str]:
    return cluster.refusals(instance_count=settings.instance_count, max_concurrency=settings.max_concurrency)


def create_deployment(
    *,
    user: User,
    endpoint: Endpoint | None,
    new_endpoint: dict[str, Any] | None,
    name: str,
    description: str = "",
    tags: dict[str, str] | None = None,
    model_version: ModelVersion,
    cluster: Cluster,
    settings: ScoringSettings,
    make_default: bool = True,
) -> Deployment:
    """Create a deployment under `endpoint`, or under a new one of {name, description, tags}.

    The node builds its environment and tries the model afterwards. Raises FieldErrors.
    """
    check_can_deploy_model(user, model_version)
    spec, _notes = environment_of(model_version)
    problems = settings.validate() | cluster_refusals(cluster, settings)
    if problems:
        raise FieldErrors(problems)
    with transaction.atomic():
        home = endpoint or create_endpoint(user=user, **(new_endpoint or {}))
        check_can_add_deployment(user, home)
        try:
            with transaction.atomic():
                deployment = Deployment.objects.create(
                    endpoint=home,
                    name=name,
                    description=description,
                    tags=tags or {},
                    model_version=model_version,
                    model_key=model_version.key,
                    cluster=cluster,
                    environment=spec.to_dict(),
                    settings=settings.to_dict(),
                    wants_default=make_default,
                    created_by=user,
                )
        except IntegrityError as error:
            raise FieldErrors(
                {"name": _("This endpoint has a deployment with this name. Choose another name.")}
            ) from error
        events.record(actor=user, action="deployment.create", subject=f"{home.name}/{name}")
        wake_cluster(cluster, times=1)
    return deployment


def create_endpoint(
    *, user: User, name: str, description: str = "", tags: dict[str, str] | None = None
) -> Endpoint:
    """Raises FieldErrors when the name is taken."""
    check_can_create_endpoint(user)
    try:
        with transaction.atomic():
            endpoint = Endpoint.objects.create(
                name=name.lower(), description=description, tags=tags or {}, created_by=user
            )
            events.record(actor=user, action="endpoint.create", subject=endpoint.name)
    except IntegrityError as error:
        raise FieldErrors(
            {"endpoint": _("An endpoint with this name exists. Choose another name.")}
        ) from error
    return endpoint


def set_default(*, user: User, deployment: Deployment) -> None:
    check_can_set_default(user, deployment)
    with transaction.atomic():
        Endpoint.objects.filter(pk=deployment.endpoint_id).update(
            default_deployment=deployment, updated_at=Now()
        )
        events.record(
            actor=user,
            action="endpoint.set_default",
            subject=deployment.endpoint.name,
            deployment=deployment.name,
        )


def retry_deployment(*, user: User, deployment: Deployment) -> None:
    """Build and try a failed deployment once more. Raises MoveRefused when somebody else was first."""
    check_can_retry_deployment(user, deployment)
    with transaction.atomic():
        deployment.move_to(
            Deployment.Status.CREATING,
            error="",
            traceback="",
            log="",
            notes=[],
            attempts=0,
            finished_at=None,
            **Deployment.RELEASED,
        )
        events.record(
            actor=user, action="deployment.retry", subject=f"{deployment.endpoint.name}/{deployment.name}"
        )
        wake_cluster(deployment.cluster, times=1)


def claim_deployment(*, cluster: Cluster, worker: str) -> Deployment | None:
    """Take the oldest deployment that waits to be created on `cluster` and that nobody works on."""
    with transaction.atomic():
        waiting = (
            Deployment.objects.lease_free()
            .filter(status=Deployment.Status.CREATING, cluster=cluster)
            .order_by("created_at")
            .select_for_update(skip_locked=True)
            .first()
        )
        if waiting is None:
            return None
        Deployment.objects.filter(pk=waiting.pk).update(
            attempts=waiting.attempts + 1, log="", **Deployment.taken_by(worker)
        )
    return Deployment.objects.with_model().get(pk=waiting.pk)


def write_log(*, deployment: Deployment, text: str) -> None:
    """Replace the log while the lease is ours; the last 200,000 characters are kept."""
    Deployment.objects.filter(pk=deployment.pk, lease=deployment.lease).update(log=text[-200_000:])


def deployment_succeeded(*, deployment: Deployment, notes: list[str]) -> None:
    """The first that succeeds, and one that was meant to, becomes the default of its endpoint."""
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(pk=deployment.endpoint_id)
        deployment.move_to(
            Deployment.Status.SUCCEEDED,
            held=deployment.lease,
            notes=notes,
            finished_at=Now(),
            **Deployment.RELEASED,
        )
        if deployment.wants_default or endpoint.default_deployment_id is None:
            Endpoint.objects.filter(pk=endpoint.pk).update(default_deployment=deployment, updated_at=Now())
        events.record(actor=None, action="deployment.succeeded", subject=f"{endpoint.name}/{deployment.name}")


def deployment_failed(*, deployment: Deployment, error: str, traceback: str = "") -> None:
    with transaction.atomic():
        deployment.move_to(
            Deployment.Status.FAILED,
            held=deployment.lease,
            error=error,
            traceback=traceback,
            finished_at=Now(),
            **Deployment.RELEASED,
        )
        events.record(
            actor=None,
            action="deployment.failed",
            subject=f"{deployment.endpoint.name}/{deployment.name}",
            error=error,
        )
