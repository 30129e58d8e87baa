"""JSONL in blocks of whole lines. A key that a line lacks is null; a line that is no object is an error row."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from scoring.scorer.casting import ARROW_TYPES
from scoring.scorer.csv_text import Block, Extent, as_utf8, record_blocks
from scoring.scorer.json_text import (
    NO_OBJECT,
    NaturalType,
    Record,
    as_field,
    column_names,
    is_nested,
    records,
    written,
)
from scoring.scorer.needs import Needs
from scoring.scorer.passing import as_written, places_of
from scoring.scorer.reading import Chunk, Source, cast_columns, column_arrays, count_from
from scoring.scorer.text_file import TextFile

# Types that are parsed from text after the lines are.
AS_TEXT = ("datetime", "binary")


class JsonSource(Source):
    """The lines of a file from byte `start` to `end`; its first ones say what columns it has."""

    def __init__(
        self,
        text: TextFile,
        needs: Needs,
        block_bytes: int,
        pass_through: Sequence[str] = (),
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self.records = 0
        self._text, self._block = text, block_bytes
        self._start, self._end = max(start, text.first), end
        found = column_names(text)
        types = self._natural_types() if needs.natural else {}
        names = list(types) if needs.natural else found
        self._needs = needs.of(names, text.name)
        for need in self._needs:
            need.kind = types.get(need.name, need.kind)
        places_of(names, pass_through, text.name)
        self._columns, self._passed = [names[need.index] for need in self._needs], list(pass_through)
        # Where only later lines have it, taking it for missing in all would be wrong without a word.
        self._late = [name for name in needs.names if name not in names]
        self._schema = self._explicit_schema()

    def _blocks(self) -> Iterator[Block]:
        return record_blocks(Extent(self._text.stream, self._start, self._end), self._text, self._block)

    def _natural_types(self) -> dict[str, str]:
        types: dict[str, NaturalType] = {}
        rows = 0
        for block in self._blocks():
            for record in records(block.data, self._text.dialect.codec):
                rows += record is not None
                for name, value in (record or {}).items():
                    types.setdefault(name, NaturalType()).take(value)
        return {name: found.kind(rows) for name, found in types.items()}

    def _explicit_schema(self) -> pa.Schema | None:
        """For Arrow's parser; None where it would have to give a column as two types."""
        types = {name: pa.string() for name in [*self._late, *self._passed]}
        for name, need in zip(self._columns, self._needs):
            assert need.kind
            kind = pa.string() if need.kind in AS_TEXT else ARROW_TYPES[need.kind]
            if types.setdefault(name, kind) != kind:
                return None
        return pa.schema(list(types.items()))

    def chunks(self) -> Iterator[Chunk]:
        for block in self._blocks():
            chunk = self._parsed_by_arrow(block) or self._parsed_line_by_line(block)
            self.records += block.records
            yield chunk

    def _parsed_by_arrow(self, block: Block) -> Chunk | None:
        """None where a line needs a closer look; then nothing is decided here."""
        data, escaped = as_utf8(block.data, self._text.dialect.codec)
        if self._schema is None or escaped or not _is_an_object_per_line(data, block.records):
            return None
        try:
            table = pajson.read_json(
                pa.BufferReader(data),
                read_options=pajson.ReadOptions(use_threads=False, block_size=len(data) + 1),
                parse_options=pajson.ParseOptions(
                    explicit_schema=self._schema, unexpected_field_behavior="ignore"
                ),
            ).combine_chunks()
        except pa.ArrowInvalid:
            return None
        if table.num_rows != block.records or any(map(_has_nan, table.columns)):
            return None
        columns = dict(zip(table.schema.names, column_arrays(table)))
        if any(columns[name].null_count < table.num_rows for name in self._late):
            return None
        return cast_columns(
            [columns[name] for name in self._columns],
            self._needs,
            count_from(self.records, table.num_rows),
            text=False,
            passed=[columns[name] for name in self._passed],
        )

    def _parsed_line_by_line(self, block: Block) -> Chunk:
        codec = self._text.dialect.codec
        rows: list[Record] = []
        numbers: list[int] = []
        errors: list[tuple[int, str, str]] = []
        for number, record in enumerate(records(block.data, codec), self.records):
            wrong = ("parse", NO_OBJECT) if record is None else self._misfit(record)
            if wrong:
                errors.append((number, *wrong))
            else:
                rows.append(record)  # type: ignore[arg-type]
                numbers.append(number)
        escaped = as_utf8(block.data, codec)[1]
        fields = [pa.array([as_field(row.get(name)) for row in rows], pa.binary()) for name in self._columns]
        chunk = cast_columns(
            fields,
            self._needs,
            pa.array(numbers, pa.int64()),
            text=True,
            escaped=escaped,
            passed=[
                as_written(pa.array([_as_text(row.get(name)) for row in rows], pa.binary()), escaped)
                for name in self._passed
            ],
        )
        chunk.errors = sorted(chunk.errors + errors)
        return chunk

    def _misfit(self, record: Record) -> tuple[str, str] | None:
        for name in self._late:
            if record.get(name) is not None:
                return "cast", f"column '{name}' comes up here only: it is not in the first lines of the file"
        for name in self._columns:
            if is_nested(record.get(name)):
                return "cast", f"column '{name}' holds a list or an object, and the model takes plain values"
        return None


def _is_an_object_per_line(data: bytes, lines: int) -> bool:
    """After a `}` that ends a line no line that begins with `{` can belong to the same object."""
    starts = data.count(b"\n{") + data.startswith(b"{")
    return starts == lines == data.count(b"}\n") + data.count(b"}\r\n") and b"\r{" not in data


def _has_nan(column: Any) -> bool:
    return pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py() is True


def _as_text(value: Any) -> bytes | None:
    if isinstance(value, str) or is_nested(value):
        text = value if isinstance(value, str) else written(value)
        return text.encode("utf-8", "backslashreplace")
    return as_field(value)
