"""The node's side of a scorer: starts it, asks it, kills it with all its children."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, Self

from scoring.errors import (
    InputError,
    ModelLoadError,
    PredictError,
    ScorerBroken,
    ScorerDied,
    ScoringCanceled,
    ScoringError,
    ScoringTimeout,
)
from scoring.reports import LoadReport, ScoreReport, TrialReport, storable
from scoring.scorer.channel import Closed, Wire
from scoring.scorer.dialect import SNIFFED, Dialect
from scoring.scorer.priority import pass_niceness_on
from scoring.settings import THREAD_VARIABLES

PROGRAM = Path(__file__).parent / "scorer"
POLL_SECONDS = 0.1
LOAD_TIMEOUT = 600.0
KILLED_WITHIN = 10.0
TAKEN_WITHIN = 30.0  # a request by a scorer, which always reads
LARGEST_LOG = 64 << 20  # bytes on the node's disk


@dataclass(frozen=True, kw_only=True)
class LocalSlice:
    path: Path
    kind: str
    name: str = ""  # what people know the file as; the path's own name when empty
    start: int = 0  # as scoring.plan.Slice has them
    end: int | None = None
    dialect: Dialect = SNIFFED
    refused: str = ""  # why it must not be scored, as a sentence

    @property
    def known_as(self) -> str:
        return self.name or self.path.name


def _never() -> bool:
    return False


def _nothing() -> None:
    pass


class Process(Protocol):
    """What a scorer runs in."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def wait(self, timeout: float) -> int | None:
        """The same, once it has ended; None where it has not in time."""


