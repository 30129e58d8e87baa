"""The bytes of a text file before they are parsed: header, where records end, bytes that are not UTF-8.

A record of JSONL is a line; it has no quotes that a line end may stand between.

Only the standard library, since the studio's own processes look at headers with it, too.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from typing import BinaryIO, Iterator

from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.text_file import TextFile

NULLS = ("", "NA", "NaN", "nan", "null", "NULL", "None", "N/A", "n/a", "#N/A", "<NA>")
LONGEST_HEADER = 16 << 20
LONGEST_RECORD = 512 << 20
# Bytes that are not UTF-8 travel through the parser as these characters of a private-use plane.
ESCAPE_BASE = 0x10FF00
ESCAPED = re.compile("[\U0010ff80-\U0010ffff]")
_LINE_ENDS = re.compile(rb"[\r\n]+")

csv.field_size_limit(sys.maxsize)


class Header:
    def __init__(self, names: list[str], end: int) -> None:
        self.names = names
        self.end = end  # offset of the first byte after the header's line


def read_header(text: TextFile) -> Header:
    """The first record that is not blank."""
    text.stream.seek(text.first)
    consumed = [text.first]
    records = csv.reader(_lines(_Open(text.stream), consumed, text.name), **text.dialect.csv_options)  # type: ignore[arg-type]
    fields = next((row for row in records if row), None)
    if fields is None:
        raise FileFailure(
            f"{text.name} is empty: a CSV file needs a header row with the names of its columns."
        )
    try:
        names = [field.encode("latin-1").decode(text.dialect.codec) for field in fields]
    except UnicodeDecodeError:
        raise FileFailure(
            f"The header row of {text.name} is not {text.dialect.encoding.upper()} text. "
            "Save the file as UTF-8 and try again."
        ) from None
    if any("\0" in name for name in names):
        raise FileFailure(
            f"{text.name} has NUL bytes in its header row: it is no CSV file, or in an encoding that it does not name. "
            "Save the file as UTF-8 and try again."
        )
    return Header(names, consumed[0])


class _Open(io.RawIOBase):
    """A stream that is not closed with what is put around it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _lines(body: io.RawIOBase, consumed: list[int], name: str) -> Iterator[str]:
    # Latin-1 keeps one character per byte, so that lengths are offsets.
    text = io.TextIOWrapper(io.BufferedReader(body, 65536), encoding="latin-1", newline="")
    while True:
        line = text.readline(LONGEST_HEADER)
        if not line:
            return
        consumed[0] += len(line)
        if consumed[0] > LONGEST_HEADER:
            raise FileFailure(f"{name} has no header row: its first record is longer than 16 MB.")
        yield line


class Extent:
    """The bytes of a stream from `start` to `end` (None: to its end), to be read once, in order."""

    def __init__(self, stream: BinaryIO, start: int, end: int | None) -> None:
        stream.seek(start)
        self._stream = stream
        self._left = None if end is None else max(0, end - start)

    @property
    def is_used_up(self) -> bool:
        """Whether `end` was reached."""
        return self._left == 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size if self._left is None else min(size, self._left))
        if self._left is not None:
            self._left -= len(data)
        return data


class Block:
    """Bytes that hold whole records. Blank lines are not records."""

    def __init__(
        self, data: bytes, dialect: Dialect, records: int | None = None, is_last: bool = False
    ) -> None:
        self.data, self.is_last = data, is_last
        self._dialect, self._records = dialect, records

    @property
    def records(self) -> int:
        """How many there are; counted when first asked for."""
        if self._records is None:
            self._records = _line_runs(self.data)
        return self._records

    def pieces(self, size: int) -> Iterator[bytes]:
        """The same in pieces of about `size` bytes that hold whole records."""
        start = 0
        while len(self.data) - start > size:
            piece = self.data[start : start + size]
            end = _whole_records(piece, self._dialect)[0]
            if not end:
                break
            yield piece[:end]
            start += end
        yield self.data[start:] if start else self.data


def record_blocks(stream: BinaryIO | Extent, text: TextFile, size: int) -> Iterator[Block]:
    """The rest of the stream, which is of `text`, in blocks of about `size` bytes that end where records end.

    Where they end depends on the bytes alone. Blocks are cut here and not by pyarrow, whose reader loses track of
    quotes when a record with a quoted line end lies across two of its own blocks.
    """
    dialect, left = text.dialect, b""
    while True:
        wanted = max(size, 2 * len(left)) - len(left)
        raw = stream.read(wanted)
        data = left + raw if left else raw
        if len(raw) < wanted:
            break
        end, records = _whole_records(data, dialect)
        if not end and len(data) > LONGEST_RECORD:
            hint = "" if text.is_json else "; a quote may be opened and never closed"
            raise FileFailure(f"{text.name} has a record longer than {LONGEST_RECORD >> 20} MB{hint}.")
        if end:
            yield Block(data[:end], dialect, records)
        left = data[end:]
    if data:
        yield _last_block(data, text)


