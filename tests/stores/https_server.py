"""Real https servers on loopback, with certificates of an authority that only the tests trust."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

Answer = Callable[["Handler"], None]


@dataclass
class Page:
    """What a path of the server answers."""

    content: bytes = b""
    type: str = "text/csv"
    etag: str = '"one"'
    takes_ranges: bool = True
    has_length: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    times: int = -1  # that `status` is answered before 200; -1: always
    body: Answer | None = None


class Server:
    """`pages` may change at any time; `asked` has each request's path and range."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str]] = []

    def url(self, path: str, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    def put(self, path: str, content: bytes = b"", **fields: Any) -> str:
        """Gives the address."""
        self.pages[path] = Page(content, **fields)
        return self.url(path)

    @property
    def fetched(self) -> list[str]:
        """The ranges that were asked for, without those for the first byte alone."""
        return [ranged for _path, ranged in self.asked if ranged != "bytes=0-0"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms behind the headers
    server: "_Listening"

    def do_GET(self) -> None:
        shown = self.server.shown
        path, ranged = self.path.partition("?")[0], self.headers.get("Range", "")
        shown.asked.append((self.path, ranged))
        page = shown.pages.get(path, Page(b"gone", status=404))
        if page.times == 0:
            page.status = 200
        page.times -= 1
        if page.body:
            page.body(self)
            return
        content, status = page.content, page.status
        headers = {"Content-Type": page.type, "Last-Modified": formatdate(0, usegmt=True), **page.headers}
        if page.etag:
            headers["ETag"] = page.etag
        else:
            del headers["Last-Modified"]
        if status == 200 and page.takes_ranges and ranged:
            start, end = (int(part) for part in ranged.removeprefix("bytes=").split("-"))
            status = 206 if content else 416
            headers["Content-Range"] = (
                f"bytes {start}-{min(end, len(content) - 1)}/{len(content)}" if content else "bytes */0"
            )
            content = content[start : end + 1]
        self.answer(status, headers, content, has_length=page.has_length)

    def answer(
        self, status: int, headers: dict[str, str], content: bytes, *, has_length: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if has_length:
            self.send_header("Content-Length", str(len(content)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *said: Any) -> None:
        pass


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    shown: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up where they have seen enough."""


@contextmanager
def https_server(authority: trustme.CA, *names: str, port: int = 0) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
    listening = _Listening(("127.0.0.1", port), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    listening.shown = Server(listening.server_address[1])
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield listening.shown
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode())
