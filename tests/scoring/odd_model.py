"""A model that misbehaves as it is told, logged from this file's code."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

KEPT: list[bytearray] = []


class Refused(ValueError):
    def __init__(self, message, rows):
        super().__init__(message)
        self.rows = rows


def close_all():
    os.closerange(3, 1024)


def take_no_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def go_elsewhere():
    os.chdir("/usr")
    shutil.rmtree(os.environ["HOME"])


def ignore_signals():
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


def replace_streams():
    sys.stdin = sys.stdout = sys.stderr = None


HARMS = {
    "close": close_all,
    "no files": take_no_files,
    "elsewhere": go_elsewhere,
    "signals": ignore_signals,
    "streams": replace_streams,
}


class OddModel(PythonModel):
    asked = False
    is_spoilt = False

    def load_context(self, context):
        if os.environ.get("ODD_LOAD") == "exit":
            os._exit(5)

    def predict(self, context, model_input, params=None):  # noqa: C901
        act = model_input["act"].iloc[0] if len(model_input) else "echo"
        values = model_input["value"]
        if self.is_spoilt:
            raise RuntimeError("the connection was closed")
        if act == "spoil":
            self.is_spoilt = True
        if act in HARMS:
            HARMS[act]()
            return values
        if act == "exit":
            os._exit(7)
        if act == "quit":
            sys.exit(3)
        if act == "crash":
            ctypes.string_at(0)
        if act == "sleep":
            child = subprocess.Popen(["sleep", "300"])
            print(f"child {child.pid}", flush=True)
            time.sleep(300)
        if act == "spin":
            while True:
                pass
        if act == "echo_once":
            while self.asked:
                time.sleep(1)
            self.asked = True
            return values
        if act in ("fork", "orphan"):
            for _ in range(100):
                if not os.fork():
                    if act == "orphan" and os.fork():
                        os._exit(0)  # its own child lives on
                    time.sleep(60)
                    os._exit(0)
            time.sleep(60)
        if act == "child" and not os.fork():
            time.sleep(60)
            os._exit(0)
        if act == "raise":
            raise ValueError("the feature store is closed\nand more")
        if act == "refuse" and (values < 0).any():
            raise Refused("a value is negative", np.flatnonzero(values < 0))
        if act == "refuse one" and (values < 0).any():
            raise Refused("a value is negative", [int(np.flatnonzero(values < 0)[0])])
        if act == "refuse others":
            raise Refused("rows that nobody gave", [len(values)])
        if act == "raise much":
            raise KeyError("much" * 1_000_000)
        if act == "memory":
            return [len(bytearray(1 << 33))] * len(values)
        if act == "print":
            print("printed by the model")
            os.write(1, b"written to descriptor 1\n")
            assert os.read(0, 10) == b""
        if act == "threads":
            return [int(os.environ["OMP_NUM_THREADS"])] * len(values)
        if act == "keep":
            KEPT.append(bytearray(os.urandom(1 << 20)) * 700)
        if act == "short":
            return values[:-1]
        if act == "environment":
            return [",".join(sorted(os.environ))] * len(values)
        return {
            "echo": lambda: values,
            "spoil": lambda: values,
            "refuse": lambda: values,
            "refuse one": lambda: values,
            "child": lambda: values,
            "rank": lambda: values.rank(),
            "print": lambda: values,
            "keep": lambda: values,
            "dicts": lambda: [{"label": f"a,{v}", "row": v} for v in values],
            "nested": lambda: [[v, {"x": v}] for v in values],
            "whole": lambda: values.astype(int).to_numpy(),
            "two": lambda: values.to_numpy().repeat(2).reshape(-1, 2),
            "column": lambda: values.to_numpy().reshape(-1, 1),
            "words": lambda: pd.Series([f"w{v}" for v in values], dtype="category"),
            "list": lambda: values.tolist(),
            "tuple": lambda: tuple(values),
            "frame": lambda: pd.DataFrame({"low": values - 1, "high": values + 1}),
            "frame_of_one": lambda: values.to_frame("score"),
            "nul": lambda: pd.DataFrame({"a\0": values, "b": values + 1}),
            "dict": lambda: {"low": values.to_numpy(), "word": [f"w{v}" for v in values]},
            "texts": lambda: values.astype(str).to_numpy(dtype="U"),
            "objects": lambda: np.array([f"w{v}" for v in values], dtype=object),
            "bools": lambda: (values > 1).to_numpy(),
            "times": lambda: pd.to_datetime(["2020-01-02"] * len(values)),
            "mixed": lambda: [v if v < 1 else "many" for v in values],
            "decimals": lambda: [Decimal(str(v)) for v in values],
            "nullable": lambda: values.astype(int).astype("Int64"),
        }[act]()


set_model(OddModel())
