"""CSV in blocks of whole records. pyarrow splits the fields; borders, counting, encoding and casting are
ours."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from scoring.scorer.casting import ARROW_TYPES, FALSE, INTEGERS, TRUE, text_type
from scoring.scorer.csv_numbers import is_for_numbers, read_numbers
from scoring.scorer.csv_text import NULLS, Block, Extent, as_utf8, read_header, record_blocks
from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Need, Needs
from scoring.scorer.passing import NOTHING_WRITTEN, as_written, places_of
from scoring.scorer.reading import Chunk, Source, cast_columns, column_arrays, count_from
from scoring.scorer.text_file import TextFile

PIECE_BYTES = 1 << 20  # what the parser is given at once: it stays in the processor's cache
# Types that the parser itself gives exactly as our casts do, or refuses.
TYPED = ("double", "float", "boolean", "string", *INTEGERS)


class CsvSource(Source):
    """The records of a file from byte `start` to `end`; the header is read wherever they are."""

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
        header = read_header(text)
        self._needs = needs.of(header.names, text.name)
        passed = places_of(header.names, pass_through, text.name)
        self._parser = _Parser(text, header.names, self._needs, passed)
        self._text, self._block = text, block_bytes
        self._start, self._end = max(start, header.end), end
        if needs.natural:
            self._infer()

    def _blocks(self) -> Iterator[Block]:
        return record_blocks(Extent(self._text.stream, self._start, self._end), self._text, self._block)

    def _infer(self) -> None:
        """Without a signature the whole column decides its type, not the part of it that a chunk happens
        to have."""
        order = ("long", "double", "string")
        kinds = [0] * len(self._needs)
        for block in self._blocks():
            for i, column in enumerate(self._parser.as_text(block).columns):
                if order[kinds[i]] != "string":
                    kinds[i] = max(kinds[i], order.index(text_type(column)))
        for need, kind in zip(self._needs, kinds):
            need.kind = order[kind]

    def chunks(self) -> Iterator[Chunk]:
        for block in self._blocks():
            parsed = self._parser.parse(block)
            if parsed.typed is not None:
                chunk = Chunk(parsed.typed, [], parsed.passed)
            else:
                chunk = cast_columns(
                    parsed.columns,
                    self._needs,
                    parsed.numbers(self.records),
                    text=True,
                    escaped=parsed.escaped,
                    passed=parsed.passed,
                )
            ragged = [(self.records + row, "parse", message) for row, message in parsed.ragged]
            chunk.errors = sorted(chunk.errors + ragged)
            self.records += parsed.records
            yield chunk


class _Parsed:
    """A block's rows that have all fields, typed (a table or a frame) or as raw fields by column; and the others."""

    columns: list[Any] = []
    passed: list[Any] = []
    escaped = False

    def __init__(self, rows: int, ragged: list[tuple[int, str]], typed: Any = None) -> None:
        self.ragged, self.typed = ragged, typed
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
    def __init__(self, text: TextFile, names: list[str], needs: list[Need], passed: list[int]) -> None:
        self._name, self._dialect, self._width, self._needs = text.name, text.dialect, len(names), needs
        self._columns = [str(need.index) for need in needs]
        self._passed = [str(place) for place in passed]
        self._types = {str(need.index): ARROW_TYPES[need.kind] for need in needs if need.kind in TYPED}
        self._is_for_numbers = is_for_numbers(needs, self._width)
        self._has_integers = any(need.kind in INTEGERS for need in needs)

    def parse(self, block: Block) -> _Parsed:
        """Typed where every value of the block is written as its type usually is, else as text."""
        parsed = self._as_typed(block) or self.as_text(block)
        if self._passed:
            # Read once more: what is a null to the model is a text that somebody wrote here.
            data, escaped = as_utf8(block.data, self._dialect.codec)
            text = dict.fromkeys(self._passed, pa.binary())
            again = self._read(data, text, NOTHING_WRITTEN, lambda row: "skip")
            parsed.passed = [as_written(c, escaped) for c in column_arrays(again.combine_chunks())]
        return parsed

    def _as_typed(self, block: Block) -> _Parsed | None:
        """None where a value needs a closer look; then nothing is decided here."""
        if self._is_for_numbers:
            frame = read_numbers(block, self._needs, self._dialect)
            if frame is not None:
                return _Parsed(len(frame), [], frame)
            self._is_for_numbers = False  # what one block has, others are likely to have
        if len(self._types) < len(self._needs):
            return None
        if not block.data.isascii() and (self._dialect.codec != "utf-8" or as_utf8(block.data, "utf-8")[1]):
            return None
        if self._has_integers and (b"0x" in block.data or b"0X" in block.data):
            return None  # Arrow takes 0x10 for 16
        try:
            tables = [
                self._read(piece, self._types, NULLS, lambda row: "error")
                for piece in block.pieces(PIECE_BYTES)
            ]
        except pa.ArrowInvalid:
            return None
        table = pa.concat_tables(tables).rename_columns([need.name for need in self._needs])
        if table.num_rows != block.records or not all(map(_is_plain, table.columns)):
            return None
        return _Parsed(table.num_rows, [], table)

    def as_text(self, block: Block) -> _Parsed:
        data, escaped = as_utf8(block.data, self._dialect.codec)
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
            table = self._read(data, dict.fromkeys(self._columns, pa.binary()), NULLS, invalid)
        except pa.ArrowInvalid as error:
            raise FileFailure(f"{self._name} cannot be read as CSV: {error}.") from error
        parsed = _Parsed(table.num_rows, ragged)
        parsed.columns, parsed.escaped = column_arrays(table.combine_chunks()), escaped
        if parsed.records != block.records:
            raise FileFailure(
                f"{self._name} cannot be read as CSV without losing rows: {block.records} records were "
                f"counted, {parsed.records} understood. Check its quotes."
            )
        return parsed

    def _read(self, data: bytes, types: dict[str, Any], nulls: Sequence[str], invalid: Any) -> pa.Table:
        names = [str(i) for i in range(self._width)]
        mark = self._dialect.quote_mark.decode()
        return pacsv.read_csv(
            pa.BufferReader(data),
            # One thread: numbers of invalid rows are only given then, and slots are the parallelism. One
            # block.
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            parse_options=pacsv.ParseOptions(
                delimiter=self._dialect.separator,
                quote_char=mark or False,
                newlines_in_values=True,
                invalid_row_handler=invalid,
            ),
            convert_options=pacsv.ConvertOptions(
                check_utf8=False,
                include_columns=list(types),
                column_types=types,
                null_values=list(nulls),
                true_values=[word.decode() for word in TRUE],
                false_values=[word.decode() for word in FALSE],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Not where a spelling of NaN became one, or a null stands where the type has none: those are errors."""
    if pa.types.is_floating(column.type):
        return not pc.any(pc.is_nan(column)).as_py()
    return pa.types.is_string(column.type) or not column.null_count
