"""Where a large file can be divided, so that each of its records lies in exactly one slice.

The borders depend on the file, its dialect and the split size alone. A text file is cut near equal shares; of more than
two, the last eighth are halved: the largest are scored first, so slots come to their end together. A border is the
first place after such a share where a record ends; quotes are counted from the start, since a line end between quotes
ends no record. A file that cannot be read well enough to be divided stays whole: whoever scores it says what is wrong
with it. So does one that can only be read from its start, zipped or in UTF-16.

A file that is far away is not read twice: its borders are guessed, as if no quote were open there, and each slice is
held against the guess once it has been fetched. The first one starts where no quote is open. Where a slice that starts
so also ends so, the next one does; where all do, every guess was right. Else the file is divided by reading it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from scoring.plan import Divide, InputFile, Slice, file_kind, whole
from scoring.scorer.csv_text import Extent, record_blocks
from scoring.scorer.dialect import LOOKED_AT, Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.json_text import head_end
from scoring.scorer.text_file import TextFile
from scoring.text_rows import first_record

BLOCK = 1 << 20  # stays in the processor's cache
WINDOW = 64 << 10
DIVISIBLE = ("csv", "jsonl", "parquet")
_LINE_END = re.compile(rb"[\r\n]")
Opened = Callable[[str], BinaryIO]


def divider(*, opened: Opened, split_size: int, dialect: Dialect, guesses: bool = False) -> Divide:
    """For `scoring.plan.plan`; `opened` gives a seekable stream of a file's path."""
    return partial(divide, opened=opened, split_size=split_size, dialect=dialect, guesses=guesses)


def divide(
    file: InputFile, *, opened: Opened, split_size: int, dialect: Dialect, guesses: bool = False
) -> Sequence[Slice]:
    kind = file_kind(file.path)
    if kind not in DIVISIBLE:
        return [whole(file)]
    with opened(file.path) as stream:
        if kind == "parquet":
            return list(_parquet_slices(file, stream, split_size))
        return list(_text_slices(file, stream, split_size, dialect, guesses))


def estimate(file: InputFile, *, split_size: int) -> Sequence[Slice]:
    """As many slices as `divide` is likely to give, without looking at the file."""
    targets = _targets(0, file.size, split_size) if file_kind(file.path) in DIVISIBLE else []
    return list(_between(file, targets))


