"""Length-prefixed JSON over a Unix socket, whose messages may carry open files."""

from __future__ import annotations

import array
import json
import os
import queue
import signal
import socket
import struct
import sys
import threading
from typing import Any, Sequence

HEADER = struct.Struct(">I")
MOST_FILES = 8  # of one message


class Closed(Exception):
    """The other side is gone."""


class Wire:
    """One end of the socket. Files that a message carries are descriptors that the receiver owns."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end

    def send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        body = json.dumps(message, allow_nan=False).encode()
        data = memoryview(HEADER.pack(len(body)) + body)
        carried = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        try:
            sent = self.socket.sendmsg([data], carried)
            self.socket.sendall(data[sent:])
        except (BrokenPipeError, ConnectionResetError, OSError):
            raise Closed from None

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Waits for a whole message. Raises Closed, TimeoutError where the socket has a timeout."""
        space = socket.CMSG_SPACE(MOST_FILES * array.array("i").itemsize)
        try:
            header, carried, _, _ = self.socket.recvmsg(HEADER.size, space)
        except (ConnectionResetError, ValueError):
            raise Closed from None
        files = array.array("i")
        for level, kind, data in carried:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                files.frombytes(data[: len(data) - len(data) % files.itemsize])
        header += self._exactly(HEADER.size - len(header)) if header else b""
        if not header:
            raise Closed
        return json.loads(self._exactly(HEADER.unpack(header)[0])), list(files)

    def _exactly(self, size: int) -> bytes:
        pieces = []
        while size:
            piece = self.socket.recv(min(size, 1 << 20))
            if not piece:
                raise Closed
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def take_input() -> socket.socket:
    """The socket that this process was started with as its input, for itself: the model reads nothing."""
    end = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)
    # A log that people follow, and that is whole when the process is killed.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return end


class Channel:
    """The scorer's end. A thread of its own reads, so that the end of the input (the node is gone) kills this
    process and all its children even while a model is computing."""

    def __init__(self, end: socket.socket) -> None:
        self._wire = Wire(end)
        self._messages: queue.SimpleQueue[tuple[dict[str, Any], list[int]]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True, name="channel").start()

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        return self._messages.get()

    def send(self, message: dict[str, Any]) -> None:
        self._wire.send(message)

    def _read(self) -> None:
        try:
            while True:
                self._messages.put(self._wire.receive())
        finally:
            os.killpg(os.getpgrp(), signal.SIGKILL)
