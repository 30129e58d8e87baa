"""Endpoints, as Azure's management API has them. `invoke` has their jobs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Router, Status
from pydantic import Field

from studio.actions.endpoints import create_endpoint, delete_endpoint, edit_endpoint, set_default
from studio.api.paging import Page, Paging, page_of
from studio.api.values import LEFT_OUT, NAMED, Named, Revision, Tags, checked, checked_part, examples
from studio.api.wire import Asked, Wire
from studio.errors import StudioError
from studio.finding import find_deployment, find_endpoint
from studio.forms.deployments import NewEndpointForm
from studio.forms.endpoints import EndpointForm
from studio.models import Endpoint
from studio.pages.whole_address import address
from studio.permissions import check_can_set_default
from studio.roles import check_may_manage

router = Router(by_alias=True)
TYPE = "batch_endpoint"
State = Literal["Creating", "Succeeded", "Failed"]


class Authorship(Wire):
    created_at: datetime
    created_by: Named
    last_modified_at: datetime | None


class Defaults(Asked):
    deployment_name: str


class EndpointProperties(Wire):
    description: str
    provisioning_state: State
    scoring_uri: str = Field(description="The REST endpoint: what is posted there invokes the endpoint.")
    defaults: Defaults | None = Field(description="The deployment that a job uses unless told otherwise.")
    auth_mode: Literal["aadToken"] = Field(
        "aadToken", description="Azure’s word. An API token of the studio is meant."
    )
    revision: int


class EndpointItem(Wire):
    id: str
    name: str
    type: Literal["batch_endpoint"]
    tags: Tags
    properties: EndpointProperties
    system_data: Authorship


class WantedEndpoint(Asked):
    description: str = LEFT_OUT
    defaults: Defaults = LEFT_OUT
    revision: Revision = LEFT_OUT
    auth_mode: Annotated[str, Field(description="Taken, and not kept.")] = "aadToken"


class EndpointBody(Asked):
    model_config = examples(
        {"properties": {"description": "Scores visits every night."}, "tags": NAMED},
        {"properties": {"defaults": {"deploymentName": "second"}}},
    )
    properties: WantedEndpoint = WantedEndpoint()
    tags: Tags = LEFT_OUT
    location: str = Field("", description="Taken, and not kept.")


class EndpointFilter(Wire):
    created_by: str = Field("", description="Username.", examples=["admin"])
    search: str = Field("", description="A part of the name or the description.", examples=["cancer"])


def item(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    default = endpoint.default_deployment
    return {
        "id": reverse("api:endpoints_detail", args=[endpoint.name]),
        "name": endpoint.name,
        "type": TYPE,
        "tags": endpoint.tags,
        "properties": {
            "description": endpoint.description,
            "provisioning_state": endpoint.provisioning_status,
            "scoring_uri": address(request, reverse("api:invoke_invoke", args=[endpoint.name])),
            "defaults": {"deployment_name": default.name} if default else None,
            "revision": endpoint.revision,
        },
        "system_data": {
            "created_at": endpoint.created_at,
            "created_by": endpoint.created_by,
            "last_modified_at": endpoint.updated_at,
        },
    }


@router.get("", response=Page[EndpointItem], summary="List endpoints")
def index(request: HttpRequest, wanted: Query[EndpointFilter], paging: Query[Paging]) -> dict[str, Any]:
    """The newest first."""
    rows = Endpoint.objects.visible_to(request.user).matching(wanted.search)
    rows = rows.created_by_person(wanted.created_by).for_list().with_states().newest_first()
    page = page_of(request, rows, paging)
    return {**page, "value": [item(request, endpoint) for endpoint in page["value"]]}


@router.get("/{name}", response=EndpointItem, summary="One endpoint")
def detail(request: HttpRequest, name: str) -> dict[str, Any]:
    return item(request, find_endpoint(request.user, name))


@router.put("/{name}", response={200: EndpointItem, 201: EndpointItem}, summary="Create or edit an endpoint")
def save(request: HttpRequest, name: str, asked: EndpointBody) -> Status:
    """What is left out stays as it is; tags are replaced as a whole. `properties.defaults` chooses the deployment that
    a job uses unless told otherwise."""
    check_may_manage(request.user)
    given = asked.model_dump(include={"tags"}, exclude_unset=True)
    given |= asked.properties.model_dump(include={"description"}, exclude_unset=True)
    if not Endpoint.objects.visible_to(request.user).filter(name=name.lower()).exists():
        status, name = 201, _create(request, name, given, asked.properties)
    else:
        status = 200
        _edit(request, find_endpoint(request.user, name.lower()), given, asked.properties)
    return Status(status, item(request, find_endpoint(request.user, name.lower())))


def _create(request: HttpRequest, name: str, given: dict[str, Any], wanted: WantedEndpoint) -> str:
    answers = checked(NewEndpointForm({**given, "name": name}))
    if wanted.defaults:
        raise StudioError(_("A new endpoint has no deployment yet. Leave properties.defaults out."))
    made = create_endpoint(user=request.user, **answers)  # type: ignore[arg-type]
    return made.name


def _edit(request: HttpRequest, endpoint: Endpoint, given: dict[str, Any], wanted: WantedEndpoint) -> None:
    user: Any = request.user
    chosen = None
    if wanted.defaults:
        chosen = find_deployment(user, endpoint.name, wanted.defaults.deployment_name)
        check_can_set_default(user, chosen)
    if given or "revision" in wanted.model_fields_set:
        revision = wanted.revision or endpoint.revision
        changed = {**EndpointForm.stored(endpoint), **checked_part(EndpointForm(given), given)}
        edit_endpoint(user=user, endpoint=endpoint, revision=revision, **changed)
    if chosen and chosen.pk != endpoint.default_deployment_id:
        set_default(user=user, deployment=chosen)


@router.delete("/{name}", response={204: None}, summary="Delete an endpoint")
def delete(request: HttpRequest, name: str) -> Status:
    """With its deployments. Its jobs stay."""
    check_may_manage(request.user)
    delete_endpoint(user=request.user, endpoint=find_endpoint(request.user, name))  # type: ignore[arg-type]
    return Status(204, None)
