"""Who may sign in, and as what; for Administrators."""

from datetime import datetime
from typing import Any, Literal

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import Field

from studio.actions import people as actions
from studio.api.paging import Page, Paging, page_of
from studio.api.values import checked, examples
from studio.api.wire import Asked, Wire
from studio.finding import find_person
from studio.forms.people import InviteForm, RoleForm
from studio.models import Role
from studio.models.people import people_matching
from studio.pages.people import one_time_link
from studio.roles import check_may_administer

router = Router(by_alias=True)
RoleName = Literal["Reader", "Data scientist", "Administrator"]


class PersonFilter(Wire):
    search: str = Field("", description="A part of the username, the name or the e-mail.", examples=["ada"])
    role: RoleName | None = None
    state: Literal["active", "inactive"] | None = None


class PersonItem(Wire):
    username: str
    first_name: str = Field(alias="name")
    email: str
    role: RoleName
    is_active: bool = Field(alias="active")
    last_login: datetime | None = Field(alias="lastSignIn")
    date_joined: datetime = Field(alias="since")


class Linked(Wire):
    link: str = Field(
        description="Where the person chooses a password. It works once, for some days, and is told once."
    )


class Invited(PersonItem, Linked):
    pass


class Invitation(Asked):
    model_config = examples(
        {"username": "ada", "name": "Ada L.", "email": "ada@example.com", "role": "Data scientist"}
    )
    username: str
    name: str = ""
    email: str = ""
    role: RoleName = "Reader"


class NewRole(Asked):
    model_config = examples({"role": "Reader"})
    role: RoleName


def item(person: User) -> dict[str, Any]:
    fields = ("username", "first_name", "email", "is_active", "last_login", "date_joined")
    return {name: getattr(person, name) for name in fields} | {"role": Role.of(person)}


@router.get("", response=Page[PersonItem], summary="List people")
def index(request: HttpRequest, wanted: Query[PersonFilter], paging: Query[Paging]) -> dict[str, Any]:
    check_may_administer(request.user)
    rows = people_matching(words=wanted.search, role=wanted.role or "", state=wanted.state or "")
    page = page_of(request, rows.prefetch_related("groups").order_by("username"), paging)
    return {**page, "value": [item(person) for person in page["value"]]}


@router.post("", response={201: Invited}, summary="Invite a person")
def invite(request: HttpRequest, asked: Invitation) -> Status:
    check_may_administer(request.user)
    answers = checked(InviteForm(asked.model_dump()))
    person = actions.invite_person(user=request.user, **answers)  # type: ignore[arg-type]
    return Status(201, {**item(person), "link": one_time_link(request, person)})


@router.get("/{username}", response=PersonItem, summary="One person")
def detail(request: HttpRequest, username: str) -> dict[str, Any]:
    check_may_administer(request.user)
    return item(find_person(username=username))


@router.put("/{username}/role", response=PersonItem, summary="Give a person another role")
def change_role(request: HttpRequest, username: str, asked: NewRole) -> dict[str, Any]:
    check_may_administer(request.user)
    person = find_person(username=username)
    role = checked(RoleForm(asked.model_dump()))["role"]
    actions.change_role(user=request.user, person=person, role=role)  # type: ignore[arg-type]
    return item(find_person(username=username))


@router.post("/{username}/link", response={201: Linked}, summary="Make a person a new link")
def renew_link(request: HttpRequest, username: str) -> Status:
    """Ends the password, the sessions and the links that there were."""
    check_may_administer(request.user)
    person = find_person(username=username)
    actions.renew_link(user=request.user, person=person)  # type: ignore[arg-type]
    return Status(201, {"link": one_time_link(request, person)})


@router.post("/{username}/deactivate", response=PersonItem, summary="Deactivate an account")
def deactivate(request: HttpRequest, username: str) -> dict[str, Any]:
    """Sessions and tokens end at once and for good; what the person made stays."""
    check_may_administer(request.user)
    person = find_person(username=username)
    actions.deactivate_person(user=request.user, person=person)  # type: ignore[arg-type]
    return item(person)


@router.post("/{username}/reactivate", response=PersonItem, summary="Reactivate an account")
def reactivate(request: HttpRequest, username: str) -> dict[str, Any]:
    check_may_administer(request.user)
    person = find_person(username=username)
    actions.reactivate_person(user=request.user, person=person)  # type: ignore[arg-type]
    return item(person)
