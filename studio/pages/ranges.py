"""Files that are sent whole, or the part of them that `Range` asks for, as a download that broke off goes on."""

import re
from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

ONE_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


class Part:
    """`length` bytes of a stream from where it stands."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int) -> bytes:
        found = self._stream.read(min(size, self._left))
        self._left -= len(found)
        return found

    def close(self) -> None:
        self._stream.close()


def send_file(
    request: HttpRequest, stream: BinaryIO, *, name: str, size: int, etag: str = ""
) -> HttpResponseBase:
    """As an attachment. What is no single range is answered with all of the file, as RFC 9110 allows."""
    tag = f'"{etag}"' if etag else ""
    headers = {"Accept-Ranges": "bytes", **({"ETag": tag} if tag else {})}
    wanted = _bounds(request.headers.get("Range", ""), size)
    kind = "application/octet-stream"
    has_parts = request.META["REQUEST_METHOD"] == "GET"  # as it was sent: the API takes HEAD for GET
    if not has_parts or wanted is None or request.headers.get("If-Range", tag) != tag:
        whole = {**headers, "Content-Length": str(size)}
        return FileResponse(stream, as_attachment=True, filename=name, content_type=kind, headers=whole)
    first, last = wanted
    if first > last:
        stream.close()
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    stream.seek(first)
    response = FileResponse(
        Part(stream, last - first + 1),
        status=206,
        as_attachment=True,
        filename=name,
        content_type=kind,
        headers={**headers, "Content-Range": f"bytes {first}-{last}/{size}"},
    )
    response.headers["Content-Length"] = str(last - first + 1)
    return response


def _bounds(asked: str, size: int) -> tuple[int, int] | None:
    """First and last byte; the first lies behind the last where nothing of the file is asked for."""
    match = ONE_RANGE.fullmatch(asked)
    first, last = match.groups() if match else ("", "")
    if not first:  # the end of the file, so many bytes of it
        return (max(size - int(last), 0), size - 1) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last), size - 1) if last else size - 1
