"""Writes what a mini-batch gives: one part of predictions and, only if there are any, one of errors."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

ERROR_SCHEMA = pa.schema(
    [("slice", pa.int32()), ("row", pa.int64()), ("stage", pa.string()), ("message", pa.string())]
)


class _Streams:
    """A file of Arrow IPC streams, one after the other; it appears whole or not at all."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path + ".partial", "wb")
        self._schema: Any = None
        self._stream: Any = None
        self._mark = 0

    def write(self, table: pa.Table) -> None:
        if self._stream is None or self._schema != table.schema:
            self._end_stream()
            self._schema = table.schema
            self._stream = pa.ipc.new_stream(self._file, table.schema)
        self._stream.write_table(table)

    def mark(self) -> None:
        self._end_stream()
        self._mark = self._file.tell()

    def roll_back(self) -> None:
        self._end_stream()
        self._file.seek(self._mark)
        self._file.truncate()

    def commit(self, if_empty: bool) -> None:
        self._end_stream()
        is_empty = not self._file.tell()
        self._file.close()
        if not is_empty or if_empty:
            os.replace(self._path + ".partial", self._path)
        else:
            os.unlink(self._path + ".partial")
            if os.path.exists(self._path):  # of an earlier attempt
                os.unlink(self._path)

    def discard(self) -> None:
        self._end_stream()
        self._file.close()
        if os.path.exists(self._path + ".partial"):
            os.unlink(self._path + ".partial")

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class PartWriter:
    """Both files appear whole or not at all, and what a slice wrote can be taken back.

    A part is one or more Arrow IPC streams, one after the other: a new one begins with each slice, and where
    the columns or their types change (a model may answer whole numbers for one chunk and fractions for the
    next). Columns that are passed through come before the predictions; they are told apart by their places,
    since names may be the same.
    """

    def __init__(self, part: str, errors: str) -> None:
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

    def commit(self) -> None:
        self._errors.commit(if_empty=False)
        self._part.commit(if_empty=True)

    def discard(self) -> None:
        self._part.discard()
        self._errors.discard()
