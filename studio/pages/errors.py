import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def broken(request: HttpRequest) -> HttpResponse:
    """The page of a bug. It needs no person and no database; its reference is found in the log."""
    reference = secrets.token_hex(4)
    logger.exception("Bug %s at %s %s", reference, request.method, request.path)
    return HttpResponse(render_to_string("500.html", {"reference": reference}), status=500)
