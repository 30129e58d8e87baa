"""How many rows an input has, from little of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from scoring.plan import InputFile, file_kind
from scoring.scorer.csv_text import Extent, record_blocks
from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure
from scoring.text_rows import LONGEST_START, first_record, open_text

SAMPLE = 256 << 10  # bytes of text that are looked at
ZIPPED_SAMPLE = 4 << 20  # where only the bytes taken from the disk say how much that was
MOST_COUNTED = 20  # files; more are estimated from those


@dataclass(frozen=True, kw_only=True)
class RowEstimate:
    rows: int
    exact: bool


def estimate_rows(
    *, files: Sequence[InputFile], opened: Callable[[str], BinaryIO], dialect: Dialect
) -> RowEstimate | None:
    """Exact for few Parquet files and for text files of few bytes, else by the first files' bytes per row.

    None where they cannot be read, or begin with a record of many MB; `opened` gives the file of a path.
    """
    rows, exact = 0.0, True
    kinds = {file.path: file_kind(file.path) for file in files}
    for kind in sorted(set(kinds.values())):
        of_kind = [file for file in files if kinds[file.path] == kind]
        if kind == "image":
            rows += len(of_kind)
            continue
        counted = of_kind[:MOST_COUNTED] if kind == "parquet" else _small_enough(of_kind)
        found = [_counted(file, opened, dialect) for file in counted]
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


def _counted(file: InputFile, opened: Callable[[str], BinaryIO], dialect: Dialect) -> tuple[int, int] | None:
    """Bytes looked at, and the rows in them."""
    try:
        with opened(file.path) as stream:
            if file_kind(file.path) == "parquet":
                return _parquet_rows(stream, file)
            return _text_rows(stream, file, dialect)
    except (FileFailure, OSError):
        return None


def _text_rows(stream: BinaryIO, file: InputFile, dialect: Dialect) -> tuple[int, int] | None:
    text = open_text(stream=stream, name=file.path, dialect=dialect)
    first = first_record(text)
    extent = Extent(text.stream, first, first + LONGEST_START)
    block = next(record_blocks(extent, text, SAMPLE if text.is_divisible else ZIPPED_SAMPLE), None)
    if extent.is_used_up:
        return None
    if block is None or block.is_last:
        # The header is counted as part of the file only where the whole of it was looked at.
        return file.size, block.records if block else 0
    return (len(block.data) if text.is_divisible else stream.tell()), block.records


def _parquet_rows(stream: BinaryIO, file: InputFile) -> tuple[int, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(stream) as parquet:
            return file.size, parquet.metadata.num_rows
    except pa.ArrowException as error:
        raise FileFailure(str(error)) from error
