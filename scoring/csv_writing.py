"""Writes tables as CSV. pyarrow's own writer quotes every text; here only what needs quotes has them."""

import csv
import io
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

# An empty text is quoted, to tell it from a missing value.
NEEDS_QUOTES = r'[",\r\n]|^$'
THREADS = 2
WRITTEN_AT_ONCE = 16384  # rows


class Sink(Protocol):
    def write(self, data: object) -> int: ...


class CsvWriter:
    """Batches become text beside each other, since pyarrow works outside of the interpreter's lock, and are written in
    order. `close()` writes the last ones."""

    def __init__(self, sink: Sink, *, header: Sequence[str] | None) -> None:
        self._sink = sink
        self._threads = ThreadPoolExecutor(THREADS)
        self._pending: deque[Future[memoryview]] = deque()
        if header:
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(header)
            sink.write(line.getvalue().encode())

    def write_table(self, table: "pa.Table") -> None:
        for batch in table.to_batches():
            if batch.num_rows:
                self._pending.append(self._threads.submit(as_csv, batch))
                self._write(leaving=2 * THREADS)

    def close(self) -> None:
        try:
            self._write(leaving=0)
        finally:
            self._threads.shutdown(cancel_futures=True)

    def _write(self, *, leaving: int) -> None:
        while len(self._pending) > leaving:
            self._sink.write(self._pending.popleft().result())


def as_csv(batch: "pa.RecordBatch") -> memoryview:
    return _quoted(batch) if any(map(_may_need_quotes, batch.columns)) else _plain(batch)


def _plain(batch: "pa.RecordBatch") -> memoryview:
    """By pyarrow's writer, which takes half the time."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    # Of 1,024 rows at a time, as it has it, the text takes a third longer.
    options = pacsv.WriteOptions(include_header=False, quoting_style="none", batch_size=WRITTEN_AT_ONCE)
    columns = [_rendered(one) if pa.types.is_boolean(one.type) else one for one in batch.columns]
    written = io.BytesIO()
    pacsv.write_csv(pa.record_batch(columns, names=batch.schema.names), written, options)
    return written.getbuffer()


def _quoted(batch: "pa.RecordBatch") -> memoryview:
    import pyarrow.compute as pc

    fields = [_rendered(column) for column in batch.columns]
    lines = pc.binary_join_element_wise(*fields, ",", null_handling="replace", null_replacement="")
    lines = pc.binary_join_element_wise(lines, "", "\n")
    size = pc.sum(pc.binary_length(lines)).as_py()
    return memoryview(lines.buffers()[2])[:size]


def _may_need_quotes(column: "pa.Array") -> bool:
    """Told by the bytes of all its texts at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return False
    data = column.buffers()[2]
    text = data.to_pybytes() if data else b""
    return any(mark in text for mark in b'",\r\n') or pc.min(pc.binary_length(column)).as_py() == 0


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
