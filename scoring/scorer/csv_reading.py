"""CSV in blocks of whole records. pyarrow splits the fields; borders, counting, encoding and casting are
ours."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pacsv

from scoring.scorer.casting import text_type
from scoring.scorer.csv_text import NULLS, Block, Header, as_utf8, read_header, record_blocks
from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Need, Needs
from scoring.scorer.passing import NOTHING_WRITTEN, as_written, places_of
from scoring.scorer.reading import Chunk, Source, cast_columns, column_arrays, count_from


class CsvSource(Source):
    def __init__(
        self, path: str, name: str, needs: Needs, block_bytes: int, pass_through: Sequence[str] = ()
    ) -> None:
        self.records = 0
        with open(path, "rb") as stream:
            header = read_header(stream, name)
        self._needs = needs.of(header.names, name)
        passed = places_of(header.names, pass_through, name)
        self._parser = _Parser(path, name, header, self._needs, passed, block_bytes)
        if needs.natural:
            self._infer()

    def _infer(self) -> None:
        """Without a signature the whole column decides its type, not the part of it that a chunk happens
        to have."""
        order = ("long", "double", "string")
        kinds = [0] * len(self._needs)
        for parsed in self._parser.blocks():
            for i, column in enumerate(parsed.columns):
                if order[kinds[i]] != "string":
                    kinds[i] = max(kinds[i], order.index(text_type(column)))
        for need, kind in zip(self._needs, kinds):
            need.kind = order[kind]

    def chunks(self) -> Iterator[Chunk]:
        for parsed in self._parser.blocks():
            numbers = parsed.numbers(self.records)
            chunk = cast_columns(
                parsed.columns,
                self._needs,
                numbers,
                text=True,
                escaped=parsed.escaped,
                passed=parsed.passed,
            )
            ragged = [(self.records + row, "parse", message) for row, message in parsed.ragged]
            chunk.errors = sorted(chunk.errors + ragged)
            self.records += parsed.records
            yield chunk


class _Parsed:
    """A block's raw fields by column, and its rows that have too few or too many."""

    passed: list[Any] = []

    def __init__(self, columns: list[Any], rows: int, ragged: list[tuple[int, str]], escaped: bool) -> None:
        self.columns, self.ragged, self.escaped = columns, ragged, escaped
        self.records = rows + len(ragged)

    def numbers(self, start: int) -> pa.Array:
        """Numbers in the file of the rows that have all fields, if the block starts with row `start`."""
        pieces = []
        row = 0
        for number, _ in self.ragged:
            pieces.append(count_from(start + row, number - row))
            row = number + 1
        pieces.append(count_from(start + row, self.records - row))
        return pa.concat_arrays(pieces)


class _Parser:
    def __init__(
        self, path: str, name: str, header: Header, needs: list[Need], passed: list[int], block: int
    ) -> None:
        self._path, self._name, self._header, self._block = path, name, header, block
        self._columns = [str(need.index) for need in needs]
        self._passed = [str(place) for place in passed]

    def blocks(self) -> Iterator[_Parsed]:
        with open(self._path, "rb") as stream:
            stream.seek(self._header.end)
            for block in record_blocks(stream, self._name, self._block):
                yield self._parse(block)

    def _parse(self, block: Block) -> _Parsed:
        data, escaped = as_utf8(block.data)
        ragged: list[tuple[int, str]] = []

        def invalid(row: Any) -> str:
            expected, actual = row.expected_columns, row.actual_columns
            message = (
                f"the row has {actual} field{'s' if actual != 1 else ''} where the header has {expected}"
            )
            # `number` counts records from 1: blank lines are not among them, a quoted line end starts none.
            ragged.append((row.number - 1, message))
            return "skip"

        try:
            table = self._read(data, self._columns, NULLS, invalid)
        except pa.ArrowInvalid as error:
            raise FileFailure(f"{self._name} cannot be read as CSV: {error}.") from error
        parsed = _Parsed(column_arrays(table.combine_chunks()), table.num_rows, ragged, escaped)
        if parsed.records != block.records:
            raise FileFailure(
                f"{self._name} cannot be read as CSV without losing rows: {block.records} records were "
                f"counted, {parsed.records} understood. Check its quotes."
            )
        if self._passed:
            # Read once more: what is a null to the model is a text that somebody wrote here.
            again = self._read(data, self._passed, NOTHING_WRITTEN, lambda row: "skip")
            parsed.passed = [as_written(c, escaped) for c in column_arrays(again.combine_chunks())]
        return parsed

    def _read(self, data: bytes, columns: list[str], nulls: Sequence[str], invalid: Any) -> pa.Table:
        names = [str(i) for i in range(len(self._header.names))]
        return pacsv.read_csv(
            pa.BufferReader(data),
            # One thread: numbers of invalid rows are only given then, and slots are the parallelism. One
            # block.
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=invalid),
            convert_options=pacsv.ConvertOptions(
                check_utf8=False,
                include_columns=columns,
                column_types={name: pa.binary() for name in columns},
                null_values=list(nulls),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