class Spawned:
    """A process of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, timeout: float) -> int | None:
        try:
            return self._process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            return None


class Scorer:
    """One process with one model. Not for use by two threads at once, except `kill`."""

    def __init__(
        self,
        process: Process,
        end: socket.socket,
        *,
        model: Path,
        scratch: Path,
        memory_limit: int | None,
        log: Path,
    ) -> None:
        self.scratch = scratch
        self.loaded: LoadReport | None = None
        self._is_killed = False
        self._why_killed = ""
        self._log = log  # where the model prints to by now
        self._process, self._end, self._wire = process, end, Wire(end)
        self._model = model
        self._memory_limit = memory_limit

    @classmethod
    def start(
        cls,
        *,
        python: Path,
        model: Path,
        scratch: Path,
        variables: Mapping[str, str],
        memory_limit: int | None,
        log: Path,
    ) -> Self:
        """In a process of its own, which takes seconds to import what the model is made of."""
        limits = json.dumps(limits_of(model=model, scratch=scratch, memory_limit=memory_limit))
        process, end = launch(python=python, role=limits, scratch=scratch, variables=variables, log=log)
        return cls(Spawned(process), end, model=model, scratch=scratch, memory_limit=memory_limit, log=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """As its connection tells, at once."""
        return not self._is_killed and not self._wire.is_closed()

    def log_to(self, file: Path, *, stop: Callable[[], bool] = _never) -> None:
        """From now on, what the model prints is appended there."""
        if file == self._log:
            return
        with file.open("ab") as output:
            self._ask({"do": "log"}, "Opening the log", TAKEN_WITHIN, stop, files=[output.fileno()])
        self._log = file

    def cut_log(self) -> None:
        """Throws away what the model has printed where it is too much; safe to call from another thread."""
        with suppress(OSError):
            if self._log.stat().st_size > LARGEST_LOG:
                os.truncate(self._log, 0)  # the scorer appends, so it goes on at the new end

    def load(self, *, timeout: float = LOAD_TIMEOUT, stop: Callable[[], bool] = _never) -> LoadReport:
        request = {"do": "load", "model": str(self._model)}
        try:
            answer = self._ask(request, "Loading the model", timeout, stop)
        except (ScorerDied, ScoringTimeout) as error:
            raise ModelLoadError(f"The model cannot be loaded: {error}") from error
        self.loaded = LoadReport(
            seconds=answer["seconds"], mlflow_version=answer["mlflow"], warnings=answer["warnings"]
        )
        return self.loaded

    def trial(
        self,
        *,
        class_probabilities: bool = False,
        timeout: float = LOAD_TIMEOUT,
        stop: Callable[[], bool] = _never,
    ) -> TrialReport:
        """Scores the model's input example, else an empty table of its signature, and says which in
        `notes`."""
        request = {"do": "trial", "with_classes": class_probabilities}
        answer = self._ask(request, "Scoring the model's example", timeout, stop)
        return TrialReport(**{one.name: answer[one.name] for one in fields(TrialReport)})

    def halves(self, *, timeout: float, stop: Callable[[], bool] = _never) -> str | None:
        """Scores a table whole and in halves: where the answers differ by more than rounding, else nothing.

        None where that cannot be tried: the model takes no table that could be made for it.
        """
        answer = self._ask({"do": "halves"}, "Scoring halves of a table", timeout, stop)
        found: str | None = answer["difference"]
        return found

    def score(
        self,
        *,
        slices: Sequence[LocalSlice],
        part: Path,
        errors: Path,
        timeout: float,
        first: int = 0,
        pass_through: Sequence[str] = (),
        class_probabilities: bool = False,
        at_once: bool = False,
        meanwhile: Callable[[], None] = _nothing,
        stop: Callable[[], bool] = _never,
    ) -> ScoreReport:
        """Writes `part` and, where rows failed, `errors`; neither is there when it raises.

        `first` is the number that the errors call the first of `slices`; `at_once`: each is predicted whole, not in
        chunks. `meanwhile` is called once the scorer is at work; what it raises ends the scorer.
        """
        request = {
            "do": "score",
            "slices": [
                {
                    "kind": one.kind,
                    "name": one.known_as,
                    "start": one.start,
                    "end": one.end,
                    "dialect": asdict(one.dialect),
                }
                for one in slices
            ],
            "first": first,
            "at_once": at_once,
            "pass_through": list(pass_through),
            "with_classes": class_probabilities,
        }
        try:
            with part.open("wb") as predictions, errors.open("wb") as failures, ExitStack() as first_file:
                files = [predictions.fileno(), failures.fileno()]
                with suppress(OSError):  # it is told why when it asks
                    if not slices[0].refused:
                        files.append(first_file.enter_context(slices[0].path.open("rb")).fileno())
                answer = self._ask(
                    request,
                    "Scoring the mini-batch",
                    timeout,
                    stop,
                    files,
                    slices=slices,
                    meanwhile=meanwhile,
                )
        except BaseException:
            part.unlink(missing_ok=True)
            errors.unlink(missing_ok=True)
            raise
        if not errors.stat().st_size:
            errors.unlink()
        return ScoreReport.from_dict(answer)

    def kill(self, *, why: str = "") -> None:
        """Ends the process and everything it started; safe to call again and from another thread.

        `why` is a sentence for whoever waits for its answer.
        """
        if self._is_killed:
            return  # its number may be somebody else's by now
        self._is_killed, self._why_killed = True, why
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(KILLED_WITHIN)

    def close(self) -> None:
        self.kill()
        self._end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self,
        request: dict[str, Any],
        doing: str,
        timeout: float,
        stop: Callable[[], bool],
        files: Sequence[int] = (),
        *,
        slices: Sequence[LocalSlice] = (),
        meanwhile: Callable[[], None] = _nothing,
    ) -> dict[str, Any]:
        """The answer; on the way, the scorer asks for the files of `slices` one after the other."""
        try:
            self._send(request, files)
            try:
                meanwhile()
            except BaseException:
                self.kill()  # nobody is there for its answer
                raise
            deadline = time.monotonic() + timeout  # it may have waited for a file of `slices` until here
            while True:
                if stop():
                    self.kill()
                    raise ScoringCanceled(f"{doing} was canceled.")
                left = deadline - time.monotonic()
                if left <= 0:
                    self.kill()
                    raise ScoringTimeout(f"{doing} took longer than {timeout:g} seconds and was stopped.")
                answer = self._receive(min(POLL_SECONDS, left))
                if answer is not None and "hand" in answer:
                    self._hand(slices[answer["hand"]])
                elif answer is not None:
                    return answer if answer["ok"] else _raise(answer)
        except Closed:
            raise self._died() from None

    def _hand(self, one: LocalSlice) -> None:
        """The open file, so that the scorer needs no right to any folder."""
        if one.refused:
            self._send({"message": one.refused})
            return
        try:
            with one.path.open("rb") as file:
                self._send({"ok": True}, [file.fileno()])
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._send({"message": f"{one.known_as} cannot be read: {reason}."})

    def _send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        self._end.settimeout(TAKEN_WITHIN)
        self._wire.send(message, files)

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        self._end.settimeout(seconds)
        try:
            message, files = self._wire.receive()
        except TimeoutError:
            if self._process.poll() is not None:
                raise Closed from None
            return None
        for unasked in files:
            os.close(unasked)
        answer: dict[str, Any] = storable(message)
        return answer

    def _died(self) -> ScorerDied:
        code = self._process.wait(1)
        self.kill()  # children of it may live on
        if code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was ended by {_signal_name(-code)}"
        else:
            how = f"ended by itself with exit code {code}"
        hint = f" {self._why_killed}" if self._why_killed else ""
        if not hint and code in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV) and self._memory_limit:
            hint = (
                f" It may have needed more memory than the {self._memory_limit // (1 << 20)} MB it may use."
            )
        return ScorerDied(f"The model's process {how}.{hint} Its log says more.")


def launch(
    *, python: Path, role: str, scratch: Path, variables: Mapping[str, str], log: Path
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The program of scoring/scorer in a session of its own, and this end of the socket that is its input."""
    scratch.mkdir(parents=True, exist_ok=True)
    ours, theirs = socket.socketpair()
    with log.open("ab") as output, theirs:
        process = subprocess.Popen(
            # -s: no packages from a home folder. A folder as program puts only itself on sys.path.
            [python, "-s", "-X", "faulthandler", PROGRAM, role],
            stdin=theirs.fileno(),
            stdout=output,
            stderr=output,
            cwd=scratch,
            env=environment_of(python=python, scratch=scratch, variables=variables),
            start_new_session=True,
        )
    pass_niceness_on(process.pid)
    return process, ours


