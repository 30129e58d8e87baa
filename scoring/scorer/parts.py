"""Writes what a mini-batch gives: one part of predictions and, only if there are any, one of errors."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

ERROR_SCHEMA = pa.schema(
    [("slice", pa.int32()), ("row", pa.int64()), ("stage", pa.string()), ("message", pa.string())]
)


class PartWriter:
    """Both files appear whole or not at all.

    A part is one or more Arrow IPC streams, one after the other: a new one begins where the columns or
    their types
    change (a model may answer whole numbers for one chunk and fractions for the next). Columns that are
    passed through come before the predictions; they are told apart by their places, since names may be the
    same.
    """

    def __init__(self, part: str, errors: str) -> None:
        self._part, self._errors = part, errors
        self._file = open(part + ".partial", "wb")
        self._schema: Any = None
        self._stream: Any = None
        self._error_stream: Any = None

    def write(self, table: pa.Table, passed: pa.Table | None = None) -> None:
        if passed is not None:
            names = [*passed.schema.names, *table.schema.names]
            table = pa.Table.from_arrays([*passed.columns, *table.columns], names=names)
        if self._stream is None or self._schema != table.schema:
            if self._stream is not None:
                self._stream.close()
            self._schema = table.schema
            self._stream = pa.ipc.new_stream(self._file, table.schema)
        self._stream.write_table(table)

    def write_errors(self, index: int, errors: list[tuple[int, str, str]]) -> None:
        if not errors:
            return
        if self._error_stream is None:
            self._error_stream = pa.ipc.new_stream(self._errors + ".partial", ERROR_SCHEMA)
        rows, stages, messages = zip(*errors)
        columns = [[index] * len(errors), rows, stages, messages]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, ERROR_SCHEMA)]
        self._error_stream.write_batch(pa.record_batch(arrays, schema=ERROR_SCHEMA))

    def commit(self) -> None:
        self._close()
        if self._error_stream is not None:
            os.replace(self._errors + ".partial", self._errors)
        elif os.path.exists(self._errors):  # of an earlier attempt
            os.unlink(self._errors)
        os.replace(self._part + ".partial", self._part)

    def discard(self) -> None:
        self._close()
        for path in (self._part + ".partial", self._errors + ".partial"):
            if os.path.exists(path):
                os.unlink(path)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._file.close()
        if self._error_stream is not None:
            self._error_stream.close()
