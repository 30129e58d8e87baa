"""The parents of a node's scorers, one for each environment: started once, with its imports done, they fork in
milliseconds what would take seconds to start."""

import re
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from scoring.errors import ScoringCanceled, ScoringError
from scoring.processes import Scorer, environment_of, launch, limits_of
from scoring.scorer.channel import Closed, Wire

READY_WITHIN = 120.0
ANSWERS_WITHIN = 10.0
# Their libraries start threads that no fork survives.
SPAWNED = re.compile(r"(torch|tensorflow|keras|jax|onnxruntime)\b", re.IGNORECASE)


class CannotFork(ScoringError):
    """No scorer comes from this parent, for want of memory or of process numbers."""


class ParentEnded(CannotFork):
    """The parent has ended, or what it imports is not there."""


def is_forked(*, requirements: tuple[str, ...], variables: Mapping[str, str]) -> bool:
    """Whether a scorer may come from a parent. One with variables of its own is started on its own, since libraries
    read theirs when they are imported."""
    return not variables and not any(map(SPAWNED.match, requirements))


class Parent:
    """Of the scorers of one environment. May be used by several threads."""

    def __init__(self, process: subprocess.Popen[bytes], end: socket.socket, python: Path) -> None:
        self._process, self._end, self._wire, self._python = process, end, Wire(end), python
        self._lock = threading.Lock()

    @classmethod
    def start(cls, *, python: Path, scratch: Path, log: Path) -> Self:
        """Its imports go on for seconds; wait_until_ready() waits for them."""
        process, end = launch(python=python, role="parent", scratch=scratch, variables={}, log=log)
        return cls(process, end, python)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self, *, stop: Callable[[], bool]) -> None:
        """Raises ParentEnded, ScoringCanceled."""
        end = time.monotonic() + READY_WITHIN
        while not select.select([self._end], [], [], 0.1)[0]:
            if stop():
                raise ScoringCanceled("Nobody waits for the model any more.")
            if time.monotonic() > end:
                break
        self._end.settimeout(ANSWERS_WITHIN)
        self._ask(None)

    def fork(
        self,
        *,
        model: Path,
        scratch: Path,
        variables: Mapping[str, str],
        memory_limit: int | None,
        log: Path,
    ) -> Scorer:
        """A scorer as Scorer.start() gives it. Raises CannotFork."""
        scratch.mkdir(parents=True, exist_ok=True)
        request = {
            "do": "fork",
            "limits": limits_of(model=model, scratch=scratch, memory_limit=memory_limit),
            "variables": environment_of(python=self._python, scratch=scratch, variables=variables),
            "scratch": str(scratch),
        }
        ours, theirs = socket.socketpair()
        with log.open("ab") as output, theirs:
            answer = self._ask(request, [theirs.fileno(), output.fileno()])
        if "error" in answer:
            ours.close()
            raise CannotFork(f"The process that scorers are forked from cannot fork: {answer['error']}.")
        process = _Forked(self, answer["pid"])
        return Scorer(process, ours, model=model, scratch=scratch, memory_limit=memory_limit, log=log)

    def code(self, pid: int) -> int | None:
        """Of a child; None while it runs."""
        code: int | None = self._ask({"do": "code", "pid": pid})["code"]
        return code

    def close(self) -> None:
        """Ends it, and with it its children."""
        self._end.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, request: dict | None, files: list[int] | None = None) -> dict:
        with self._lock:
            try:
                if request is not None:
                    self._wire.send(request, files or [])
                return self._wire.receive()[0]
            except (Closed, TimeoutError, OSError):
                self._process.kill()
                raise ParentEnded("The process that scorers are forked from has ended.") from None


class _Forked:
    def __init__(self, parent: Parent, pid: int) -> None:
        self._parent, self.pid = parent, pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            try:
                self._code = self._parent.code(self.pid)
            except ParentEnded:
                self._code = -9  # its children end with it
        return self._code

    def wait(self, timeout: float) -> int | None:
        end = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        return self._code
