"""Writes what a mini-batch gives: one part of predictions and, only if there are any, one of errors."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa

MOST_ROWS = 1 << 18  # of one batch: whoever puts parts together holds one at a time
ERROR_SCHEMA = pa.schema(
    [("slice", pa.int32()), ("row", pa.int64()), ("stage", pa.string()), ("message", pa.string())]
)


class _Streams:
    """Arrow IPC streams in a file, one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._schema: Any = None
        self._stream: Any = None
        self._mark = 0

    def write(self, table: pa.Table) -> None:
        if self._stream is None or self._schema != table.schema:
            self.end_stream()
            self._schema = table.schema
            self._stream = pa.ipc.new_stream(self._file, table.schema)
        self._stream.write_table(table, max_chunksize=MOST_ROWS)

    def mark(self) -> None:
        self.end_stream()
        self._mark = self._file.tell()

    def roll_back(self) -> None:
        self.end_stream()
        self._file.seek(self._mark)
        self._file.truncate()

    def end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class PartWriter:
    """Into two open files, where what a slice wrote can be taken back.

    A part is one or more Arrow IPC streams, one after the other: a new one begins with each slice, and where
    the columns or their types change (a model may answer whole numbers for one chunk and fractions for the
    next). Columns that are passed through come before the predictions; they are told apart by their places,
    since names may be the same.
    """

    def __init__(self, part: BinaryIO, errors: BinaryIO) -> None:
        self._part, self._errors = _Streams(part), _Streams(errors)

    def begin_slice(self) -> None:
        self._part.mark()
        self._errors.mark()

    def undo_slice(self) -> None:
        self._part.roll_back()
        self._errors.roll_back()

    def write(self, table: pa.Table, passed: pa.Table | None = None) -> None:
        if passed is not None:
            names = [*passed.schema.names, *table.schema.names]
            table = pa.Table.from_arrays([*passed.columns, *table.columns], names=names)
        self._part.write(table)

    def write_errors(self, index: int, errors: list[tuple[int, str, str]]) -> None:
        if not errors:
            return
        rows, stages, messages = zip(*errors)
        columns = [[index] * len(errors), rows, stages, messages]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, ERROR_SCHEMA)]
        self._errors.write(pa.Table.from_arrays(arrays, schema=ERROR_SCHEMA))

    def close(self) -> None:
        """Ends the streams; the files stay open."""
        self._part.end_stream()
        self._errors.end_stream()
