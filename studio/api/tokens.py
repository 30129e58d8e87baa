"""A person's own API tokens."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import Field

from studio.actions.tokens import create_token, revoke_token
from studio.api.paging import Page, Paging, page_of
from studio.api.values import checked, examples
from studio.api.wire import Asked, Wire
from studio.finding import find_token
from studio.forms.tokens import TokenForm
from studio.models import ApiToken, Role

router = Router(by_alias=True)
Scope = Literal["read", "run", "manage"]
Days = Literal[7, 30, 90, 365]


class TokenItem(Wire):
    pk: int = Field(alias="id")
    name: str
    scope: Scope
    ending: str = Field(description="Its last characters.")
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class MadeToken(TokenItem):
    token: str = Field(description="What a program shows. It is told this once.")


class NewToken(Asked):
    model_config = examples({"name": "nightly pipeline", "scope": "run", "days": 90})
    name: str
    scope: Scope = "read"
    days: Days = Field(90, description="That it can be used.")


@router.get("", response=Page[TokenItem], summary="List your tokens")
def index(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Those that can be used first."""
    return page_of(request, ApiToken.objects.visible_to(request.user).usable_first(), paging)


@router.post("", response={201: MadeToken}, summary="Create a token")
def new(request: HttpRequest, asked: NewToken) -> Status:
    """The token that is shown needs the scope manage."""
    form = TokenForm(asked.model_dump(), role=Role.of(request.user))
    answers = checked(form)
    expires_at = timezone.now() + form.lifetime
    made, raw = create_token(
        user=request.user,  # type: ignore[arg-type]
        name=answers["name"],
        scope=answers["scope"],
        expires_at=expires_at,
    )
    return Status(201, {**TokenItem.model_validate(made).model_dump(), "token": raw})


@router.get("/{int:number}", response=TokenItem, summary="One of your tokens")
def detail(request: HttpRequest, number: int) -> ApiToken:
    return find_token(request.user, number)


@router.delete("/{int:number}", response={204: None}, summary="Revoke a token")
def revoke(request: HttpRequest, number: int) -> Status:
    """At once and for good. The token that is shown needs the scope manage."""
    revoke_token(user=request.user, token=find_token(request.user, number))  # type: ignore[arg-type]
    return Status(204, None)
