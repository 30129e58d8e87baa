"""Deployments of an endpoint."""

import re
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from studio.actions.deployments import delete_deployment, edit_deployment
from studio.actions.endpoints import create_deployment, retry_deployment, settings_of
from studio.actions.environments import own_environment
from studio.api.deployment_envelope import (
    DeploymentBody,
    DeploymentItem,
    Environment,
    Log,
    Retry,
    WantedDeployment,
    answers,
    item,
)
from studio.api.paging import Page, Paging, page_of
from studio.api.values import checked
from studio.errors import NotAllowed, NotFound, StudioError
from studio.finding import find_cluster, find_deployment, find_endpoint, find_model, find_version
from studio.forms.deployment_edit import EditDeploymentForm
from studio.forms.deployments import DeploymentForm
from studio.forms.numbers import whole_number
from studio.models import Deployment, Endpoint, ModelVersion
from studio.roles import Person, check_may_manage

router = Router(by_alias=True)
MODEL_ID = re.compile(r"(?:azureml:/)?/(?:.+/)?models/(?P<name>[^/]+)/(?:versions|labels)/(?P<version>[^/]+)")
MODEL = re.compile(r"(?:azureml:)?(?P<name>[^:@]+)(?P<sign>[:@])(?P<version>[^:@]+)")
CLUSTER = re.compile(r"(?:azureml:|.*/computes/)?(?P<name>[^/:]+)")
AZURES_OWN = {"write_header": False, "max_concurrency": 1}  # where a request leaves them out


@router.get("/{endpoint}/deployments", response=Page[DeploymentItem], summary="List deployments")
def index(request: HttpRequest, endpoint: str, paging: Query[Paging]) -> dict[str, Any]:
    """The default one first, then the newest."""
    deployments = find_endpoint(request.user, endpoint).deployments.all()
    page = page_of(request, list(deployments), paging)
    return {**page, "value": [item(one) for one in page["value"]]}


@router.get("/{endpoint}/deployments/{name}", response=DeploymentItem, summary="One deployment")
def detail(request: HttpRequest, endpoint: str, name: str) -> dict[str, Any]:
    return item(find_deployment(request.user, endpoint, name))


@router.put(
    "/{endpoint}/deployments/{name}",
    response={200: DeploymentItem, 201: DeploymentItem},
    summary="Create or edit a deployment",
)
def save(request: HttpRequest, endpoint: str, name: str, asked: DeploymentBody) -> Status:
    """A new one takes a minute: its environment is built and the model tried; follow `properties.provisioningState`. Of
    one that is there, what is left out stays as it is, and jobs from now on have the new settings."""
    check_may_manage(request.user)
    home, name = find_endpoint(request.user, endpoint), name.lower()
    existing = next((one for one in home.deployments.all() if one.name == name), None)
    if existing is None:
        _create(request, home, name, asked)
    else:
        _edit(request, find_deployment(request.user, endpoint, name), asked)
    return Status(200 if existing else 201, item(find_deployment(request.user, endpoint, name)))


def _create(request: HttpRequest, home: Endpoint, name: str, asked: DeploymentBody) -> None:
    wanted = asked.properties
    if wanted.model is None or wanted.compute is None:
        raise StudioError(_("A new deployment needs properties.model and properties.compute."))
    begun = settings_of(AZURES_OWN).to_dict()
    given = {**begun, **answers(asked), "name": name, "make_default": wanted.make_default}
    cleaned = checked(DeploymentForm(given))
    create_deployment(
        user=request.user,  # type: ignore[arg-type]
        endpoint=home,
        new_endpoint=None,
        **{field: cleaned[field] for field in ("name", "description", "tags", "make_default")},
        model_version=_model_version(request.user, wanted.model.asset_id),
        cluster=find_cluster(request.user, _cluster_name(wanted.compute)),
        settings=settings_of(cleaned),
        environment=_own(wanted.environment) if wanted.environment else None,
    )


def _edit(request: HttpRequest, deployment: Deployment, asked: DeploymentBody) -> None:
    _check_stays(request.user, deployment, asked.properties)
    given = {**EditDeploymentForm.stored(deployment), **answers(asked)}
    revision = asked.properties.revision or deployment.revision
    form = EditDeploymentForm({**given, "revision": revision})
    cleaned = checked(form)
    edit_deployment(
        user=request.user,  # type: ignore[arg-type]
        deployment=deployment,
        revision=revision,
        description=cleaned["description"],
        tags=cleaned["tags"],
        settings=form.settings,
    )


def _check_stays(user: Person, deployment: Deployment, wanted: WantedDeployment) -> None:
    """Naming what it has already is no change, so that a whole body may be sent again."""
    other_model = (
        wanted.model and _model_version(user, wanted.model.asset_id).pk != deployment.model_version_id
    )
    other_cluster = wanted.compute and _cluster_name(wanted.compute) != deployment.cluster.name
    own = _own(wanted.environment) if wanted.environment else None
    known = (deployment.python_version, deployment.packages)
    if other_model or other_cluster or (own and (own.python, [*own.requirements]) != known):
        raise NotAllowed(
            _(
                "Model, compute and environment of a deployment stay. Create another one, and make it the default."
            )
        )


def _own(environment: Environment) -> Any:
    return own_environment(python=environment.python, packages="\n".join(environment.packages))


def _model_version(user: Person, asset_id: str) -> ModelVersion:
    match = MODEL_ID.fullmatch(asset_id) or MODEL.fullmatch(asset_id)
    if match is None:
        raise StudioError(
            _("“%(id)s” names no model. Give azureml:name:version or azureml:name@alias.")
            % {"id": asset_id[:100]}
        )
    model, named = find_model(user, match["name"]), match["version"]
    number = whole_number(named)
    if number is None:
        number = model.aliases.get(named, model.latest_version if named == "latest" else None)  # type: ignore[attr-defined]
    if number is None:
        raise NotFound(
            _("The model “%(name)s” has no version or alias “%(alias)s”.")
            % {"name": model.name, "alias": named[:100]}
        )
    return find_version(model, number)


def _cluster_name(compute: str) -> str:
    match = CLUSTER.fullmatch(compute)
    return match["name"] if match else compute


@router.delete("/{endpoint}/deployments/{name}", response={204: None}, summary="Delete a deployment")
def delete(request: HttpRequest, endpoint: str, name: str) -> Status:
    """Its jobs stay."""
    check_may_manage(request.user)
    deployment = find_deployment(request.user, endpoint, name)
    delete_deployment(user=request.user, deployment=deployment)  # type: ignore[arg-type]
    return Status(204, None)


@router.post(
    "/{endpoint}/deployments/{name}/retry", response={202: DeploymentItem}, summary="Retry a deployment"
)
def retry(request: HttpRequest, endpoint: str, name: str, asked: Retry) -> Status:
    """Of one that has failed: its environment is built and the model tried once more."""
    check_may_manage(request.user)
    deployment = find_deployment(request.user, endpoint, name)
    retry_deployment(user=request.user, deployment=deployment, instead=asked.instead)  # type: ignore[arg-type]
    return Status(202, item(find_deployment(request.user, endpoint, name)))


@router.get("/{endpoint}/deployments/{name}/log", response=Log, summary="Read a deployment’s build log")
def log(request: HttpRequest, endpoint: str, name: str) -> dict[str, Any]:
    """Of its environment and of the model's trial, so far."""
    found = find_deployment(request.user, endpoint, name)
    return {"text": found.log, "traceback": found.traceback}
