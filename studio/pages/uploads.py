"""Files that a browser sends: ahead of the form and in pieces, by js/uploads.js; or with the form itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.urls import reverse
from django.views.decorators.http import require_POST

from studio.actions.uploads import (
    Arriving,
    OutOfStep,
    add_piece,
    arrived_files,
    begin_upload,
    check_may_send,
    forget_uploads,
)
from studio.errors import StudioError
from studio.forms.files import UNREADABLE, BeginForm, FilesForm
from studio.forms.numbers import whole_number
from studio.pages.guard import needs
from studio.roles import Person, check_may_run

PIECE = 1 << 20
LONGEST_SAMPLE = 64 << 10  # bytes


@require_POST
@needs(check_may_run)
def begin(request: HttpRequest) -> JsonResponse:
    """Where to send the pieces of a file, and how much of it is here."""
    form = BeginForm(request.POST, request.FILES)
    if not form.is_valid():
        return JsonResponse({"problem": str(UNREADABLE)}, status=422)
    answers = form.cleaned_data
    sample = answers.pop("sample")
    try:
        found = begin_upload(
            user=request.user,  # type: ignore[arg-type]
            sample=sample.read(LONGEST_SAMPLE) if sample else b"",
            **answers,
        )
    except StudioError as refusal:
        return JsonResponse({"problem": str(refusal)}, status=422)
    return _said(found)


@require_POST
@needs(check_may_run)
def piece(request: HttpRequest, key: str) -> JsonResponse:
    """The body is the bytes from `from` on, as many as the browser likes."""
    try:
        start = whole_number(request.GET.get("from"))
        found = add_piece(user=request.user, key=key, start=start or 0, read=_reading(request))  # type: ignore[arg-type]
    except OutOfStep as refusal:
        return JsonResponse({"again": str(refusal)}, status=409)
    except StudioError as refusal:
        return JsonResponse({"problem": str(refusal)}, status=422)
    return _said(found)


def _reading(request: HttpRequest) -> Any:
    def read(size: int) -> bytes:
        try:
            return request.read(size)
        except UnreadablePostError:  # it broke off; what came is kept
            return b""

    return read


def _said(found: Arriving) -> JsonResponse:
    address = reverse("uploads:piece", args=[found.key])
    return JsonResponse({"key": found.key, "address": address, "arrived": found.arrived})


@contextmanager
def chosen_files(*, user: Person, form: FilesForm) -> Iterator[list[tuple[str, File]]]:
    """Pairs of a path inside what was chosen and the file, which is here no longer once the block has stored it.

    Raises FieldErrors.
    """
    sent = form.cleaned_data["sent"]
    owner, keys = cast(User, user), [key for _path, key in sent]
    arrived = arrived_files(user=owner, keys=keys)
    try:
        yield [*form.named_files, *((path, file) for (path, _key), file in zip(sent, arrived, strict=True))]
    finally:
        for file in arrived:
            file.close()
    forget_uploads(user=owner, keys=keys)


# ---- With the form: neither the server nor Django's own parser says that a browser broke one off


def check_form(request: HttpRequest) -> None:
    """Before it is parsed, which puts larger files onto the disk, whoever sends them. Raises StudioError."""
    size = whole_number(request.META.get("CONTENT_LENGTH")) or 0
    if request.content_type == "multipart/form-data" and size > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
        check_may_send(user=request.user, size=size)


class Whole:
    """The body as it is read. One that was broken off ends before its closing boundary, and reads like any other."""

    def __init__(self, stream: Any, boundary: bytes) -> None:
        self.stream, self.end, self.tail = stream, b"--" + boundary + b"--", b""

    def read(self, size: int) -> bytes:
        piece: bytes = self.stream.read(size)
        self.tail = (self.tail + piece)[-len(self.end) - PIECE :]
        return piece

    def check(self) -> None:
        """Reads on to the end. Raises MultiPartParserError, which is answered with 400."""
        while self.read(PIECE):
            pass
        if self.end not in self.tail:
            raise MultiPartParserError("the upload was cut off")


class WholeUpload(FileUploadHandler):
    """First of the upload handlers: lets the others have the body, and refuses it when it was cut off."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - as Django names it
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> Any:
        assert self.request
        others = [handler for handler in self.request.upload_handlers if handler is not self]
        body = Whole(input_data, boundary)
        parsed = MultiPartParser(META, body, others, encoding).parse()  # type: ignore[arg-type]
        body.check()
        return parsed
