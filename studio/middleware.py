from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import get_language

from studio.actions.events import Origin, coming_from
from studio.api.errors import in_words
from studio.errors import NotAllowed, NotFound, StudioError, Unavailable
from studio.models import Event, Profile
from studio.pages.origin import address_of
from studio.pages.referrer import came_from, own_address
from studio.pages.uploads import check_form

GetResponse = Callable[[HttpRequest], HttpResponseBase]
STATUSES: tuple[tuple[type[StudioError], int], ...] = ((NotFound, 404), (NotAllowed, 403), (Unavailable, 503))


class SecurityHeadersMiddleware:
    """What Django's SecurityMiddleware and the CSP leave open."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class ApiMiddleware:
    """Whatever refuses a request of the API, it says so as the API does; and no cache keeps what a token opened."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path_info.startswith("/api/"):
            return response
        response = in_words(request, response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class HeadMiddleware:
    """What HEAD asks for ends with its headers; no file is read that nobody is sent."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()
        return response


class OriginMiddleware:
    """Events say which address an act came from, and through which door."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with coming_from(Origin(through=Event.Through.PAGE, ip=address_of(request))):
            return self.get_response(request)


class PreferencesMiddleware:
    """Times stand in the zone, and all in the language, that the person has chosen. Without a choice it is the browser
    that decides: it puts times into its own zone, and LocaleMiddleware has asked it for a language."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        profile: Profile | None = getattr(request.user, "profile", None)
        request.profile = profile  # type: ignore[attr-defined]
        language = profile.language if profile else ""
        if language not in dict(settings.LANGUAGES):
            language = get_language() or settings.LANGUAGE_CODE
        zone = known_zone(profile.time_zone if profile else "")
        with timezone.override(zone), translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


def known_zone(name: str) -> ZoneInfo | None:
    """None where there is no choice, or where this machine no longer knows the zone."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


class NoNullBytesMiddleware:
    """PostgreSQL's text holds no NUL, and no address of ours has one; forms refuse them field by field."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponse(status=400)
        return self.get_response(request)


class LoginRequiredMiddleware(DjangoLoginRequiredMiddleware):
    """After signing in again the person lands on the page they saw, not on the fragment it asked for."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        htmx = getattr(request, "htmx", None)
        if not htmx and request.method == "POST":  # its address may be no page
            return redirect_to_login(came_from(request) or "/", self.get_login_url(view_func))
        if not htmx:
            response: HttpResponseRedirect = super().handle_no_permission(request, view_func)
            return response
        return redirect_to_login(htmx.current_url_abs_path or "/", self.get_login_url(view_func))


class LargeFormMiddleware:
    """Stands before CsrfViewMiddleware, which reads a form with all its files before any view is asked. The API has a
    door of its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        if request.path_info.startswith("/api/"):
            return None
        try:
            check_form(request)
        except StudioError as refusal:
            return refused(request, refusal)
        return None


class StudioErrorMiddleware:
    """A refusal that no page caught is shown as it is: as a toast where there is a page, else as a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return refused(request, exception) if isinstance(exception, StudioError) else None


def refused(request: HttpRequest, exception: StudioError) -> HttpResponseBase:
    htmx = getattr(request, "htmx", None)
    if isinstance(exception, NotFound) and asks_for_its_own_page(request):
        return HttpResponse(status=404)
    if htmx:
        messages.error(request, str(exception))
        page = own_address(htmx.current_url_abs_path or "")
        if request.method == "POST" and htmx.target == "dialog" and page:  # it covers the toasts
            return HttpResponse(headers={"HX-Redirect": page})
        return HttpResponse(status=422, headers={"HX-Reswap": "none"})
    back = came_from(request)
    if request.method == "POST" and back:
        messages.error(request, str(exception))
        return HttpResponseRedirect(back)
    status = next((code for kind, code in STATUSES if isinstance(exception, kind)), 400)
    return render(request, "error.html", {"reason": str(exception), "status": status}, status=status)


def asks_for_its_own_page(request: HttpRequest) -> bool:
    """Whether a page asks for a part of itself, as polls do."""
    htmx = getattr(request, "htmx", None)
    page = (htmx.current_url_abs_path or "") if htmx else ""
    return request.method == "GET" and urlsplit(page).path == request.path


class HtmxResponseMiddleware:
    """Redirects and messages in the form htmx understands. Changes the response in place and stands last:
    a new response would lose the cookie that carries the messages across a redirect."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not getattr(request, "htmx", None):
            return response
        if response.status_code == 404 and asks_for_its_own_page(request):
            # What the page shows was deleted meanwhile. Loaded anew it says so, and asks no more.
            response.headers["HX-Refresh"] = "true"
            response.status_code = 200
        if 300 <= response.status_code < 400 and "Location" in response.headers:
            response.headers["HX-Redirect"] = response.headers["Location"]
            del response.headers["Location"]
            response.status_code = 200
        elif isinstance(response, HttpResponse) and not response.headers.keys() & {
            "HX-Redirect",
            "HX-Refresh",
        }:
            append_toasts(request, response)
        return response


def append_toasts(request: HttpRequest, response: HttpResponse) -> None:
    storage = messages.get_messages(request)
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    if getattr(storage, "used", False) or not is_html or not len(storage):
        return  # a whole page has shown them already, or there are none
    toasts = render_to_string("ui/toasts.html", {"messages": storage, "oob": True}, request)
    if response.status_code == 204:  # htmx reads no body with 204
        response.status_code = 200
        response.headers["HX-Reswap"] = "none"
    response.write(toasts)
