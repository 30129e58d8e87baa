"""What datastores behind a network have in common: streams that fetch what is read, and copies of some bytes."""

import io
import time
import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from django.utils.translation import gettext as _

from studio.stores.base import Changed, Store, StoreAway, StoredObject, already_there, file_in_the_way
from studio.stores.repeats import note_repeat

PIECE = 1 << 20  # bytes that are asked for at a time
# Also what is asked for first where nobody says how far it is read; then twice as much each time.
BUFFER = 256 << 10
TRIES = 5  # of a read that was interrupted; 0.2 s before the second, twice as long before each further one
FIRST_PAUSE = 0.2
SKIPPED = 256 << 10  # bytes that are read past rather than asked anew behind them
LARGEST_SHARED, MOST_SHARED = (
    256 << 10,
    16,
)  # bytes of a range that is kept for other slices, and how many are
PART = 16 << 20  # bytes of an object that is written in parts, of the first PARTS_OF_A_SIZE of them
PARTS_OF_A_SIZE = 2000  # then they are twice as large: stores take at most 10,000 (S3) parts


class Body(Protocol):
    """The bytes of an object from somewhere on, as they arrive."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class RemoteStream(io.RawIOBase):
    """An object as a stream that can seek: it asks for `first` bytes where it is read, and for twice as many as long as
    it is read on, up to `size`.

    `ask(start, end)` gives the body with those bytes; `failing` is what may go wrong while it is read, after which the
    rest is asked for again.
    """

    def __init__(
        self, *, size: int, first: int, ask: Callable[[int, int], Body], failing: tuple[type[Exception], ...]
    ) -> None:
        self._size, self._first, self._ask, self._failing = size, first, ask, failing
        self._position = self._end = 0  # the latter: where the body under way ends
        self._next = first  # bytes of the next request
        self._body: Body | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        target = max(0, start + offset)
        if self._body and 0 <= target - self._position <= SKIPPED:
            while self._position < target and self._read(target - self._position):
                pass
        if target != self._position:
            self._hang_up()
            self._position, self._next = target, self._first
        return target

    def readinto(self, buffer: Any) -> int:
        data = self._read(min(len(buffer), PIECE))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def pieces(self) -> Iterator[bytes]:
        """What is left, as it arrives: read() would copy it twice."""
        while data := self._read(PIECE):
            yield data

    def _read(self, most: int) -> bytes:
        if self._position >= self._size or not most:
            return b""
        for attempt in range(TRIES):
            cause = "IncompleteRead"  # it ended too early
            try:
                if self._body is None:
                    end = min(self._position + self._next, self._size)
                    self._body, self._end = self._ask(self._position, end), end
                data = self._body.read(min(most, self._end - self._position))
                if data:
                    self._took(len(data))
                    return data
            except (Changed, FileNotFoundError):
                raise  # another try would find no other
            except self._failing as error:
                cause = type(error).__name__
            self._hang_up()
            if attempt < TRIES - 1:
                note_repeat(cause)
                time.sleep(FIRST_PAUSE * 2**attempt)
        raise StoreAway(
            _(
                "The datastore broke off in the middle of a file, %(times)s times. Work goes on when it answers."
            )
            % {"times": TRIES}
        )

    def _took(self, count: int) -> None:
        self._position += count
        if self._position == self._end:
            self._hang_up()  # its connection is free for the next request
            self._next *= 2

    def _hang_up(self) -> None:
        body, self._body = self._body, None
        if body:
            with suppress(Exception):
                body.close()


class RemoteStore(Store):
    """Objects that have to be fetched."""

    is_far = True
    failing: tuple[type[Exception], ...] = (OSError,)  # while a body is read

    @abstractmethod
    def body(self, path: str, etag: str, start: int, end: int) -> Body:
        """The bytes of an object from `start` to before `end`. Raises OSError where it has another `etag`."""

    @abstractmethod
    def put(self, path: str, chunks: Iterable[bytes], *, if_absent: bool = False, owner: str = "") -> bool:
        """Write an object whole, in parts with constant memory; an interrupted one leaves nothing that can be seen.

        With `if_absent`, gives False and writes nothing where there is one. `owner` is kept with it.
        """

    @abstractmethod
    def is_of(self, path: str, owner: str) -> bool:
        """Whether put() has put it there for this owner."""

    @abstractmethod
    def speaking(self) -> AbstractContextManager[None]:
        """Turns what the client raises into OSError and StoreAway, whose messages hold no secret."""

    def open(self, path: str) -> BinaryIO:
        found = self._present(path)
        return io.BufferedReader(self._stream(path, found.etag, found.size, first=BUFFER), BUFFER)

    def _stream(self, path: str, etag: str, end: int, *, first: int) -> RemoteStream:
        def ask(start: int, end: int) -> Body:
            with self.speaking():
                return self.body(path, etag, start, end)

        return RemoteStream(size=end, first=first, ask=ask, failing=self.failing)

    def local_copy(
        self,
        path: str,
        folder: Path,
        *,
        etag: str = "",
        ranges: Sequence[tuple[int, int]] = (),
        between: Callable[[], object] = lambda: None,
    ) -> Path:
        """Where only ranges are copied, the file ends with the last, and has holes between them, which take no place on
        the disk. That an object is still the one with the `etag` is the condition of each request for some of it."""
        if not etag or not any(start < end for start, end in ranges):
            found = self._present(path)
            if etag and found.etag != etag:
                raise Changed
            etag, ranges = found.etag, ranges or [(0, found.size)]
        place = folder / uuid.uuid4().hex
        place.mkdir()
        copy = place / path.rsplit("/", 1)[-1]
        try:
            self._fetch(path, etag, ranges, copy, between)
        except Changed:
            self._present(path)  # raises where there is none, which a store may call a change
            raise
        return copy

    def _fetch(
        self,
        path: str,
        etag: str,
        ranges: Sequence[tuple[int, int]],
        copy: Path,
        between: Callable[[], object],
    ) -> None:
        longest = max(end - start for start, end in ranges)  # is always asked for: so a change is seen
        with copy.open("wb") as file:
            for start, end in ranges:
                file.seek(start)
                if end - start < min(longest, LARGEST_SHARED):
                    pieces: Iterable[bytes] = [self._shared(path, etag, start, end)]
                else:
                    pieces = self._pieces(path, etag, start, end)
                for piece in pieces:
                    file.write(piece)
                    between()

    def _pieces(self, path: str, etag: str, start: int, end: int) -> Iterator[bytes]:
        with closing(self._stream(path, etag, end, first=end - start)) as stream:
            stream.seek(start)
            yield from stream.pieces()

    @cached_property
    def _shared(self) -> Callable[[str, str, int, int], bytes]:
        """What the slices of a file have in common, its head or its footer, is fetched once for many of them."""
        return lru_cache(MOST_SHARED)(lambda *asked: b"".join(self._pieces(*asked)))

    def write(self, path: str, chunks: Iterable[bytes]) -> StoredObject:
        self.put(path, chunks)
        return self._present(path)

    def put_if_absent(self, path: str, source: Path, *, owner: str) -> StoredObject:
        """Who wrote it is kept with the object, so there is nothing to settle."""
        self.free_above(path)
        with source.open("rb") as file:
            chunks = iter(lambda: file.read(PIECE), b"")
            try:
                if not self.put(path, chunks, if_absent=True, owner=owner) and not self.is_of(path, owner):
                    raise already_there(path)
            except (OSError, StoreAway):  # perhaps only the answer was lost
                if not self.is_of(path, owner):
                    raise
        return self._present(path)

    def settle(self, path: str, *, owner: str) -> None:
        pass

    def _present(self, path: str) -> StoredObject:
        found = self.stat(path)
        if found is None:
            raise FileNotFoundError(2, "No such object")
        return found

    def free_path(self, path: str) -> None:
        if self.stat(path) or self.is_folder(path):
            raise already_there(path)
        self.free_above(path)

    def free_above(self, path: str) -> None:
        """Raises AlreadyThere where a folder of `path` would be a file."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if self.stat(above):
                raise file_in_the_way(above)


def in_parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts that a store takes: all of one size but the last; none where there are no bytes."""
    kept, number = bytearray(), 0
    for chunk in chunks:
        kept += chunk
        while len(kept) >= (size := PART << (number // PARTS_OF_A_SIZE)):
            yield bytes(kept[:size])
            del kept[:size]
            number += 1
    if kept:
        yield bytes(kept)
