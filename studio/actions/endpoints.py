"""Endpoints and their deployments, up to the moment when a deployment can score."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.environment import EnvironmentSpec
from scoring.errors import ScoringError
from scoring.settings import ScoringSettings
from scoring.signature import Signature
from studio.actions import events
from studio.actions.compute import wake_cluster
from studio.errors import ChangedMeanwhile, FieldErrors, NotAllowed, NotFound, StudioError
from studio.models import Cluster, Deployment, Endpoint, Event, ModelVersion
from studio.models.states import MoveRefused
from studio.permissions import (
    check_can_add_deployment,
    check_can_create_endpoint,
    check_can_delete_endpoint,
    check_can_deploy_model,
    check_can_edit_endpoint,
    check_can_replace_default,
    check_can_retry_deployment,
    check_can_set_default,
)


def environment_of(version: ModelVersion) -> tuple[EnvironmentSpec, list[str]]:
    """The environment that is generated for a model, and sentences about what was adapted.

    Raises FieldErrors when none can be made of the model's own files.
    """
    try:
        with_images = Signature.from_dict(version.signature).takes_images if version.signature else False
        spec = EnvironmentSpec.from_model_files(
            version.environment_files, logged_with=version.mlflow_version, with_images=with_images
        )
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
    environment: EnvironmentSpec | None = None,
    make_default: bool = True,
) -> Deployment:
    """Create a deployment under `endpoint`, or under a new one of {name, description, tags}.

    `environment` is one that a person has edited, else it is generated. The node builds it and tries the model
    afterwards. Raises FieldErrors.
    """
    check_can_deploy_model(user, model_version)
    generated, _notes = environment_of(model_version)
    spec = environment or generated
    problems = settings.validate() | cluster_refusals(cluster, settings)
    if problems:
        raise FieldErrors(problems)
    with transaction.atomic():
        _keep_from_going(model_version, cluster)
        home = _there(endpoint) if endpoint else create_endpoint(user=user, **(new_endpoint or {}))
        check_can_add_deployment(user, home)
        if make_default:
            check_can_replace_default(user, home)
        deployment = _added(
            endpoint=home,
            name=name,
            description=description,
            tags=tags or {},
            model_version=model_version,
            model_key=model_version.key,
            cluster=cluster,
            environment=spec.to_dict(),
            has_own_environment=spec.key != generated.key,
            settings=settings.to_dict(),
            wants_default=make_default,
            created_by=user,
        )
        events.record(actor=user, action="deployment.create", subject=f"{home.name}/{name}")
        wake_cluster(cluster, times=1)
    return deployment


def _added(**fields: Any) -> Deployment:
    try:
        with transaction.atomic():
            return Deployment.objects.create(**fields)
    except IntegrityError as error:
        raise FieldErrors(
            {"name": _("This endpoint has a deployment with this name. Choose another name.")}
        ) from error


def _there(endpoint: Endpoint) -> Endpoint:
    """The endpoint, kept from being deleted until the transaction ends."""
    found = Endpoint.objects.select_for_update(no_key=True).filter(pk=endpoint.pk).first()
    if found is None:
        gone = _("The endpoint “%(name)s” was deleted meanwhile. Choose another one.") % {"name": endpoint}
        raise FieldErrors({"endpoint": gone})
    return found


def keep_deployment(deployment: Deployment) -> None:
    """Whoever deletes it waits for this transaction. Raises NotAllowed when it is gone already."""
    # The endpoint first, as everybody does who locks both.
    list(Endpoint.objects.select_for_update(no_key=True).filter(pk=deployment.endpoint_id).values("pk"))
    if not Deployment.objects.select_for_update(no_key=True).filter(pk=deployment.pk).exists():
        gone = _("The deployment “%(name)s” was deleted meanwhile. Choose another one.")
        raise NotAllowed(gone % {"name": deployment})


def _keep_from_going(version: ModelVersion, cluster: Cluster) -> None:
    """Whoever deletes one of them waits for the transaction, and then finds the deployment."""
    if not ModelVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).exists():
        gone = _("The model %(name)s left the registry meanwhile. Choose another one.") % {"name": version}
        raise FieldErrors({"model_version": gone})
    if not Cluster.objects.select_for_update(no_key=True).filter(pk=cluster.pk).exists():
        gone = _("The cluster %(name)s was deleted meanwhile. Choose another one.") % {"name": cluster}
        raise FieldErrors({"cluster": gone})


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


def edit_endpoint(
    *, user: User, endpoint: Endpoint, revision: int, description: str, tags: dict[str, str]
) -> None:
    """Raises ChangedMeanwhile when `revision` is not the present one."""
    check_can_edit_endpoint(user, endpoint)
    values = {"description": description, "tags": tags}
    changed = {name: value for name, value in values.items() if getattr(endpoint, name) != value}
    with transaction.atomic():
        same = Endpoint.objects.filter(pk=endpoint.pk, revision=revision)
        if not same.update(revision=F("revision") + 1, updated_at=Now(), **values):
            raise changed_meanwhile(endpoint, action="endpoint.edit", subject=endpoint.name)
        events.record(
            actor=user,
            action="endpoint.edit",
            subject=endpoint.name,
            before={name: getattr(endpoint, name) for name in changed},
            after=changed,
        )


def changed_meanwhile(row: Any, *, action: str, subject: str) -> StudioError:
    """Who has edited `row` last; where it is gone, that it is."""
    if not type(row).objects.filter(pk=row.pk).exists():
        return NotFound(_("“%(name)s” was deleted meanwhile.") % {"name": row})
    last = Event.objects.filter(action=action, subject=subject).order_by("-pk").first()
    who = last.actor.get_username() if last and last.actor else _("Somebody else")
    return ChangedMeanwhile(_("%(who)s changed %(name)s meanwhile.") % {"who": who, "name": row})


def delete_endpoint(*, user: User, endpoint: Endpoint) -> None:
    """Its deployments go with it; its jobs stay and keep its name."""
    with transaction.atomic():
        # In this order everywhere; whoever submits a job holds the deployment.
        endpoint = held(endpoint)
        deployments = list(Deployment.objects.select_for_update().filter(endpoint=endpoint).order_by("pk"))
        check_can_delete_endpoint(user, endpoint)
        events.record(
            actor=user,
            action="endpoint.delete",
            subject=endpoint.name,
            deployments=[one.name for one in deployments],
        )
        endpoint.delete()


def held(row: Any) -> Any:
    """The row as it is now, locked. Raises NotFound when it is gone."""
    found = type(row).objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise NotFound(_("“%(name)s” has been deleted already.") % {"name": row})
    return found


def set_default(*, user: User, deployment: Deployment) -> None:
    check_can_set_default(user, deployment)
    with transaction.atomic():
        before = held(deployment.endpoint).default_deployment
        held(deployment)
        Endpoint.objects.filter(pk=deployment.endpoint_id).update(
            default_deployment=deployment, updated_at=Now()
        )
        events.record(
            actor=user,
            action="endpoint.set_default",
            subject=deployment.endpoint.name,
            before={"deployment": before.name if before else ""},
            after={"deployment": deployment.name},
        )


def retry_deployment(*, user: User, deployment: Deployment, instead: Mapping[str, str] | None = None) -> None:
    """Build and try a failed deployment once more, with the requirements replaced that the person has agreed to.

    Raises NotAllowed when `instead` is not what it proposes, MoveRefused when somebody else was first.
    """
    check_can_retry_deployment(user, deployment)
    changed: dict[str, Any] = {}
    if instead:
        if instead != deployment.instead:
            raise NotAllowed(_("Other packages are proposed by now. Look at them again."))
        spec = EnvironmentSpec.from_dict(deployment.environment)
        agreed = spec.with_instead(instead, agreed_by=user.get_username())
        changed = {"environment": agreed.to_dict(), "has_own_environment": True}
    with transaction.atomic():
        deployment.move_to(
            Deployment.Status.CREATING,
            error="",
            instead={},
            traceback="",
            log="",
            notes=[],
            attempts=0,
            finished_at=None,
            **changed,
            **Deployment.RELEASED,
        )
        events.record(
            actor=user,
            action="deployment.retry",
            subject=f"{deployment.endpoint.name}/{deployment.name}",
            **({"instead": instead} if instead else {}),
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


def deployment_succeeded(
    *,
    deployment: Deployment,
    notes: list[str],
    is_divisible: bool | None = None,
    offers_probabilities: bool | None = None,
) -> None:
    """The first that succeeds, and one that was meant to, becomes the default of its endpoint."""
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().filter(pk=deployment.endpoint_id).first()
        if endpoint is None:
            raise MoveRefused(_("“%(name)s” was deleted meanwhile.") % {"name": deployment})
        deployment.move_to(
            Deployment.Status.SUCCEEDED,
            held=deployment.lease,
            notes=notes,
            is_divisible=is_divisible,
            offers_probabilities=offers_probabilities,
            finished_at=Now(),
            **Deployment.RELEASED,
        )
        if deployment.wants_default or endpoint.default_deployment_id is None:
            Endpoint.objects.filter(pk=endpoint.pk).update(default_deployment=deployment, updated_at=Now())
        events.record(actor=None, action="deployment.succeeded", subject=f"{endpoint.name}/{deployment.name}")


def deployment_failed(
    *, deployment: Deployment, error: str, traceback: str = "", instead: Mapping[str, str] | None = None
) -> None:
    """`instead` has the requirements that would have to change, and to what."""
    with transaction.atomic():
        deployment.move_to(
            Deployment.Status.FAILED,
            held=deployment.lease,
            error=error,
            traceback=traceback,
            instead=dict(instead or {}),
            finished_at=Now(),
            **Deployment.RELEASED,
        )
        events.record(
            actor=None,
            action="deployment.failed",
            subject=f"{deployment.endpoint.name}/{deployment.name}",
            error=error,
        )
