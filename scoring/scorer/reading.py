"""Reads a slice of a file in chunks whose borders depend on its bytes alone, casts them, sets rows aside that do
not fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, BinaryIO, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from scoring.scorer.casting import Cast, cast_native, cast_text
from scoring.scorer.dialect import SNIFFED, Dialect
from scoring.scorer.needs import Need, Needs
from scoring.scorer.text_file import TextFile

BLOCK_BYTES = 16 << 20


class Chunk:
    """Rows in file order, cast, and the errors among and between them. Rows are numbered from 0 in their
    slice. `rows` are a table or a pandas frame; `passed` are the columns to pass through, of the same rows."""

    def __init__(
        self, rows: Any, errors: list[tuple[int, str, str]], passed: Sequence[pa.Array] = ()
    ) -> None:
        self.rows = rows
        self.errors = errors
        self.passed = list(passed)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def table(self) -> pa.Table:
        if isinstance(self.rows, pa.Table):
            return self.rows
        return pa.Table.from_pandas(self.rows, preserve_index=False)

    def without(self, places: Sequence[int], start: int, message: str) -> Chunk:
        """The others, where the model refuses the rows at `places`; `start` is the number of the first record."""
        failed = {row for row, _, _ in self.errors}
        numbers = [n for n in range(start, start + len(self) + len(failed)) if n not in failed]
        refused = [(numbers[place], "predict", message) for place in places]
        kept = _others(len(self), places)
        passed = [column.filter(kept) for column in self.passed]
        return Chunk(self.table.filter(kept), sorted(self.errors + refused), passed)


class Source(ABC):
    """A slice of an open file: iterate over `chunks()`; `records` is right once they are all taken."""

    records: int

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]: ...


def open_source(
    file: BinaryIO,
    kind: str,
    name: str,
    needs: Needs,
    block_bytes: int = BLOCK_BYTES,
    pass_through: Sequence[str] = (),
    start: int = 0,
    end: int | None = None,
    dialect: Dialect = SNIFFED,
) -> Source:
    """`file` is seekable, at its start; `start` and `end` are as scoring.plan.Slice has them."""
    if kind == "parquet":
        from scoring.scorer.parquet_reading import ParquetSource

        return ParquetSource(file, name, needs, pass_through, start, end)
    text = TextFile(file, kind, name, dialect)
    if text.is_json:
        from scoring.scorer.json_reading import JsonSource

        return JsonSource(text, needs, block_bytes, pass_through, start, end)
    from scoring.scorer.csv_reading import CsvSource

    return CsvSource(text, needs, block_bytes, pass_through, start, end)


def one_chunk(source: Source) -> Iterator[Chunk]:
    """All the chunks of a slice as one, for a model that looks at more than the row."""
    chunks = list(source.chunks())
    if not chunks:
        return
    errors = [error for chunk in chunks for error in chunk.errors]
    tables = [chunk.table for chunk in chunks if chunk.table.num_rows] or [chunks[0].table]
    alike = all(table.schema == tables[0].schema for table in tables)  # not where types are the file's own
    table = pa.concat_tables(tables, **({} if alike else {"promote_options": "permissive"}))
    passed = [pa.concat_arrays(columns) for columns in zip(*(chunk.passed for chunk in chunks))]
    yield Chunk(table.combine_chunks(), errors, passed)


def cast_columns(
    columns: list[pa.Array],
    needs: list[Need],
    numbers: pa.Array,
    text: bool,
    escaped: bool = False,
    passed: Sequence[pa.Array] = (),
) -> Chunk:
    """`numbers` are the rows' numbers in the file; `passed` loses the same rows as `columns`."""
    casts: list[Cast] = []
    for column, need in zip(columns, needs):
        if need.kind is None:
            casts.append(Cast(column))
        elif text:
            casts.append(cast_text(column, need.kind, need.name, escaped))
        else:
            casts.append(cast_native(column, need.kind, need.name))
    problems: dict[int, str] = {}
    for cast in casts:
        for index, message in cast.problems.items():
            problems.setdefault(index, message)
    table = pa.table([cast.array for cast in casts], names=[need.name for need in needs])
    if not problems:
        return Chunk(table, [], passed)
    bad = sorted(problems)
    errors = [(numbers[i].as_py(), "cast", problems[i]) for i in bad]
    kept = _others(len(numbers), bad)
    return Chunk(table.filter(kept), errors, [column.filter(kept) for column in passed])


def _others(count: int, places: Sequence[int]) -> pa.Array:
    """True for each of `count` rows but those."""
    return pc.invert(pc.is_in(count_from(0, count), value_set=pa.array(places, pa.int64())))


def count_from(start: int, length: int) -> pa.Array:
    if not length:
        return pa.array([], pa.int64())
    return pc.add(pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), length)), start - 1)


def column_arrays(data: Any) -> list[pa.Array]:
    """Of a batch, or of a table whose chunks are combined."""
    columns = [data.column(i) for i in range(data.num_columns)]
    return [_array(column) if isinstance(column, pa.ChunkedArray) else column for column in columns]


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
