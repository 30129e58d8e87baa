"""SFTP version 3 as the studio speaks it: names are bytes, and many requests are under way at once.

paramiko's own files and listings take names for UTF-8, lose the errors of the last writes and do not stop fetching.
"""

import errno
import posixpath
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _
from paramiko import SFTPAttributes, SFTPClient
from paramiko.message import Message
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_EXTENDED,
    CMD_FSTAT,
    CMD_LSTAT,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_REALPATH,
    CMD_REMOVE,
    CMD_STAT,
    CMD_STATUS,
    CMD_WRITE,
    SFTP_EOF,
    SFTP_FLAG_APPEND,
    SFTP_FLAG_CREATE,
    SFTP_FLAG_EXCL,
    SFTP_FLAG_READ,
    SFTP_FLAG_WRITE,
    SFTP_OK,
    int64,
)

from studio.stores.sftp_names import Found, found_at, found_names

PIECE = 32 << 10  # bytes of a request: what every server takes
AHEAD = 64  # requests under way: 2 MB, as much as the window of a channel
# https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02#section-7, and the later drafts' of disks
STATUSES = {
    2: errno.ENOENT,
    3: errno.EACCES,
    8: errno.EOPNOTSUPP,
    11: errno.EEXIST,
    12: errno.EROFS,
    14: errno.ENOSPC,
    15: errno.EDQUOT,
}
# Version 3 has one status for everything else; some servers say more in words.
WORDS = {"no space": errno.ENOSPC, "disk full": errno.ENOSPC, "quota": errno.EDQUOT}
NEW = SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_EXCL
MORE = SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_APPEND
PLAIN_FAILURE = 0  # errno of an error of which the server says no more


class Session(SFTPClient):
    """Raises OSError with a number for what the server answers; all else means that the connection is broken."""

    def __init__(self, sock: Any) -> None:
        self.under_way: set[int] = set()
        self._answers: dict[int, tuple[int, Message]] = {}
        super().__init__(sock)

    # ---- Requests

    def ask(self, command: int, *given: Any) -> int:
        """Send a request; its number fetches the answer."""
        try:
            number: int = self._async_request(self, command, *given)
        except OSError as error:
            raise ConnectionError(str(error)) from None
        self.under_way.add(number)
        return number

    def answer(self, number: int) -> Message:
        return self._answer(number)[1]

    def _request(self, t: int, *args: Any) -> tuple[int, Message]:
        return self._answer(self.ask(t, *args))

    def _answer(self, number: int) -> tuple[int, Message]:
        while number not in self._answers:
            self._read_response()
        self.under_way.discard(number)
        kind, message = self._answers.pop(number)
        if kind == CMD_STATUS:
            self._convert_status(message)
        return kind, message

    def _async_response(self, kind: int, message: Message, number: int) -> None:
        self._answers[number] = kind, message

    def _convert_status(self, msg: Message) -> None:
        code, said = msg.get_int(), msg.get_string().decode(errors="replace")
        if code == SFTP_OK:
            return
        if code == SFTP_EOF:
            raise EndOfFile(PLAIN_FAILURE, said)
        by_words = next((number for words, number in WORDS.items() if words in said.lower()), PLAIN_FAILURE)
        raise OSError(STATUSES.get(code, by_words), said)

    def settle(self, numbers: Iterable[int]) -> None:
        """Takes the answers that nobody wants any more."""
        for number in numbers:
            try:
                self.answer(number)
            except (TimeoutError, ConnectionError):
                raise  # a server that is silent is so for all of them
            except OSError:
                pass

    # ---- Paths

    def real_path(self, path: bytes) -> bytes:
        message = self.answer(self.ask(CMD_REALPATH, path))
        message.get_int()
        found: bytes = message.get_string()
        return found

    def resolved(self, path: bytes) -> bytes:
        """With links followed, as far as there is something."""
        try:
            return self.real_path(path)
        except FileNotFoundError:
            above, name = posixpath.split(path)
            if above == path:
                raise
            return posixpath.join(self.resolved(above), name)

    def found(self, path: bytes) -> Found:
        """Links followed."""
        return found_at(self.answer(self.ask(CMD_STAT, path)).get_remainder(), 0)[0]

    def is_there(self, path: bytes) -> bool:
        """Even if a link that leads nowhere."""
        try:
            self.answer(self.ask(CMD_LSTAT, path))
        except FileNotFoundError:
            return False
        return True

    def names(self, path: bytes) -> Iterator[tuple[bytes, Found]]:
        """Of a folder, in the server's order. Attributes are those of links themselves, where a server can tell."""
        handle = self.answer(self.ask(CMD_OPENDIR, path)).get_string()
        waiting = deque([self.ask(CMD_READDIR, handle)])
        try:
            while waiting:
                message = self.answer(waiting.popleft())
                # Not all at once: a short folder is one answer and one end.
                waiting.extend(self.ask(CMD_READDIR, handle) for _ in range(2) if len(waiting) < AHEAD)
                yield from found_names(message.get_remainder())
        except EndOfFile:
            pass
        finally:
            self.settle([*waiting, self.ask(CMD_CLOSE, handle)])

    def make_folders(self, path: bytes, *, below: bytes) -> None:
        """Those that are missing."""
        try:
            found = self.found(path)
        except FileNotFoundError:
            if path == below:
                raise
            self.make_folders(posixpath.dirname(path), below=below)
            try:
                self.mkdir(path)
            except OSError:  # somebody else was quicker
                if not self.is_there(path):
                    raise
        else:
            if not found.is_folder:
                raise NotADirectoryError(errno.ENOTDIR, "Not a folder")

    def replace(self, source: bytes, path: bytes) -> None:
        """In one step. A file of the same size gets a later time, by which others see that it has changed."""
        with suppress(FileNotFoundError):
            old, new = self.found(path), self.found(source)
            if old.size == new.size and old.mtime >= new.mtime:
                self.utime(source, (old.mtime + 1, old.mtime + 1))
        try:
            self.posix_rename(source, path)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            if self.is_there(path):
                raise OSError(errno.EOPNOTSUPP, _("the server cannot replace a file in one step")) from None
            self.rename(source, path)

    def remove_all(self, paths: Iterable[bytes]) -> None:
        """As far as they can be."""
        paths = iter(paths)
        while some := [self.ask(CMD_REMOVE, path) for path in islice(paths, AHEAD)]:
            self.settle(some)

    def is_full(self, path: bytes) -> bool:
        """Whether the disk below has no place for data or for files, as far as the server can tell (OpenSSH)."""
        try:
            found = self.answer(self.ask(CMD_EXTENDED, "statvfs@openssh.com", path))
        except OSError:
            return False
        _size, _fragment, _blocks, _free, available, files, _free_files, files_left = (
            found.get_int64() for _number in range(8)
        )
        return not available or bool(files and not files_left)

    # ---- Contents

    def open_to_read(self, path: bytes) -> bytes:
        """A handle."""
        return self._handle(path, SFTP_FLAG_READ)

    def found_open(self, handle: bytes) -> Found:
        return found_at(self.answer(self.ask(CMD_FSTAT, handle)).get_remainder(), 0)[0]

    def close_handle(self, handle: bytes) -> None:
        self.settle([self.ask(CMD_CLOSE, handle)])

    def read(self, path: bytes) -> bytes:
        """A small file."""
        handle = self.open_to_read(path)
        reading = Reading(self, handle, 0, self.found_open(handle).size)
        try:
            return b"".join(iter(lambda: reading.read(PIECE), b""))
        finally:
            reading.close()

    def write(self, path: bytes, chunks: Iterable[bytes], *, flags: int = NEW) -> None:
        handle = self._handle(path, flags)
        with self._closing(handle):
            self._write_all_of(handle, chunks)

    def _write_all_of(self, handle: bytes, chunks: Iterable[bytes]) -> None:
        waiting: deque[int] = deque()
        place = 0
        try:
            for chunk in chunks:
                for start in range(0, len(chunk), PIECE):
                    piece = chunk[start : start + PIECE]
                    waiting.append(self.ask(CMD_WRITE, handle, int64(place), piece))
                    place += len(piece)
                    if len(waiting) >= AHEAD:
                        self.answer(waiting.popleft())
            while waiting:
                self.answer(waiting.popleft())
        finally:
            self.settle(waiting)

    def _handle(self, path: bytes, flags: int) -> bytes:
        found: bytes = self.answer(self.ask(CMD_OPEN, path, flags, SFTPAttributes())).get_string()
        return found

    @contextmanager
    def _closing(self, handle: bytes) -> Iterator[None]:
        """Where all went well, closing may still say that a disk is full."""
        try:
            yield
        except BaseException:
            self.close_handle(handle)
            raise
        self.answer(self.ask(CMD_CLOSE, handle))


