"""Refusals and bugs as `{"error": {"code", "message"}}`, whatever it was that refused."""

import math
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    UnreadablePostError,
)
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from studio.actions.jobs import KeyReused
from studio.actions.tokens import TokenRefused, TooManyRequests
from studio.api.wire import Wire, too_large
from studio.errors import (
    ChangedMeanwhile,
    NotAllowed,
    NotFound,
    RoleForbids,
    StudioError,
    Unavailable,
)
from studio.models.states import MoveRefused
from studio.pages.errors import note_bug
from studio.stores import AlreadyThere

CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "ContentTooLarge",
    415: "UnsupportedMediaType",
    416: "RangeNotSatisfiable",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
# The first that fits: those of a role before those of a state.
STATUSES: tuple[tuple[type[StudioError], int], ...] = (
    (TokenRefused, 401),
    (TooManyRequests, 429),
    (RoleForbids, 403),
    (NotFound, 404),
    (NotAllowed, 409),
    (MoveRefused, 409),
    (ChangedMeanwhile, 409),
    (AlreadyThere, 409),
    (KeyReused, 409),
    (Unavailable, 503),
    (StudioError, 400),
)
MOST_NAMED = 5  # wrong fields that one sentence lists


class ErrorDetail(Wire):
    code: str
    message: str


class Error(Wire):
    error: ErrorDetail


def answer(status: int, message: str, headers: dict[str, str] | None = None) -> JsonResponse:
    error = {"error": {"code": CODES.get(status, "Error"), "message": message}}
    return JsonResponse(error, status=status, headers=headers)


def handle_errors(api: NinjaAPI) -> None:
    api.add_exception_handler(StudioError, _refused)
    api.add_exception_handler(AuthenticationError, _unauthorized)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(Http404, lambda request, error: answer(404, _nothing_here()))
    api.add_exception_handler(RequestDataTooBig, lambda request, error: answer(413, too_large()))
    api.add_exception_handler(TooManyFilesSent, lambda request, error: answer(413, _too_many_files()))
    for unreadable in (SuspiciousOperation, UnreadablePostError, MultiPartParserError):
        api.add_exception_handler(unreadable, lambda request, error: answer(400, _unreadable()))
    api.add_exception_handler(Exception, _bug)


def in_words(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """A refusal that came from before or beside the operations, such as 405, in the same shape."""
    status = response.status_code
    if status < 400 or response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    sentence = {
        404: _nothing_here(),
        405: _("This address does not take %(method)s. It takes %(allowed)s.")
        % {"method": request.method, "allowed": response.headers.get("Allow", "")},
        416: _("The file ends before the part that Range asks for. Content-Range says how long it is."),
        500: _("The studio met a bug of its own, which its log tells more of. Report it if it recurs."),
    }.get(status, _unreadable())
    said = answer(status, sentence)
    for name, value in response.headers.items():
        said.headers.setdefault(name, value)
    said.headers["Content-Length"] = str(len(said.content))
    return said


def _refused(request: HttpRequest, error: Any) -> HttpResponse:
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(math.ceil(error.seconds))
    return answer(status, str(error), headers)


def _unauthorized(request: HttpRequest, _error: Any) -> HttpResponse:
    sentence = _(
        "Show an API token, with the header Authorization: Bearer sst_…. Create one in your profile, under API tokens."
    )
    return answer(401, sentence, {"WWW-Authenticate": "Bearer"})


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    own = error.__cause__ if isinstance(error.__cause__, HttpError) else error  # of wire.JsonParser
    return answer(own.status_code, own.message)


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    """Names the fields as the body has them."""
    found = [f"{_place(one['loc'])}: {one['msg']}." for one in error.errors[:MOST_NAMED]]
    return answer(400, " ".join([_("The request is not as /api/docs says."), *found]))


def _place(location: tuple[Any, ...]) -> str:
    """`("body", "asked", "properties", "miniBatchSize")` begins with where it stands and the argument's name."""
    inner = location[2:] if location[0] == "body" else location[1:]
    return ".".join(map(str, inner)) or str(location[0])


def _bug(request: HttpRequest, _error: Any) -> HttpResponse:
    reference = note_bug(request)
    sentence = _(
        "The studio met a bug of its own. Report it with the reference %(reference)s, which its log has."
    )
    return answer(500, sentence % {"reference": reference})


def _nothing_here() -> str:
    return _("There is nothing at this address. /api/docs lists those that are there.")


def _unreadable() -> str:
    return _("The request cannot be read. /api/docs says how to ask.")


def _too_many_files() -> str:
    return _(
        "A form takes at most %(most)s files. Zip them, and send the zip; for data with unpack=true."
    ) % {"most": settings.DATA_UPLOAD_MAX_NUMBER_FILES}