def _targets(first: int, size: int, split_size: int) -> list[int]:
    """Where to divide, near enough, what lies from `first` to `size`."""
    count = -(-(size - first) // split_size)
    whole_ones = count if count <= 2 else count - -(-count // 8)
    halves = [*range(2, 2 * whole_ones, 2), *range(2 * whole_ones, 2 * count)]
    return [first + (size - first) * number // (2 * count) for number in halves]


def _between(
    file: InputFile, borders: Sequence[int], head: int = 0, *, is_guessed: bool = False
) -> Iterator[Slice]:
    """`head`: bytes at the start of the file that the scorer of each slice reads."""
    ends: list[int | None] = [*borders, None]
    for start, end in zip([0, *borders], ends, strict=True):
        last = file.size if end is None else end
        ranges = ((0, head), (start, last)) if start > head else ((0, max(head, last)),)
        yield Slice(
            path=file.path,
            size=last - start,
            etag=file.etag,
            start=start,
            end=end,
            ranges=ranges,
            is_guessed=is_guessed and bool(borders),
        )


def count_records(*, file: Slice, opened: Opened, dialect: Dialect) -> int:
    """Records of a slice that was not scored, so that the rows after it keep their numbers. Raises OSError."""
    kind = file_kind(file.path)
    with opened(file.path) as stream:
        if kind == "parquet":
            return sum(group.rows for group in _row_groups(stream)[file.start : file.end])
        text = TextFile(stream, kind, file.path, dialect)
        extent = Extent(text.stream, max(file.start, first_record(text)), file.end)
        return sum(block.records for block in record_blocks(extent, text, BLOCK))


# --- text ---


def _text_slices(
    file: InputFile, stream: BinaryIO, split_size: int, dialect: Dialect, guesses: bool
) -> Iterator[Slice]:
    try:
        text = TextFile(stream, file_kind(file.path), file.path, dialect)
        if not text.is_divisible:
            return _between(file, [])
        first = first_record(text)
        targets = _targets(first, file.size, split_size)
        guesses = guesses and bool(text.dialect.quote_mark)
        borders = _guessed(text, file.size, targets) if guesses else _borders(text, first, file.size, targets)
        head = max(LOOKED_AT, head_end(text) if text.is_json else first)
    except FileFailure:
        return _between(file, [])
    return _between(file, borders, head=min(file.size, head), is_guessed=guesses)


def holds_records(*, file: BinaryIO, name: str, start: int, end: int | None, dialect: Dialect) -> bool:
    """Whether a slice of a text file that starts outside of quotes also ends so, read as its scorer reads it.

    `file` needs to have the bytes of the slice and the file's start only.
    """
    text = TextFile(file, file_kind(name), name, dialect)
    quotes = _Quotes(text.dialect)
    size = text.stream.seek(0, 2) if end is None else end
    return quotes.go_on(text.stream, max(start, first_record(text)), size) and not quotes.are_open


def _guessed(text: TextFile, size: int, targets: Sequence[int]) -> list[int]:
    """As if no quote were open at any of the targets."""
    borders: list[int] = []
    for target in targets:
        if not borders or borders[-1] < target:
            end = _next_end(text.stream, target, is_quoted=False, mark=b"")
            if end is not None and end < size:
                borders.append(end)
    return borders


def _borders(text: TextFile, first: int, size: int, targets: Sequence[int]) -> list[int]:
    borders = _record_ends(text, first, size, targets)
    return _record_ends_slowly(text, first, targets) if borders is None else borders


def _record_ends(text: TextFile, first: int, size: int, targets: Sequence[int]) -> list[int] | None:
    """For each target the end of the record that lies there; None where quotes open inside of fields."""
    quotes = _Quotes(text.dialect)
    borders: list[int] = []
    position = first
    for target in [*targets, size]:
        if not quotes.go_on(text.stream, position, target):
            return None
        position = max(position, target)
        if target < size and (not borders or borders[-1] < target):
            end = _next_end(text.stream, target, quotes.are_open, text.dialect.quote_mark)
            if end is not None and end < size:
                borders.append(end)
    return None if quotes.are_open else borders


class _Quotes:
    """Whether a quote is open, as far as a file has been read from a place where none is."""

    def __init__(self, dialect: Dialect) -> None:
        self.are_open = False
        self._dialect, self._last = dialect, b"\n"

    def go_on(self, stream: BinaryIO, start: int, end: int) -> bool:
        """Reads on; False where it cannot be told: a quote opens inside of a field, or the file is shorter."""
        mark = self._dialect.quote_mark
        while mark and start < end:
            stream.seek(start)
            data = stream.read(min(BLOCK, end - start))
            if not data:
                return False
            if mark in data:
                if not _opens_at_fields(data, self.are_open, self._last, self._dialect):
                    return False
                self.are_open ^= data.count(mark) % 2 == 1
            start, self._last = start + len(data), data[-1:]
        return True


def _opens_at_fields(data: bytes, is_quoted: bool, last: bytes, dialect: Dialect) -> bool:
    """Whether each quote that opens stands where a field starts, or doubles the one before it."""
    pieces = data.split(dialect.quote_mark)
    outside = pieces[1 if is_quoted else 0 : -1 : 2]  # each of them is followed by a quote that opens
    if outside and not is_quoted and not outside[0] and last not in dialect.field_ends + dialect.quote_mark:
        return False
    return all(not piece or piece[-1] in dialect.field_ends for piece in outside)


def _next_end(stream: BinaryIO, start: int, is_quoted: bool, mark: bytes) -> int | None:
    """The first place from `start` on that follows a line end outside of quotes."""
    position = start
    while True:
        stream.seek(position)
        data = stream.read(WINDOW)
        if not data:
            return None
        at = 0
        for number, piece in enumerate(data.split(mark) if mark else [data]):
            if is_quoted == bool(number % 2):  # outside of quotes
                found = _LINE_END.search(piece)
                if found:
                    return position + at + found.end()
            at += len(piece) + 1
        is_quoted ^= bool(mark) and data.count(mark) % 2 == 1
        position += len(data)


def _record_ends_slowly(text: TextFile, first: int, targets: Sequence[int]) -> list[int]:
    borders: list[int] = []
    position, left = first, list(targets)
    for block in record_blocks(Extent(text.stream, first, None), text, WINDOW):
        position += len(block.data)
        if left and position >= left[0] and not block.is_last:
            borders.append(position)
            left = [target for target in left if target > position]
    return borders


# --- Parquet ---


def _parquet_slices(file: InputFile, stream: BinaryIO, split_size: int) -> Iterator[Slice]:
    import pyarrow as pa

    try:
        groups = _row_groups(stream)
    except (pa.ArrowException, OSError):
        groups = []
    shares: list[tuple[int, int, int]] = []  # first group, group after the last, bytes
    start, size = 0, 0
    for number, group in enumerate(groups):
        if size and size + group.size > split_size:
            shares.append((start, number, size))
            start, size = number, 0
        size += group.size
    if not shares:
        yield whole(file)
        return
    footer = (max(group.end for group in groups), file.size)
    for first, end, bytes_of_it in [*shares, (start, len(groups), size)]:
        span = (min(one.start for one in groups[first:end]), max(one.end for one in groups[first:end]))
        yield Slice(
            path=file.path,
            size=bytes_of_it,
            etag=file.etag,
            start=first,
            end=None if end == len(groups) else end,
            ranges=(span, footer),
        )


class _RowGroup(NamedTuple):
    rows: int
    size: int  # bytes of its columns, compressed
    start: int  # of its bytes in the file
    end: int


def _row_groups(stream: BinaryIO) -> list[_RowGroup]:
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(stream).metadata
    return [_row_group(metadata.row_group(number)) for number in range(metadata.num_row_groups)]


def _row_group(group: Any) -> _RowGroup:
    columns = [group.column(number) for number in range(group.num_columns)]
    sizes = [column.total_compressed_size for column in columns]
    # A dictionary, where a column has one, comes before its pages.
    starts = [
        min(one.data_page_offset, one.dictionary_page_offset or one.data_page_offset) for one in columns
    ]
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    return _RowGroup(group.num_rows, sum(sizes), min(starts, default=0), max(ends, default=0))
