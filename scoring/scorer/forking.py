"""The parent of scorers: has the heavy imports of one environment done, and only forks.

It never loads a model or predicts: a fork after a region of OpenMP hangs LightGBM, XGBoost and HistGradientBoosting.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from typing import Any

from scoring.scorer.channel import Closed, Wire
from scoring.scorer.priority import pass_niceness_on
from scoring.scorer.serving import serve

# What models are made of, where the environment has it. Not what starts threads when it is imported.
HEAVY = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.csv",
    "pyarrow.json",
    "pyarrow.parquet",
    "pyarrow.compute",
    "mlflow.pyfunc",
    "scoring.scorer.predicting",
    "scoring.scorer.csv_reading",
    "scoring.scorer.json_reading",
    "scoring.scorer.parquet_reading",
)
PERHAPS = (
    "mlflow.sklearn",
    "scipy.sparse",
    "sklearn.pipeline",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.preprocessing",
    "skops.io",
    "cloudpickle",
    "xgboost",
    "lightgbm",
    "catboost",
)


def parent(end: socket.socket) -> None:
    """Answers the node until its end of the socket is closed."""
    wire = Wire(end)
    gc.disable()  # what is imported stays, and looking through it takes a tenth of the time
    for name in HEAVY:
        importlib.import_module(name)
    for name in PERHAPS:
        _import_if_there(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # so that children do not write to what they share
    ended: dict[int, int] = {}
    wire.send({"ready": True})
    while True:
        try:
            request, files = wire.receive()
        except Closed:
            os._exit(0)
        if request["do"] == "fork":
            wire.send(_fork(end, request, files, ended))
        else:
            wire.send({"code": _code(request["pid"], ended)})


def _import_if_there(name: str) -> None:
    try:
        if importlib.util.find_spec(name.split(".")[0]):
            importlib.import_module(name)
    except Exception as error:  # the model may not need it
        print(f"{name} cannot be imported: {error}", flush=True)


def _code(pid: int, ended: dict[int, int]) -> int | None:
    """The exit code of a child, negative for a signal; None while it runs."""
    if pid not in ended:
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return -int(signal.SIGKILL)
        if not found:
            return None
        ended[pid] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return ended[pid]


def _fork(
    end: socket.socket, request: dict[str, Any], files: list[int], ended: dict[int, int]
) -> dict[str, Any]:
    try:
        pid = os.fork()
    except OSError as error:  # too many processes, too little memory: the others go on
        return {"error": str(error)}
    if pid:
        for descriptor in files:
            os.close(descriptor)
        ended.pop(pid, None)  # numbers are used again
        return {"pid": pid}
    try:
        os.setsid()
        pass_niceness_on()
        end.close()
        _become(request, files)
        serve(socket.socket(fileno=files[0]), request["limits"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _become(request: dict[str, Any], files: list[int]) -> None:
    """A process as it would be, had it been started on its own."""
    os.dup2(files[1], 1)
    os.dup2(files[1], 2)
    os.close(files[1])
    os.environ.clear()
    os.environ.update(request["variables"])
    time.tzset()
    os.chdir(request["scratch"])
    tempfile.tempdir = None
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
