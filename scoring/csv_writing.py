"""Writes tables as CSV. pyarrow's own writer quotes every text; here only what needs quotes has them."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

# An empty text is quoted, to tell it from a missing value.
NEEDS_QUOTES = r'[",\r\n]|^$'


class Sink(Protocol):
    def write(self, data: object) -> int: ...


class CsvWriter:
    def __init__(self, sink: Sink, *, header: Sequence[str] | None) -> None:
        self._sink = sink
        if header:
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(header)
            sink.write(line.getvalue().encode())

    def write_table(self, table: "pa.Table") -> None:
        import pyarrow.compute as pc

        for batch in table.to_batches():
            if not batch.num_rows:
                continue
            fields = [_rendered(column) for column in batch.columns]
            lines = pc.binary_join_element_wise(*fields, ",", null_handling="replace", null_replacement="")
            lines = pc.binary_join_element_wise(lines, "", "\n")
            size = pc.sum(pc.binary_length(lines)).as_py()
            self._sink.write(memoryview(lines.buffers()[2])[:size])

    def close(self) -> None:
        """As other writers have it; there is nothing left to write."""


def _rendered(column: "pa.Array") -> "pa.Array":
    """Text of each value; numbers in the shortest form that reads back as the same number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "True", "False")
    if not pa.types.is_string(column.type):
        return column.cast(pa.string())
    needs = pc.match_substring_regex(column, NEEDS_QUOTES)
    if not pc.any(needs).as_py():
        return column
    quoted = pc.binary_join_element_wise("", pc.replace_substring(column, '"', '""'), "", '"')
    return pc.if_else(needs, quoted, column)
