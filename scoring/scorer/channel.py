"""Length-prefixed JSON over a private copy of the process's stdin and stdout."""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import sys
import threading
from typing import Any

HEADER = struct.Struct(">I")


def encode(message: dict[str, Any]) -> bytes:
    body = json.dumps(message, allow_nan=False).encode()
    return HEADER.pack(len(body)) + body


class Channel:
    """Takes fd 0 and 1 for itself: the model reads nothing and prints into the log.

    A thread of its own reads, so that the end of the input (the node is gone) kills this process and all its
    children even while a model is computing.
    """

    def __init__(self) -> None:
        self._input = os.fdopen(os.dup(0), "rb")
        self._output = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdin = open(0, closefd=False)
        # A log that people follow, and that is whole when the process is killed.
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        self._messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True, name="channel").start()

    def receive(self) -> dict[str, Any]:
        return self._messages.get()

    def send(self, message: dict[str, Any]) -> None:
        self._output.write(encode(message))
        self._output.flush()

    def _read(self) -> None:
        try:
            while True:
                header = self._input.read(HEADER.size)
                if len(header) < HEADER.size:
                    break
                self._messages.put(json.loads(self._input.read(HEADER.unpack(header)[0])))
        finally:
            os.killpg(os.getpgrp(), signal.SIGKILL)
