"""Whose token it is, and how the studio looks to them."""

from datetime import datetime
from typing import Any, Literal

from django.forms import model_to_dict
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from studio.actions.account import choose_preferences
from studio.api.people import RoleName
from studio.api.values import LEFT_OUT, checked, examples
from studio.api.wire import Asked, Wire
from studio.forms.account import PreferencesForm
from studio.models import Profile, Role
from studio.roles import check_can_change_own

router = Router(by_alias=True)
Theme = Literal["auto", "light", "dark"]
Notices = Literal["all", "failures", "off"]


class Preferences(Wire):
    theme: Theme
    language: str = Field(description="That times are written in; empty: as the browser has it.")
    time_zone: str = Field(description="Such as Europe/Berlin; empty: as the browser has it.")
    notices: Notices = Field(description="Which ends of their jobs the bell tells.")
    tells_browser: bool = Field(description="The browser notifies of them too.")


class ProfileItem(Preferences):
    username: str
    first_name: str = Field(alias="name")
    email: str
    role: RoleName
    date_joined: datetime = Field(alias="since")
    last_login: datetime | None = Field(alias="lastSignIn")


class EditedPreferences(Asked):
    model_config = examples({"timeZone": "Europe/Berlin", "notices": "failures"})
    theme: Theme = LEFT_OUT
    language: str = LEFT_OUT
    time_zone: str = LEFT_OUT
    notices: Notices = LEFT_OUT
    tells_browser: bool = LEFT_OUT


def item(person: Any) -> dict[str, Any]:
    fields = ("username", "first_name", "email", "date_joined", "last_login")
    return {name: getattr(person, name) for name in fields} | _chosen(person) | {"role": Role.of(person)}


def _chosen(person: Any) -> dict[str, Any]:
    return model_to_dict(Profile.objects.of(person) or Profile(), fields=list(PreferencesForm.base_fields))


@router.get("", response=ProfileItem, summary="Your profile")
def detail(request: HttpRequest) -> dict[str, Any]:
    """Of whom the token belongs to."""
    return item(request.user)


@router.patch("", response=ProfileItem, summary="Change your preferences")
def edit(request: HttpRequest, asked: EditedPreferences) -> dict[str, Any]:
    """What is left out stays as it is. The token needs the scope manage; it changes no name, no role, no password."""
    check_can_change_own(request.user)
    form = PreferencesForm({**_chosen(request.user), **asked.model_dump(exclude_unset=True)})
    choose_preferences(user=request.user, **checked(form))  # type: ignore[arg-type]
    return item(request.user)