def _last_block(data: bytes, text: TextFile) -> Block:
    # pyarrow takes a last empty field without line end for a quoted one.
    ended = data if data[-1:] in (b"\r", b"\n") else data + b"\n"
    end, records = _whole_records(ended, text.dialect)
    if end < len(ended):
        raise FileFailure(
            f"{text.name} cannot be read as CSV: a quote that is opened near its end is never closed."
        )
    return Block(ended, text.dialect, records, is_last=True)


def _whole_records(data: bytes, dialect: Dialect) -> tuple[int, int | None]:
    """Where the last whole record of `data` ends, which starts with a record; and how many whole ones
    there are, where that is known without another look: without quotes they are the lines."""
    mark = dialect.quote_mark
    if not mark or mark not in data:
        return _last_line_end(data) + 1, None
    pieces = data.split(mark)
    # Every second piece lies outside quotes, if quotes open only where fields start.
    if any(piece and piece[-1] not in dialect.field_ends for piece in pieces[0:-1:2]):
        return _whole_records_slowly(data, dialect)
    last = len(pieces) - 1 - (len(pieces) - 1) % 2
    after = len(pieces[-1]) + 1 if last < len(pieces) - 1 else 0
    for k in range(last, -1, -2):
        place = _last_line_end(pieces[k])
        if place >= 0:
            end = len(data) - after - (len(pieces[k]) - place - 1)
            outside = [*pieces[0:k:2], pieces[k][: place + 1]]
            return end, _line_runs(mark.join(outside))
        after += len(pieces[k]) + 1 + (len(pieces[k - 1]) + 1 if k else 0)
    return 0, 0


def _whole_records_slowly(data: bytes, dialect: Dialect) -> tuple[int, int]:
    """The same by the csv module, for data with quotes inside of unquoted fields."""
    lined = _last_line_end(data) + 1
    consumed = 0
    all_given = False

    def lines() -> Iterator[str]:
        nonlocal consumed, all_given
        # The csv module of Python 3.10 and before refuses NUL, which is a character like others here.
        for line in io.StringIO(data[:lined].replace(b"\0", b" ").decode("latin-1"), newline=""):
            consumed += len(line)
            yield line
        all_given = True
        # Falls into the last record if that is not whole.
        yield "sentinel\n"

    before = end = records = 0
    for row in csv.reader(lines(), **dialect.csv_options):  # type: ignore[arg-type]
        if all_given and row == ["sentinel"]:
            break
        records += bool(row)
        before, end = end, consumed
    else:
        # The sentinel was swallowed: the last record is not whole.
        return before, records - 1
    return end, records


def _last_line_end(data: bytes) -> int:
    """Its place, or -1; a \\r is not looked for in all that has none."""
    newline = data.rfind(b"\n")
    return max(newline, data.rfind(b"\r", newline + 1))


def _line_runs(text: bytes) -> int:
    """Lines that are not blank, of text that ends with a line end."""
    runs = len(_LINE_ENDS.findall(text)) if b"\r" in text or b"\n\n" in text else text.count(b"\n")
    return runs - (text[:1] in (b"\r", b"\n"))


def as_utf8(data: bytes, codec: str) -> tuple[bytes, bool]:
    """Valid UTF-8, and whether it took escapes of bytes that are no characters of `codec`."""
    if data.isascii():
        return data, False
    try:
        text = data.decode(codec)
        return (data if codec == "utf-8" else text.encode("utf-8")), False
    except UnicodeDecodeError:
        return data.decode(codec, "scoring-escape").encode("utf-8"), True


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return "".join(chr(ESCAPE_BASE + byte) for byte in bad), error.end


codecs.register_error("scoring-escape", _escape)


def unescape(value: bytes) -> bytes:
    """The bytes of the file again."""
    text = value.decode("utf-8", "surrogateescape")
    plain = ESCAPED.sub(lambda m: chr(0xDC00 + ord(m.group()) - ESCAPE_BASE), text)
    return plain.encode("utf-8", "surrogateescape")
