"""What the first rows of a file say about its columns: nulls, range, distinct values, how they are spread."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from scoring.errors import InputError
from scoring.plan import file_kind
from scoring.preview import parquet_type
from scoring.scorer.dialect import SNIFFED
from scoring.scorer.failures import FileFailure
from scoring.text_rows import open_text, read_first_rows

ROWS = 10_000  # looked at
CELLS = 300_000  # looked at, so that a wide file opens as quickly as a narrow one
SHOWN = 20
BARS = 12
COMMONEST = 6
LONGEST_VALUE = 200  # characters of a value that are kept
WHOLE = ("integer", "long")
LONGEST_NUMBER = 300  # digits; what is longer is no number that anyone counts with


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    count: int


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    name: str
    type: str  # as MLflow names types; of CSV, what the values looked at look like
    nulls: int = 0
    distinct: int = 0
    least: str = ""  # of numbers by value, else in the order of characters; empty where all are null
    greatest: str = ""
    bars: list[Bar] = field(default_factory=list)  # ranges of numbers, or the commonest values

    @property
    def is_number(self) -> bool:
        return is_number(self.type)


@dataclass(frozen=True, kw_only=True)
class FileProfile:
    columns: list[ColumnProfile]
    shown: list[list[str | None]]  # the first rows
    looked_at: int  # rows
    is_whole: bool  # there are no others
    total: int | None = None  # rows of the file, where it says so itself
    ragged: int = 0  # rows looked at that have more or fewer fields than the header; they are left out


def is_number(kind: str) -> bool:
    return kind in (*WHOLE, "float", "double") or kind.startswith(("decimal", "uint"))


def profile_file(*, stream: BinaryIO, name: str, rows: int = ROWS, shown: int = SHOWN) -> FileProfile:
    """Of the first `rows` rows, fewer of a wide file. `stream` is at its start and can seek."""
    try:
        if file_kind(name) == "image":
            raise FileFailure(f"{name} is an image, which has no columns to look at.")
        if file_kind(name) == "parquet":
            return _of_parquet(stream, name, rows, shown)
        return _of_text(stream, name, rows, shown)
    except FileFailure as failure:
        raise InputError(str(failure), file=name) from None


def _of_text(stream: BinaryIO, name: str, rows: int, shown: int) -> FileProfile:
    text = open_text(stream=stream, name=name, dialect=SNIFFED)
    found = read_first_rows(text=text, wanted=lambda columns: _rows_for(columns, rows))
    return FileProfile(
        columns=[
            _column(title, kind, [row[place] for row in found.fitting])
            for place, (title, kind) in enumerate(zip(found.names, found.kinds, strict=True))
        ],
        shown=found.rows[:shown],
        looked_at=len(found.rows),
        is_whole=found.is_whole,
        total=len(found.rows) if found.is_whole else None,
        ragged=len(found.rows) - len(found.fitting),
    )


def _of_parquet(stream: BinaryIO, name: str, rows: int, shown: int) -> FileProfile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Buffered and not read ahead: a row group of a gigabyte is not loaded for its first rows.
        with pq.ParquetFile(stream, buffer_size=1 << 20, pre_buffer=False) as file:
            schema, total = file.schema_arrow, file.metadata.num_rows
            wanted = _rows_for(len(schema), rows)
            batches = list(islice(file.iter_batches(batch_size=wanted), 1))
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name} cannot be read as Parquet: {reason}", file=name) from error
    arrays = batches[0].columns if batches else [pa.nulls(0)] * len(schema)
    values = [array.to_pylist() for array in arrays]
    looked_at = len(values[0]) if values else 0
    texts = [[None if value is None else _text(value) for value in column[:shown]] for column in values]
    return FileProfile(
        columns=[
            _column(title, parquet_type(kind), column)
            for title, kind, column in zip(schema.names, schema.types, values, strict=True)
        ],
        shown=[list(row) for row in zip(*texts, strict=True)],
        looked_at=looked_at,
        is_whole=looked_at >= total,
        total=total,
    )


def _rows_for(columns: int, rows: int) -> int:
    return max(min(rows, CELLS // max(columns, 1)), SHOWN)


def _text(value: object) -> str:
    return str(value)[:LONGEST_VALUE]


def _column(name: str, kind: str, values: Sequence[object]) -> ColumnProfile:
    present = [value for value in values if value is not None]
    if is_number(kind):
        return _numbers(name, kind, present, len(values) - len(present))
    texts = [_text(value) for value in present]
    counts = Counter(texts)
    repeats = len(counts) <= COMMONEST or len(counts) <= len(texts) / 2
    return ColumnProfile(
        name=name,
        type=kind,
        nulls=len(values) - len(present),
        distinct=len(counts),
        least=min(counts, default=""),
        greatest=max(counts, default=""),
        bars=[
            Bar(label=value, count=count) for value, count in counts.most_common(COMMONEST if repeats else 0)
        ],
    )


def _numbers(name: str, kind: str, present: Sequence[Any], nulls: int) -> ColumnProfile:
    is_whole = kind in WHOLE
    numbers = [_number(value, is_whole) for value in present]
    finite = [number for number in numbers if math.isfinite(number)]
    least, greatest = min(finite, default=None), max(finite, default=None)
    return ColumnProfile(
        name=name,
        type=kind,
        nulls=nulls + sum(math.isnan(number) for number in numbers),
        distinct=len({number for number in numbers if not math.isnan(number)}),
        least="" if least is None else str(least),
        greatest="" if greatest is None else str(greatest),
        bars=_ranges(finite, whole=is_whole),
    )


def _number(value: Any, is_whole: bool) -> float:
    if isinstance(value, str) and len(value) > LONGEST_NUMBER:
        return math.inf
    return int(value) if is_whole else float(value)


def _ranges(numbers: Sequence[float], *, whole: bool) -> list[Bar]:
    """Equally wide ranges from the least to the greatest; of few whole numbers, one for each."""
    if not numbers:
        return []
    counts = Counter(numbers)
    if len(counts) == 1 or (whole and len(counts) <= BARS):
        return [Bar(label=str(value), count=counts[value]) for value in sorted(counts)]
    least, greatest = float(min(numbers)), float(max(numbers))
    width = greatest / BARS - least / BARS
    places = Counter(min(int(value / width - least / width) if width else 0, BARS - 1) for value in numbers)
    edges = [least + width * place for place in range(BARS)] + [greatest]
    return [
        Bar(label=f"{edges[place]:.4g} – {edges[place + 1]:.4g}", count=places[place])
        for place in range(BARS)
    ]
