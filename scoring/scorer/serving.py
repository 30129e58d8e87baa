"""The loop: one request, one answer. Heavy imports come after the memory limit is set."""

from __future__ import annotations

import os
import time
import traceback
from typing import Any

from scoring.scorer.channel import Channel
from scoring.scorer.failures import FileFailure, PredictFailure


def main(arguments: list[str]) -> None:
    limit = int(arguments[0]) if arguments else 0
    _die_with_the_node()
    channel = Channel()
    if limit:
        _limit_memory(limit)
    model: Any = None
    while True:
        request = channel.receive()
        try:
            model, answer = _answer(request, model)
        except BaseException as error:  # a model may raise SystemExit or KeyboardInterrupt
            answer = _failure(error, request["do"], limit)
        channel.send(answer)


def _die_with_the_node() -> None:
    """Linux ends this process with the thread that started it, even while a model's C code holds the interpreter
    and the end of the pipe cannot be read."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (OSError, AttributeError):
        pass  # elsewhere the end of the pipe has to do


def _limit_memory(limit: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ImportError, ValueError, OSError) as error:
        print(f"The memory limit cannot be set here: {error}", flush=True)


def _answer(request: dict[str, Any], model: Any) -> tuple[Any, dict[str, Any]]:
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
        return model, {"ok": True, **model.trial()}
    if request["do"] == "halves":
        return model, {"ok": True, **model.halves()}
    given = (request[name] for name in ("slices", "part", "errors", "pass_through", "first", "at_once"))
    return model, {"ok": True, **model.score(*given)}


def _failure(error: BaseException, doing: str, limit: int) -> dict[str, Any]:
    kind, message = doing, ""
    if isinstance(error, MemoryError) and limit:
        message = f"The model needed more memory than the {limit // (1 << 20)} MB it may use."
    elif isinstance(error, FileFailure):
        kind, message = "file", str(error)
    elif isinstance(error, PredictFailure):
        message = str(error)
    elif isinstance(error, OSError) and doing == "score":
        message = f"{type(error).__name__}: {os.strerror(error.errno) if error.errno else error}"
    else:
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        message = f"{type(error).__name__}: {lines[0].strip()[:500]}" if lines else type(error).__name__
    return {
        "ok": False,
        "kind": kind,
        "message": message,
        "file": getattr(error, "file", ""),
        "traceback": getattr(error, "traceback", "")
        or "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    }