class EndOfFile(OSError):
    """Behind the last byte, or the last name."""


class Reading:
    """The bytes of an open file from `start` to before `end`; what was asked for too early is no more than was read."""

    def __init__(self, session: Session, handle: bytes, start: int, end: int) -> None:
        self._session, self._handle = session, handle
        self._next, self._end = start, end
        self._asked: deque[tuple[int, int, int]] = deque()  # number, start, length
        self._ahead = 1
        self._rest = b""

    @property
    def is_done(self) -> bool:
        """Whether all of them were read."""
        return not (self._asked or self._rest) and self._next == self._end

    def found(self) -> Found:
        """The file as it is now."""
        return self._session.found_open(self._handle)

    def read(self, size: int) -> bytes:
        """Nothing where the file ends too early."""
        if not self._rest:
            self._rest = self._fetched()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _fetched(self) -> bytes:
        while len(self._asked) < self._ahead and self._next < self._end:
            self._ask(self._next, min(PIECE, self._end - self._next))
            self._next += self._asked[-1][2]
        if not self._asked:
            return b""
        number, start, length = self._asked.popleft()
        try:
            data: bytes = self._session.answer(number).get_string()
        except EndOfFile:
            return b""
        if len(data) < length:
            self._ask(start + len(data), length - len(data))
            self._asked.rotate(1)
        self._ahead = min(AHEAD, self._ahead + 1)
        return data

    def _ask(self, start: int, length: int) -> None:
        number = self._session.ask(CMD_READ, self._handle, int64(start), length)
        self._asked.append((number, start, length))

    def close(self) -> None:
        self._session.settle(number for number, _start, _length in self._asked)
        self._session.close_handle(self._handle)
