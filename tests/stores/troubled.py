"""A way to a server over HTTP on which requests meet trouble, and that notes what it passes on."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit, urlunsplit

Trouble = Callable[["Passing"], bool]  # answers the request itself, and says so


class Way:
    def __init__(self, server: str) -> None:
        self.server = urlsplit(server)
        self.address = server
        self.troubles: list[Trouble] = []  # each for one request that it fits, the first first
        self.passed: list[str] = []  # method and path of each request
        self.fetched = 0  # bytes of objects


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms behind the headers
    way: Way

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked has read enough
            super().handle()

    def _pass(self) -> None:
        self.sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.way.passed.append(f"{self.command} {self.path}")
        for trouble in list(self.way.troubles):
            if trouble(self):
                self.way.troubles.remove(trouble)
                return
        self.answer(*self.asked())

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass  # noqa: N815

    def asked(self) -> tuple[int, dict[str, str], bytes]:
        """The server's own answer."""
        server = http.client.HTTPConnection(self.way.server.netloc, timeout=60)
        server.request(self.command, self.path, self.sent, dict(self.headers.items()))
        response = server.getresponse()
        body = response.read()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in HOPS}
        length = response.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        server.close()
        return response.status, {**headers, "Content-Length": length}, body

    def answer(self, status: int, headers: dict[str, str], body: bytes, *, cut: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = body if cut is None else body[:cut]
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE]
            self.way.fetched += len(piece) if self.command == "GET" else 0  # before the last one is taken
            self.wfile.write(piece)
        if cut is not None:
            self.close_connection = True

    def log_message(self, *given: Any) -> None:
        pass


# What S3 answers with 503.
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
PIECE = 64 << 10  # bytes that are sent at a time
HOPS = {"transfer-encoding", "content-length", "connection", "keep-alive"}


def busy(words: str, headers: dict[str, str], body: bytes = b"") -> Trouble:
    """The server answers 503 to a request with this method and, in its path, this word."""
    method, path = words.split()

    def trouble(request: Passing) -> bool:
        if request.command != method or path not in request.path:
            return False
        request.answer(503, {**headers, "Content-Length": str(len(body))}, body)
        return True

    return trouble


@contextmanager
def way_to(server: str) -> Iterator[Way]:
    way = Way(server)
    handler = type("Handler", (Passing,), {"way": way})
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    way.address = urlunsplit(way.server._replace(netloc=f"127.0.0.1:{proxy.server_port}"))
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield way
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