def limits_of(*, model: Path, scratch: Path, memory_limit: int | None) -> dict[str, Any]:
    """What scoring.scorer.serving.serve() holds a scorer to."""
    return {"memory": memory_limit or 0, "readable": [str(model)], "writable": [str(scratch)]}


def environment_of(*, python: Path, scratch: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """All that a scorer gets of the world around it: nothing of the node's own variables.

    One thread, unless `variables` say otherwise: slots are the parallelism, and sums depend on how many threads share
    them.
    """
    return {
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        **variables,
        "OMP_WAIT_POLICY": "PASSIVE",
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # Memory of one block is used for the next: given back, each of its pages would be zeroed again.
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
        # In pages of 2 MB where the kernel has them: a block touches thousands of small ones.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        # Sets of text are gone through in the same order in every run.
        "PYTHONHASHSEED": "0",
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _raise(answer: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, type[ScoringError]] = {
        "file": InputError,
        "score": PredictError if answer["is_of_predict"] else ScorerBroken,
    }
    kind = kinds.get(answer["kind"], ModelLoadError)
    message = answer["message"]
    if issubclass(kind, PredictError) and answer["file"]:
        message = f"{message} (while scoring {answer['file']})"
    raise kind(message, file=answer["file"], traceback=answer["traceback"])
