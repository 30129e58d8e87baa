"""Those who ask: people in front of a page that asks for its live part, and programs with a token."""

import http.client
import json
import re
import time
import uuid
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 30  # seconds for an answer
OPENED, LIVE, STARTED = "Page of the running job", "Its live part", "Job started through REST"
ARRIVING = 20  # seconds in which people come one after the other
RELOADED = 60  # seconds after which one of them loads the page anew
POLL = re.compile(r'id="job"[^>]*hx-trigger="every (\d+)s"')
REPEATED = 10  # each so many-th request is sent once more, as after an answer that was lost


class Caller(ABC):
    """`took` are seconds of each request that was answered, by what it asked for; `jobs` those that were accepted."""

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).netloc
        self.took: dict[str, list[float]] = {OPENED: [], LIVE: [], STARTED: []}
        self.errors: list[str] = []
        self.jobs: list[str] = []

    @abstractmethod
    def call_until(self, end: float, share: float) -> None:
        """Begins after `share` of the time in which all of its kind do."""

    def ask(self, what: str, path: str, headers: dict[str, str], body: Any = None) -> str:
        """The answer's text, empty where it is another one than is wanted. Each request is a connection of its own: the
        studio closes one that has been idle for 2 s."""
        method, wanted = ("POST", 201) if what == STARTED else ("GET", 200)
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        began = time.perf_counter()
        try:
            connection.request(method, path, body=json.dumps(body) if body else None, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            self.errors.append(f"{what}: {type(error).__name__}")
            return ""
        finally:
            connection.close()
        self.took[what].append(time.perf_counter() - began)
        if answer.status == wanted:
            return text
        self.errors.append(f"{what}: status {answer.status} {text[:120]}")
        return ""


class Person(Caller):
    """Opens the page, whose live part asks for itself so long after it has come as it says, and loads it anew at
    times. Styles and scripts are in the browser's cache."""

    def __init__(self, address: str, page: str, session: str) -> None:
        super().__init__(address)
        self.page = page
        self.headers = {"Cookie": f"sessionid={session}"}
        self.live_headers = {
            **self.headers,
            "HX-Request": "true",
            "HX-Trigger": "job",
            "HX-Target": "job",
            "HX-Current-URL": f"{address}{page}",
        }

    def call_until(self, end: float, share: float) -> None:
        pause, reload_at = 2.0, 0.0
        time.sleep(ARRIVING * share)
        while (now := time.monotonic()) < end:
            if now >= reload_at:
                reload_at = now + RELOADED
                shown = self.ask(OPENED, self.page, self.headers)
            else:
                shown = self.ask(LIVE, self.page, self.live_headers)
            live = POLL.search(shown)
            if live is None and not self.errors:
                self.errors.append("The job that is looked at has ended")
            pause = float(live[1]) if live else pause
            time.sleep(pause)


class Program(Caller):
    """Starts jobs at its pace, whether or not the last answer took long."""

    def __init__(self, address: str, endpoint: str, data: str, token: str, every: float) -> None:
        super().__init__(address)
        self.path = f"/api/endpoints/{endpoint}/jobs"
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.body = {"properties": {"InputData": {"data": {"JobInputType": "UriFolder", "Uri": data}}}}
        self.every = every

    def call_until(self, end: float, share: float) -> None:
        due = time.monotonic() + self.every * share
        count = 0
        while due < end:
            time.sleep(max(due - time.monotonic(), 0))
            count += 1
            self._start(again=count % REPEATED == 0)
            due += self.every

    def _start(self, *, again: bool) -> None:
        headers = {**self.headers, "Idempotency-Key": str(uuid.uuid4())}
        name = self._name_of(self.ask(STARTED, self.path, headers, self.body))
        if name:
            self.jobs.append(name)
        if name and again and self._name_of(self.ask(STARTED, self.path, headers, self.body)) != name:
            self.errors.append("POST: a repeat is answered with another job")

    @staticmethod
    def _name_of(answer: str) -> str:
        return str(json.loads(answer)["name"]) if answer else ""
