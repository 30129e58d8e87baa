"""Length-prefixed JSON over a Unix socket, whose messages may carry open files."""

from __future__ import annotations

import array
import json
import os
import queue
import select
import signal
import socket
import struct
import sys
import threading
from typing import Any, Sequence

HEADER = struct.Struct(">I")
MOST_FILES = 8  # of one message
LONGEST_MESSAGE = 256 << 20  # bytes; a report of many files and columns has a few MB


class Closed(Exception):
    """The other side is gone."""


class Wire:
    """One end of the socket. Where it has a timeout, `receive` gives up after it and goes on with the same message
    when it is called again."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._bytes = b""
        self._files: list[int] = []

    def send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        body = json.dumps(message, allow_nan=False).encode()
        data = memoryview(HEADER.pack(len(body)) + body)
        carried = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        try:
            sent = self.socket.sendmsg([data], carried)
            self.socket.sendall(data[sent:])
        except OSError:
            raise Closed from None

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """A whole message and the files that it carries, which belong to the receiver. Raises Closed, TimeoutError."""
        while True:
            message = self._taken()
            if message is not None:
                files, self._files = self._files, []
                return message, files
            self._read()

    def is_closed(self) -> bool:
        """Whether the other side is known to be gone, or this one; disturbs nobody who waits for a message."""
        descriptor = self.socket.fileno()
        if descriptor < 0:
            return True
        asked = select.poll()
        asked.register(descriptor, 0)  # a hang-up is told without being asked for
        return bool(asked.poll(0))

    def _taken(self) -> dict[str, Any] | None:
        if len(self._bytes) < HEADER.size:
            return None
        end = HEADER.size + HEADER.unpack(self._bytes[: HEADER.size])[0]
        if end > LONGEST_MESSAGE:
            raise Closed
        if len(self._bytes) < end:
            return None
        body, self._bytes = self._bytes[HEADER.size : end], self._bytes[end:]
        message: dict[str, Any] = json.loads(body)
        return message

    def _read(self) -> None:
        space = socket.CMSG_SPACE(MOST_FILES * array.array("i").itemsize)
        try:
            data, carried, _, _ = self.socket.recvmsg(1 << 20, space)
        except socket.timeout:
            raise TimeoutError from None
        except OSError:
            raise Closed from None
        for level, kind, content in carried:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                files = array.array("i")
                files.frombytes(content[: len(content) - len(content) % files.itemsize])
                self._files += files
        if not data:
            raise Closed
        self._bytes += data


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
