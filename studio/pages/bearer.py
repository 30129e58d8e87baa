"""Requests that show an API token (`Authorization: Bearer sst_…`) in place of a session."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from studio.actions.events import come_with_token
from studio.actions.tokens import TokenRefused, authenticate_token
from studio.models import ApiToken


def takes_tokens(view: Any) -> Any:
    """Opens an address to tokens too; it needs none of CSRF, so it is for views that only read. The REST addresses have
    their own door, which calls `sign_in_by_token` as well."""
    view.takes_tokens = True
    return view


def shown_token(request: HttpRequest) -> str:
    scheme, _space, raw = request.headers.get("Authorization", "").partition(" ")
    return raw.strip() if scheme.lower() == "bearer" else ""


def sign_in_by_token(request: HttpRequest, raw: str) -> ApiToken:
    """From here on the request is its owner's, within the token's scope. Raises TokenRefused."""
    token = authenticate_token(raw, now=timezone.now())
    token.owner.api_token = token  # type: ignore[attr-defined]  # studio.roles asks for it
    request.user = token.owner
    come_with_token(str(token))
    return token


class BearerTokenMiddleware:
    """Stands before LoginRequiredMiddleware, which then finds somebody signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> JsonResponse | None:
        raw = shown_token(request)
        if not raw or not getattr(view, "takes_tokens", False):
            return None
        try:
            sign_in_by_token(request, raw)
        except TokenRefused as refusal:
            error = {"error": {"code": "Unauthorized", "message": str(refusal)}}
            return JsonResponse(error, status=401, headers={"WWW-Authenticate": "Bearer"})
        return None
