"""Looks at the start of a file without reading the rest of it, and without pandas."""

import csv
import io
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from scoring.errors import InputError
from scoring.plan import file_kind
from scoring.scorer.dialect import SNIFFED, Dialect
from scoring.scorer.failures import FileFailure
from scoring.text_rows import open_text, read_first_rows

ROWS = 20
VALUES = 3
PARQUET_TYPES = {
    "bool": "boolean",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "long",
    "halffloat": "float",
    "float": "float",
    "double": "double",
    "string": "string",
    "large_string": "string",
    "binary": "binary",
    "large_binary": "binary",
}


@dataclass(frozen=True, kw_only=True)
class PreviewColumn:
    name: str
    type: str  # as MLflow names types; of CSV, what the shown values look like
    values: list[str] = field(default_factory=list)  # the first few


@dataclass(frozen=True, kw_only=True)
class Preview:
    columns: list[PreviewColumn]
    rows: list[list[str | None]]
    dialect: Dialect | None = None  # of a text file: how it is written


@dataclass(frozen=True, kw_only=True)
class Page:
    header: list[str]
    rows: list[list[str]]
    has_more: bool


def first_rows(*, stream: BinaryIO, name: str, rows: int = ROWS, dialect: Dialect = SNIFFED) -> Preview:
    """`stream` is at its start and can seek. An image is one row without columns."""
    if file_kind(name) == "image":
        return Preview(columns=[], rows=[[]])
    if file_kind(name) == "parquet":
        return _parquet_rows(stream, name, rows)
    try:
        found = read_first_rows(
            text=open_text(stream=stream, name=name, dialect=dialect), wanted=lambda columns: rows
        )
    except FileFailure as failure:
        raise InputError(str(failure), file=name) from None
    values = [[row[i] for row in found.fitting] for i in range(len(found.names))]
    return Preview(columns=_columns(found.names, found.kinds, values), rows=found.rows, dialect=found.dialect)


def page_of_csv(*, stream: BinaryIO, offset: int, limit: int, header: bool = True) -> Page:
    """Records `offset` to `offset + limit` of a CSV file; `header`: its first record is one."""
    text = _text(stream)
    records = (row for row in csv.reader(text) if row)
    try:
        names = next(records, []) if header else []
        page = list(islice(records, offset, offset + limit + 1))
    finally:
        text.detach()  # the stream is the caller's to close
    return Page(header=names, rows=page[:limit], has_more=len(page) > limit)


def page_of_parquet(*, stream: BinaryIO, offset: int, limit: int) -> Page:
    """Rows `offset` to `offset + limit` of a Parquet file; row groups before them are not read."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream) as file:
        names, total, start = file.schema_arrow.names, file.metadata.num_rows, 0
        found: list[list[str]] = []
        for group in range(file.num_row_groups):
            length = file.metadata.row_group(group).num_rows
            if start + length > offset + len(found) and len(found) < limit:
                skipped = max(offset - start, 0)
                table = file.read_row_group(group).slice(skipped, limit - len(found))
                columns = [
                    ["" if v is None else str(v) for v in column.to_pylist()] for column in table.columns
                ]
                found += [list(row) for row in zip(*columns, strict=True)]
            start += length
    return Page(header=names, rows=found, has_more=offset + len(found) < total)


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")


def _columns(names: list[str], kinds: list[str], values: list[list[str | None]]) -> list[PreviewColumn]:
    return [
        PreviewColumn(name=name, type=kind, values=[value or "" for value in column[:VALUES]])
        for name, kind, column in zip(names, kinds, values, strict=True)
    ]


def _parquet_rows(stream: BinaryIO, name: str, rows: int) -> Preview:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            batch = next(file.iter_batches(batch_size=max(rows, 1)), None)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name} cannot be read as Parquet: {reason}", file=name) from error
    arrays = batch.columns if batch is not None else [pa.nulls(0)] * len(schema)
    values = [[None if v is None else str(v) for v in array.slice(0, rows).to_pylist()] for array in arrays]
    kinds = [parquet_type(field.type) for field in schema]
    shown = [list(row) for row in zip(*values, strict=True)]
    return Preview(columns=_columns(schema.names, kinds, values), rows=shown)


def parquet_type(kind: object) -> str:
    text = str(kind)
    if text.startswith(("timestamp", "date")):
        return "datetime"
    if text.startswith("dictionary<values="):
        return PARQUET_TYPES.get(text.removeprefix("dictionary<values=").split(",")[0], text)
    return PARQUET_TYPES.get(text, text)
