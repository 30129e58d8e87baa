"""The start of a file as a small file of its own, so that a scorer reads just that."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from scoring.errors import InputError
from scoring.plan import file_kind
from scoring.scorer.csv_text import Extent, record_blocks
from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.text_file import TextFile
from scoring.text_rows import first_record, open_text

BLOCK = 64 << 10


def cut_first_rows(*, stream: BinaryIO, name: str, destination: Path, rows: int, dialect: Dialect) -> Dialect:
    """Copy the first `rows` records, of text byte by byte with the header but unzipped and UTF-16 as UTF-8.

    `stream` is at its start and can seek. The dialect is that of the copy, whose own start might say another.
    """
    kind = file_kind(name)
    if kind in ("parquet", "image"):
        if kind == "parquet":
            _cut_parquet(stream, name, destination, rows)
        else:
            destination.write_bytes(stream.read())
        return dialect
    try:
        text = open_text(stream=stream, name=name, dialect=dialect)
        first = first_record(text)
        text.stream.seek(0)
        with destination.open("wb") as file:
            file.write(text.stream.read(first))
            for data in _start(text, first, rows):
                file.write(data)
    except FileFailure as failure:
        raise InputError(str(failure), file=name) from None
    return replace(text.dialect, encoding="utf-8") if text.dialect.encoding == "utf-16" else text.dialect


def _start(text: TextFile, first: int, rows: int) -> Iterator[bytes]:
    taken = 0
    for block in record_blocks(Extent(text.stream, first, None), text, BLOCK):
        consumed = [0]
        for record in csv.reader(_lines(block.data, consumed), **text.dialect.csv_options):  # type: ignore[arg-type]
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
