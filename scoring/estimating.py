"""How many rows an input has, from little of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from scoring.plan import InputFile, file_kind
from scoring.scorer.csv_text import read_header, record_blocks
from scoring.scorer.failures import FileFailure

SAMPLE = 256 << 10  # bytes of CSV that are looked at
MOST_COUNTED = 20  # files; more are estimated from those


@dataclass(frozen=True, kw_only=True)
class RowEstimate:
    rows: int
    exact: bool


def estimate_rows(*, files: Sequence[InputFile], opened: Callable[[str], BinaryIO]) -> RowEstimate | None:
    """Exact for few Parquet files and for CSV files of few bytes, else by the first files' bytes per row.

    None where they cannot be read; `opened` gives the file of a path.
    """
    rows, exact = 0.0, True
    for kind, count in (("csv", _csv_rows), ("parquet", _parquet_rows)):
        of_kind = [file for file in files if file_kind(file.path) == kind]
        if not of_kind:
            continue
        counted = _small_enough(of_kind) if kind == "csv" else of_kind[:MOST_COUNTED]
        found = [_counted(file, opened, count) for file in counted]
        if None in found:
            return None
        known = [one for one in found if one is not None]
        sampled = sum(size for size, _rows in known)
        rows_known = sum(number for _size, number in known)
        total = sum(file.size for file in of_kind)
        is_whole = len(counted) == len(of_kind) and sampled >= total
        exact = exact and is_whole
        rows += rows_known if is_whole else rows_known * total / sampled if sampled else 0
    return RowEstimate(rows=round(rows), exact=exact)


def _small_enough(files: Sequence[InputFile]) -> list[InputFile]:
    """The first, and those after it that can be counted whole with it."""
    taken, size = list(files[:1]), files[0].size
    for file in files[1:MOST_COUNTED]:
        size += file.size
        if size > SAMPLE:
            break
        taken.append(file)
    return taken


def _counted(
    file: InputFile,
    opened: Callable[[str], BinaryIO],
    count: Callable[[BinaryIO, InputFile], tuple[int, int]],
) -> tuple[int, int] | None:
    """Bytes looked at, and the rows in them."""
    try:
        with opened(file.path) as stream:
            return count(stream, file)
    except (FileFailure, OSError):
        return None


def _csv_rows(stream: BinaryIO, file: InputFile) -> tuple[int, int]:
    header = read_header(stream, file.path)
    stream.seek(header.end)
    block = next(record_blocks(stream, file.path, SAMPLE), None)
    if block is None:
        return file.size, 0
    looked_at = header.end + len(block.data)
    # The header is counted as part of the file only where the whole of it was looked at.
    return (file.size if looked_at >= file.size else len(block.data)), block.records


def _parquet_rows(stream: BinaryIO, file: InputFile) -> tuple[int, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(stream) as parquet:
            return file.size, parquet.metadata.num_rows
    except pa.ArrowException as error:
        raise FileFailure(str(error)) from error
