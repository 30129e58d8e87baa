from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part: boosted links and restored history need the whole page."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return False
    return not htmx.boosted and not htmx.history_restore_request


def attach(response: HttpResponseBase, name: str) -> None:
    """Makes a browser store the answer under this name, never draw it."""
    plain = "".join(letter for letter in name if letter.isprintable())
    response.headers["Content-Disposition"] = str(content_disposition_header(True, plain))


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, or only its partial `fragment` when htmx asks for it; `is_fragment` tells templates which."""
    is_fragment = fragment is not None and wants_fragment(request)
    name = f"{template}#{fragment}" if is_fragment else template
    response = render(request, name, {**(context or {}), "is_fragment": is_fragment}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
