"""Uploads that a browser broke off: neither the server nor Django's own parser says so."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

PIECE = 1 << 20


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
