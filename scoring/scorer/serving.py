"""The loop: one request, one answer. Heavy imports come after the memory limit is set."""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from typing import Any, BinaryIO

from scoring.scorer.channel import Channel
from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure, PredictFailure
from scoring.scorer.fence import shut_in

MOST_SAID = 32 << 10  # characters of either end of a traceback


def serve(end: Any, limits: dict[str, Any]) -> None:
    """Never returns: the node ends this process. `limits`: memory (bytes, 0: none), readable, writable."""
    _die_with_the_parent()
    if limits["memory"]:
        _limit_memory(limits["memory"])
    shut_in([*_of_this_python(), *limits["readable"]], limits["writable"])
    channel = Channel(end)
    # So that the node sees this process end, whatever it has forked.
    os.register_at_fork(after_in_child=end.close)
    model: Any = None
    while True:
        request, files = channel.receive()
        try:
            model, answer = _answer(request, files, model, channel)
        except BaseException as error:  # a model may raise SystemExit or KeyboardInterrupt
            answer = _failure(error, request["do"], limits["memory"])
        channel.send(answer)


def _of_this_python() -> list[str]:
    here = os.path.dirname(os.path.abspath(__file__))
    return [here, sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable))]


def _die_with_the_parent() -> None:
    """Linux ends this process with the thread that started it, even while a model's C code holds the interpreter
    and the end of the socket cannot be read."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (OSError, AttributeError):
        pass  # elsewhere the end of the socket has to do


def _limit_memory(limit: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ImportError, ValueError, OSError) as error:
        print(f"The memory limit cannot be set here: {error}", flush=True)


def _answer(
    request: dict[str, Any], files: list[int], model: Any, channel: Channel
) -> tuple[Any, dict[str, Any]]:
    if request["do"] == "log":
        for descriptor in (1, 2):
            os.dup2(files[0], descriptor)
        os.close(files[0])
        return model, {"ok": True}
    if request["do"] == "load":
        from scoring.scorer.predicting import LoadedModel

        began = time.perf_counter()
        model = LoadedModel(request["model"])
        import mlflow

        seconds = time.perf_counter() - began
        return model, {
            "ok": True,
            "seconds": seconds,
            "mlflow": mlflow.__version__,
            "warnings": model.warnings,
        }
    if request["do"] == "trial":
        return model, {"ok": True, **model.trial(request["with_classes"])}
    if request["do"] == "halves":
        return model, {"ok": True, **model.halves()}
    with os.fdopen(files[0], "wb") as part, os.fdopen(files[1], "wb") as errors:
        slices = [_Handed(channel, index, one) for index, one in enumerate(request["slices"])]
        slices[0].file = files[2] if files[2:] else None
        return model, {"ok": True, **model.score(slices, part, errors, request)}


class _Handed:
    """A slice, whose file the node opens and hands over when it is its turn; the first comes with the request, so that
    the scorer has begun while the node does something else."""

    def __init__(self, channel: Channel, index: int, given: dict[str, Any]) -> None:
        self._channel, self._index = channel, index
        self.kind, self.name, self.start, self.end = (given[key] for key in ("kind", "name", "start", "end"))
        self.dialect = Dialect(**given["dialect"])
        self.file: int | None = None

    def open(self) -> BinaryIO:
        if self.file is not None:
            file, self.file = self.file, None
            return os.fdopen(file, "rb")
        self._channel.send({"hand": self._index})
        answer, files = self._channel.receive()
        if not files:
            raise FileFailure(answer["message"])
        return os.fdopen(files[0], "rb")


def _failure(error: BaseException, doing: str, limit: int) -> dict[str, Any]:
    kind, message = doing, ""
    if isinstance(error, MemoryError) and limit:
        message = f"The model needed more memory than the {limit // (1 << 20)} MB it may use."
    elif isinstance(error, FileFailure):
        kind, message = "file", str(error)
    elif isinstance(error, PredictFailure):
        message = str(error)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = (
            "The node's disk is full, so what was scored cannot be kept. Make room on it, and retry the job."
        )
    elif isinstance(error, OSError) and doing == "score":
        message = f"{type(error).__name__}: {os.strerror(error.errno) if error.errno else error}"
    else:
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        message = f"{type(error).__name__}: {lines[0].strip()[:500]}" if lines else type(error).__name__
    return {
        "ok": False,
        "kind": kind,
        "is_of_predict": isinstance(error, PredictFailure),
        "message": message,
        "file": getattr(error, "file", ""),
        "traceback": _ends_of(
            getattr(error, "traceback", "")
            or "".join(traceback.format_exception(type(error), error, error.__traceback__))
        ),
    }


def _ends_of(text: str) -> str:
    """An exception may say a whole value of the input, which may have 100 MB."""
    return text if len(text) <= 2 * MOST_SAID else f"{text[:MOST_SAID]}\n…\n{text[-MOST_SAID:]}"
