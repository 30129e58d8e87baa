"""Parquet in batches of rows whose number depends on the needed columns alone."""

from __future__ import annotations

from typing import BinaryIO, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Needs
from scoring.scorer.passing import as_typed, places_of
from scoring.scorer.reading import Chunk, Source, cast_columns, column_arrays, count_from

MOST_ROWS = 65_536
LEAST_ROWS = 1_024
BATCH_VALUES = 2_000_000


class ParquetSource(Source):
    """The rows of the row groups from `start` to `end`."""

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        needs: Needs,
        pass_through: Sequence[str] = (),
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self.records = 0
        self._name = name
        try:
            self._file = pq.ParquetFile(file)
            schema, metadata = self._file.schema_arrow, self._file.metadata
        except (pa.ArrowException, OSError) as error:
            raise FileFailure(f"{name} cannot be read as Parquet: {_first_line(error)}") from error
        self._groups = list(range(start, metadata.num_row_groups if end is None else end))
        self._expected = sum(metadata.row_group(group).num_rows for group in self._groups)
        self._needs = needs.of(list(schema.names), name)
        places_of(schema.names, pass_through, name)
        self._passed = list(pass_through)
        for need in self._needs:
            if pa.types.is_nested(schema.field(need.index).type):
                raise FileFailure(
                    f"{name}: column '{need.name}' is nested ({schema.field(need.index).type}), and the "
                    "model takes plain values."
                )

    def chunks(self) -> Iterator[Chunk]:
        names = [need.name for need in self._needs]
        # The borders of chunks follow the model's columns alone: what is passed through changes no prediction.
        rows = max(LEAST_ROWS, min(MOST_ROWS, BATCH_VALUES // max(1, len(names))))
        wanted = list(dict.fromkeys([*names, *self._passed]))
        row = 0
        try:
            for batch in self._file.iter_batches(
                batch_size=rows, row_groups=self._groups, columns=wanted, use_threads=False
            ):
                arrays = dict(zip(batch.schema.names, column_arrays(batch)))
                numbers = count_from(row, batch.num_rows)
                yield cast_columns(
                    [arrays[n] for n in names],
                    self._needs,
                    numbers,
                    text=False,
                    passed=[as_typed(arrays[n]) for n in self._passed],
                )
                row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise FileFailure(f"{self._name} cannot be read as Parquet: {_first_line(error)}") from error
        if row != self._expected:
            raise FileFailure(f"{self._name} says it has {self._expected} rows, but holds {row}.")
        self.records = row


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
