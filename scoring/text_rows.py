"""The first rows of a CSV or JSONL file as pages show them, without pandas and without reading the rest."""

import csv
import io
import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, TypeVar

from scoring.plan import file_kind
from scoring.scorer.csv_text import ESCAPED, NULLS, Block, Extent, as_utf8, read_header, record_blocks
from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.json_text import NaturalType, Record, column_names, records, written
from scoring.scorer.text_file import TextFile

BLOCK = 64 << 10
LONGEST_START = 16 << 20  # bytes that are read at most
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity))", re.ASCII)
_BOOLEAN = re.compile(r"true|false|True|False|TRUE|FALSE")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_PATTERNS = (("long", _INTEGER), ("double", _FLOAT), ("boolean", _BOOLEAN), ("datetime", _DATETIME))

Row = list[str | None]
Found = TypeVar("Found")


@dataclass(frozen=True)
class FirstRows:
    dialect: Dialect
    names: list[str]
    kinds: list[str]  # of the columns, as MLflow names types: what the rows here look like
    rows: list[Row]  # one that cannot be read has fewer or more values than there are names
    fitting: list[Row]  # those that can
    is_whole: bool  # there are no others


def open_text(*, stream: BinaryIO, name: str, dialect: Dialect) -> TextFile:
    return TextFile(stream, file_kind(name), name, dialect)


def first_record(text: TextFile) -> int:
    """Where it begins."""
    return text.first if text.is_json else read_header(text).end


def read_first_rows(*, text: TextFile, wanted: Callable[[int], int]) -> FirstRows:
    """As many rows as are `wanted` of a file with so many columns. Raises FileFailure."""
    return _of_json(text, wanted) if text.is_json else _of_csv(text, wanted)


def _of_csv(text: TextFile, wanted: Callable[[int], int]) -> FirstRows:
    header = read_header(text)

    def parse(block: Block) -> Iterator[Row]:
        data, is_escaped = as_utf8(block.data, text.dialect.codec)
        decoded = ESCAPED.sub("\ufffd", data.decode()) if is_escaped else data.decode()
        found = csv.reader(io.StringIO(decoded, newline=""), **text.dialect.csv_options)  # type: ignore[arg-type]
        return ([None if value in NULLS else value for value in row] for row in found if row)

    rows, is_whole = _taken(text, header.end, wanted(len(header.names)), parse)
    fitting = [row for row in rows if len(row) == len(header.names)]
    kinds = [looks_like([row[i] for row in fitting]) for i in range(len(header.names))]
    return FirstRows(text.dialect, header.names, kinds, rows, fitting, is_whole)


def _of_json(text: TextFile, wanted: Callable[[int], int]) -> FirstRows:
    names = column_names(text)
    found, is_whole = _taken(
        text, text.first, wanted(len(names)), lambda block: records(block.data, text.dialect.codec)
    )
    objects = [record for record in found if record is not None]
    rows = [[] if record is None else _shown(record, names) for record in found]
    kinds = [_natural_type([record.get(name) for record in objects]) for name in names]
    return FirstRows(text.dialect, names, kinds, rows, [row for row in rows if row], is_whole)


def _taken(
    text: TextFile, first: int, wanted: int, parse: Callable[[Block], Iterable[Found]]
) -> tuple[list[Found], bool]:
    """The first records, and whether they are all."""
    found: list[Found] = []
    extent = Extent(text.stream, first, first + LONGEST_START)
    try:
        for block in record_blocks(extent, text, BLOCK):
            found += islice(parse(block), wanted + 1 - len(found))  # one more tells that there are others
            if len(found) > wanted:
                return found[:wanted], False
    except FileFailure:
        if not extent.is_used_up:
            raise
        return found, False  # of a record that begins before the end of what is looked at
    if extent.is_used_up:
        return found[:-1], False  # the last of them is cut off
    return found, True


def _shown(record: Record, names: list[str]) -> Row:
    values = [record.get(name) for name in names]
    return [
        None if value is None else str(value) if isinstance(value, str) else written(value)
        for value in values
    ]


def _natural_type(values: list[Any]) -> str:
    found = NaturalType()
    for value in values:
        found.take(value)
    return found.kind(len(values))


def looks_like(values: list[str | None]) -> str:
    present = [value.strip(string.whitespace) for value in values if value is not None]  # as float() does
    if not present:
        return "string" if not values else "double"
    for name, pattern in _PATTERNS:
        if all(pattern.fullmatch(value) for value in present):
            return "double" if name == "long" and len(present) < len(values) else name
    return "string"
