"""A model that tries what it must not, as each row tells it, and says what became of it."""

import ctypes
import os
import signal
import socket
import subprocess
import threading

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


def write(path: str) -> str:
    with open(path, "w") as file:
        file.write("written")
    return "written"


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def connect(host: str, port: str) -> str:
    socket.create_connection((host, int(port)), timeout=1)
    return "connected"


def thread() -> str:
    said: list[str] = []
    other = threading.Thread(target=lambda: said.append("done"))
    other.start()
    other.join()
    return said[0]


ACTS = {
    "read": read,
    "write": write,
    "list": lambda path: str(os.listdir(path)),
    "connect": connect,
    "resolve": lambda host: str(socket.getaddrinfo(host, 80)),
    "pair": lambda: str(len(socket.socketpair())),
    "datagrams": lambda: str(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)),
    "unix": lambda: str(socket.socket(socket.AF_UNIX)),
    "kill": lambda pid: str(os.kill(int(pid), signal.SIGUSR1)),
    "setsid": lambda: str(os.setsid()),
    "trace": lambda pid: str(ctypes.CDLL(None).ptrace(16, int(pid), 0, 0)),
    "run": lambda: str(subprocess.run(["true"], check=False).returncode),
    "thread": thread,
}


class ProbingModel(PythonModel):
    def predict(self, context, model_input, params=None):
        return [self.one(act) for act in model_input["act"]]

    def one(self, act: str) -> str:
        name, *words = act.split(" ")
        try:
            return ACTS[name](*words)
        except Exception as error:
            return type(error).__name__


set_model(ProbingModel())
