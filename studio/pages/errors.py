import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache

logger = logging.getLogger(__name__)


def note_bug(request: HttpRequest) -> str:
    """Where the exception is being handled; gives the reference by which it is found in the log."""
    reference = secrets.token_hex(4)
    logger.exception("Bug %s at %s %s", reference, request.method, request.path)
    return reference


def broken(request: HttpRequest) -> HttpResponse:
    """The page of a bug. It needs no person and no database."""
    return HttpResponse(render_to_string("500.html", {"reference": note_bug(request)}), status=500)


@never_cache
def expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is not the one of this browser, as after signing in again in another tab."""
    context = {"answers": kept_answers(request), "action": request.get_full_path()}
    return render(request, "403_csrf.html", context, status=403)


def kept_answers(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed, to be sent once more; nothing where another site may have sent it, and no secrets or files."""
    came_from_here = request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
    if not came_from_here or not request.user.is_authenticated or request.FILES:
        return []
    answers = [
        (name, str(value))
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken"
    ]
    return [] if any("password" in name for name, _value in answers) else answers
