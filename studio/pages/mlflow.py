"""`/mlflow/`: MLflow's API for notebooks and programs elsewhere. The embedded server has no sign-in and listens on the
loopback interface alone; here a token or a signed-in person stands before it. Its pages are not passed on: they would
run as the studio's own."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from studio import registry
from studio.actions.mlflow_calls import CallRefused, call_of, check_call, note_call, note_file, only_looks
from studio.errors import NotAllowed, Unavailable
from studio.pages.bearer import takes_tokens
from studio.pages.render import attach
from studio.roles import check_may_manage

MOST = 16 << 20  # bytes of a call; files may be as large as a model
PIECE = 1 << 16
ASKED = ("Accept", "Content-Type", "Range", "If-None-Match")
ANSWERED = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
CODES = {400: "INVALID_PARAMETER_VALUE", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
CODES |= {404: "ENDPOINT_NOT_FOUND", 413: "INVALID_PARAMETER_VALUE", 503: "TEMPORARILY_UNAVAILABLE"}


@login_not_required  # programs are told so by a status, not by a page
@csrf_exempt  # which `_door` asks for where a browser's session signs in
@takes_tokens
@require_http_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def mlflow(request: HttpRequest, path: str = "") -> HttpResponseBase:
    call = call_of(path)
    if shut := _door(request, path, call):
        return shut
    assert call is not None
    method = request.method or ""
    try:
        if not only_looks(method, call):
            check_may_manage(request.user)
        if call == "":
            answer = _pass_on(request, path, _body(request))
            if not only_looks(method, call) and answer.status_code < 300:
                note_file(user=request.user, method=method, path=path)
            return answer
        raw = request.read(MOST + 1)
        if len(raw) > MOST:
            return _said(413, _("A call of MLflow’s API has at most %(most)s MB.") % {"most": MOST >> 20})
        sent = _read(method, call, raw)
        answer = _pass_on(request, path, raw if sent is None else json.dumps(sent).encode())
        if sent is not None and answer.status_code < 300:
            note_call(user=request.user, method=method, call=call, sent=sent)
        return answer
    except (NotAllowed, CallRefused, Unavailable) as problem:
        statuses = ((NotAllowed, 403), (Unavailable, 503), (CallRefused, 400))
        return _said(next(status for kind, status in statuses if isinstance(problem, kind)), str(problem))


def _door(request: HttpRequest, path: str, call: str | None) -> HttpResponseBase | None:
    """An answer for who may not come in, or asks for what is not there."""
    if not request.user.is_authenticated:
        return _said(401, _("Show an API token: set MLFLOW_TRACKING_TOKEN to one of your profile."))
    if not path and request.method in ("GET", "HEAD"):
        return redirect("help:topic", topic="notebook")
    by_token = hasattr(request.user, "api_token")
    unproven = None if by_token else CsrfViewMiddleware(_never).process_view(request, _never, (), {})
    if unproven:
        return unproven
    if not settings.MLFLOW_IS_EMBEDDED:
        said = _("This studio uses the MLflow at %(address)s. Set MLFLOW_TRACKING_URI to that.")
        return _said(404, said % {"address": settings.MLFLOW_ADDRESS})
    if call is None:
        return _said(404, _("The studio passes on what logs, registers and fetches models, and this is not."))
    return None


def _never(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _read(method: str, call: str, raw: bytes) -> Any:
    """What a changing call sends; None where it only looks. Sent on as it was read, so that both read the same."""
    if only_looks(method, call):
        return None
    try:
        sent = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise CallRefused(_("MLflow’s API takes a JSON object.")) from error
    check_call(call=call, sent=sent)
    return sent


def _body(request: HttpRequest) -> Any:
    """A file on its way, never whole in memory."""
    if request.method not in ("PUT", "POST"):
        return None
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    if not chunked:
        return Sized(request, int(request.headers.get("Content-Length") or 0))
    return _until_empty(request.META["wsgi.input"])


class Sized:
    """Has a length, which requests then tells MLflow. One that ends before it raises UnreadablePostError: MLflow would
    wait for the rest."""

    def __init__(self, stream: Any, length: int) -> None:
        self.stream = stream
        self.len = self.left = length

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self.stream.read(PIECE if size < 0 else size)
        self.left -= len(piece)
        if self.left > 0 and not piece:
            raise UnreadablePostError("the upload was cut off")
        return piece


def _until_empty(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


def _pass_on(request: HttpRequest, path: str, body: Any) -> HttpResponseBase:
    """Of headers only what is named goes there and comes back: no cookie, no token, nothing of one connection."""
    headers = {name: request.headers[name] for name in ASKED if name in request.headers}
    answer = registry.pass_on(
        method=request.method or "",
        path=path,
        query=request.META.get("QUERY_STRING", ""),
        headers={**headers, "Accept-Encoding": "identity"},
        body=body,
    )
    response = StreamingHttpResponse(registry.pieces(answer), status=answer.status_code)
    response._resource_closers.append(answer.close)  # type: ignore[attr-defined]  # also where nobody reads it
    del response.headers["Content-Type"]
    for name in ANSWERED:
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    if response.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        attach(response, path.rstrip("/").rpartition("/")[2])
    return _harmless(response)


def _harmless(response: HttpResponseBase) -> HttpResponseBase:
    """Whatever it is, no browser runs it as a part of the studio."""
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _said(status: int, message: str) -> HttpResponseBase:
    """As MLflow's client reads refusals."""
    code = CODES.get(status, HTTPStatus(status).name)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return _harmless(JsonResponse({"error_code": code, "message": message}, status=status, headers=headers))
