"""The node's side of a scorer: starts it, asks it, kills it with all its children."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from scoring.errors import (
    InputError,
    ModelLoadError,
    PredictError,
    ScorerDied,
    ScoringCanceled,
    ScoringError,
    ScoringTimeout,
)
from scoring.scorer.channel import HEADER, encode
from scoring.settings import THREAD_VARIABLES

PROGRAM = Path(__file__).parent / "scorer"
POLL_SECONDS = 0.1
LOAD_TIMEOUT = 600.0


@dataclass(frozen=True, kw_only=True)
class LocalSlice:
    path: Path
    kind: str
    name: str = ""  # what people know the file as; the path's own name when empty
    start: int = 0  # as scoring.plan.Slice has them
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    seconds: float
    mlflow_version: str
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    rows: int
    columns: list[str]
    sample: list[list[str | None]]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class SliceReport:
    records: int  # counted while reading, independently of the parser
    rows: int  # scored
    errors: int
    failed: str = ""  # why nothing of it could be scored, as a sentence
    traceback: str = ""  # of the model, where that is why
    first_error: tuple[int, str] | None = None  # row in the slice, message
    columns: list[tuple[str, str]] = field(default_factory=list)  # name, Arrow type or types
    passed: list[tuple[str, str]] = field(default_factory=list)  # the same of columns passed through

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        columns, passed = (
            [(name, kind) for name, kind in values.get(which, [])] for which in ("columns", "passed")
        )
        first = values.get("first_error")
        return cls(
            records=values["records"],
            rows=values["rows"],
            errors=values["errors"],
            failed=values.get("failed", ""),
            traceback=values.get("traceback", ""),
            first_error=(first[0], first[1]) if first else None,
            columns=columns,
            passed=passed,
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ScoreReport:
    slices: list[SliceReport]
    seconds: dict[str, float]
    sketches: dict[str, dict[str, Any]]

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for one in self.slices for name, _ in one.columns))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        slices = [SliceReport.from_dict(one) for one in values["slices"]]
        return cls(slices=slices, seconds=dict(values["seconds"]), sketches=dict(values["sketches"]))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "slices": [one.to_dict() for one in self.slices]}


def storable(value: Any) -> Any:
    """What a model said, without what PostgreSQL's text does not hold: NUL, and halves of UTF-16 pairs."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(name): storable(one) for name, one in value.items()}
    return value


def _never() -> bool:
    return False


class Scorer:
    """One process with one model. Not for use by two threads at once, except `kill`."""

    def __init__(
        self, process: subprocess.Popen[bytes], model: Path, scratch: Path, memory_limit: int | None
    ) -> None:
        self.scratch = scratch
        self._process = process
        self._model = model
        self._memory_limit = memory_limit
        self._answers = b""

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
        threads: int = 1,
    ) -> Self:
        scratch.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                # -s: no packages from a home folder. A folder as program puts only itself on sys.path.
                [python, "-s", "-X", "faulthandler", PROGRAM, str(memory_limit or 0)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=scratch,
                env=_environment(python, scratch, variables, threads),
                start_new_session=True,
            )
        return cls(process, model, scratch, memory_limit)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def load(self, *, timeout: float = LOAD_TIMEOUT, stop: Callable[[], bool] = _never) -> LoadReport:
        request = {"do": "load", "model": str(self._model)}
        try:
            answer = self._ask(request, "Loading the model", timeout, stop)
        except (ScorerDied, ScoringTimeout) as error:
            raise ModelLoadError(f"The model cannot be loaded: {error}") from error
        return LoadReport(
            seconds=answer["seconds"], mlflow_version=answer["mlflow"], warnings=answer["warnings"]
        )

    def trial(self, *, timeout: float = LOAD_TIMEOUT, stop: Callable[[], bool] = _never) -> TrialReport:
        """Scores the model's input example, else an empty table of its signature, and says which in
        `notes`."""
        answer = self._ask({"do": "trial"}, "Scoring the model's example", timeout, stop)
        return TrialReport(**{name: answer[name] for name in ("rows", "columns", "sample", "notes")})

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
        at_once: bool = False,
        stop: Callable[[], bool] = _never,
    ) -> ScoreReport:
        """`first` is the number that the errors call the first of `slices`; `at_once`: each is predicted whole, not in
        chunks."""
        given = [
            {
                "path": str(one.path),
                "kind": one.kind,
                "name": one.name or one.path.name,
                "start": one.start,
                "end": one.end,
            }
            for one in slices
        ]
        request = {
            "do": "score",
            "slices": given,
            "first": first,
            "at_once": at_once,
            "part": str(part),
            "errors": str(errors),
            "pass_through": list(pass_through),
        }
        return ScoreReport.from_dict(self._ask(request, "Scoring the mini-batch", timeout, stop))

    def kill(self) -> None:
        """Ends the process and everything it started; safe to call again and from another thread."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, request: dict[str, Any], doing: str, timeout: float, stop: Callable[[], bool]
    ) -> dict[str, Any]:
        assert self._process.stdin
        deadline = time.monotonic() + timeout
        try:
            self._process.stdin.write(encode(request))
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._died() from None
        while True:
            if stop():
                self.kill()
                raise ScoringCanceled(f"{doing} was canceled.")
            left = deadline - time.monotonic()
            if left <= 0:
                self.kill()
                raise ScoringTimeout(f"{doing} took longer than {timeout:g} seconds and was stopped.")
            answer = self._receive(min(POLL_SECONDS, left))
            if answer is not None:
                return answer if answer["ok"] else _raise(answer)

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            if self._process.poll() is not None:
                raise self._died()
            return None
        data = os.read(self._process.stdout.fileno(), 1 << 20)
        if not data:
            raise self._died()
        self._answers += data
        if len(self._answers) < HEADER.size:
            return None
        end = HEADER.size + HEADER.unpack(self._answers[: HEADER.size])[0]
        if len(self._answers) < end:
            return None
        body, self._answers = self._answers[HEADER.size : end], self._answers[end:]
        answer: dict[str, Any] = storable(json.loads(body))
        return answer

    def _died(self) -> ScorerDied:
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()  # children of it may live on
        if code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was ended by {_signal_name(-code)}"
        else:
            how = f"ended by itself with exit code {code}"
        hint = ""
        if code in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV) and self._memory_limit:
            hint = (
                f" It may have needed more memory than the {self._memory_limit // (1 << 20)} MB it may use."
            )
        return ScorerDied(f"The model's process {how}.{hint} Its log says more.")


def _environment(python: Path, scratch: Path, variables: Mapping[str, str], threads: int) -> dict[str, str]:
    """All that a scorer gets of the world around it: nothing of the node's own variables."""
    fixed = {name: str(threads) for name in THREAD_VARIABLES}
    return {
        **variables,
        **fixed,
        "OMP_WAIT_POLICY": "PASSIVE",
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # Sets of text are gone through in the same order in every run.
        "PYTHONHASHSEED": "0",
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _raise(answer: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, type[ScoringError]] = {"file": InputError, "score": PredictError}
    kind = kinds.get(answer["kind"], ModelLoadError)
    message = answer["message"]
    if kind is PredictError and answer["file"]:
        message = f"{message} (while scoring {answer['file']})"
    raise kind(message, file=answer["file"], traceback=answer["traceback"])
