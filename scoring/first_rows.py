"""The start of a file as a small file of its own, so that a scorer reads just that."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scoring.errors import InputError
from scoring.plan import file_kind
from scoring.scorer.csv_text import read_header, record_blocks
from scoring.scorer.failures import FileFailure

BLOCK = 64 << 10


def cut_first_rows(*, stream: BinaryIO, name: str, destination: Path, rows: int) -> None:
    """Copy the header and the first `rows` records, of CSV byte by byte. `stream` is at its start and can seek."""
    if file_kind(name) == "parquet":
        _cut_parquet(stream, name, destination, rows)
        return
    try:
        header = read_header(stream, name)
        stream.seek(0)
        with destination.open("wb") as file:
            file.write(stream.read(header.end))
            for data in _start(stream, name, rows):
                file.write(data)
    except FileFailure as failure:
        raise InputError(str(failure), file=name) from None


def _start(stream: BinaryIO, name: str, rows: int) -> Iterator[bytes]:
    taken = 0
    for block in record_blocks(stream, name, BLOCK):
        consumed = [0]
        for record in csv.reader(_lines(block.data, consumed)):
            taken += bool(record)
            if taken == rows:
                yield block.data[: consumed[0]]
                return
        yield block.data


def _lines(data: bytes, consumed: list[int]) -> Iterator[str]:
    for line in io.StringIO(data.decode("latin-1"), newline=""):
        consumed[0] += len(line)
        yield line


def _cut_parquet(stream: BinaryIO, name: str, destination: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(stream) as file:
            batch = next(file.iter_batches(batch_size=rows), None)
            table = pa.Table.from_batches([batch] if batch is not None else [], schema=file.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name} cannot be read as Parquet: {reason}", file=name) from error
    pq.write_table(table.slice(0, rows), destination)
