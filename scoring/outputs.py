"""Puts the parts of a job together, in the order of its plan and with memory that does not grow with them.

A prediction column may come in several types (one chunk answered whole numbers, the next fractions). It gets one that
holds all of them: whole numbers and fractions become double, dates become timestamps, everything else that differs
becomes text. A column that some parts lack is null there. The same holds for columns of the input that are passed
through. One whose name is taken, by `row`, `file_name` or a prediction, is named input_<name>.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from scoring.column_types import common_type
from scoring.csv_writing import CsvWriter
from scoring.errors import OutputError
from scoring.parquet_writing import ParquetWriter
from scoring.reports import SliceReport

if TYPE_CHECKING:
    import pyarrow as pa

ONE_COLUMN = "prediction"
ERROR_COLUMNS = ("file_name", "row", "stage", "message")


@dataclass(frozen=True, kw_only=True)
class PartSlice:
    file_name: str
    offset_row: int  # of its first record in the file
    report: SliceReport


@dataclass(frozen=True, kw_only=True)
class PartRef:
    """Where a recorded part is. `part` may be a function that opens it, so that only one is open at a time."""

    part: Path | Callable[[], BinaryIO]
    errors: Path | Callable[[], BinaryIO] | None
    slices: Sequence[PartSlice]


@dataclass(frozen=True, kw_only=True)
class OutputReport:
    rows: int
    bytes: int
    sha256: str
    columns: list[str]
    types: list[str]  # of Arrow, one of each column


def file_labels(*, paths: Sequence[str]) -> dict[str, str]:
    """What `file_name` says of each path: its last part, or the whole path where two files share that."""
    names = {path: PurePosixPath(path).name for path in paths}  # one comes again for each slice of its file
    files = Counter(names.values())
    return {path: path if files[name] > 1 else name for path, name in names.items()}


def write_predictions(
    *,
    parts: Sequence[PartRef],
    destination: Path,
    write_header: bool = True,
    default_columns: Sequence[str] = (ONE_COLUMN,),
    pass_through: Sequence[str] = (),
    numbered: bool = True,
) -> OutputReport:
    """Writes `row,<pass_through…>,<predictions…>,file_name`; `default_columns` are named where no row was scored.

    Not `numbered` leaves `row` out: each file is one.
    """
    schema = _schema(parts, default_columns, pass_through)
    written = schema if numbered else schema.remove(0)
    rows = 0
    with destination.open("wb") as file:
        sink = _Hashing(file)
        writer = _writer(sink, written, csv_format=destination.suffix == ".csv", write_header=write_header)
        for part in parts:
            for table in _tables(part, schema, len(pass_through)):
                writer.write_table(table if numbered else table.remove_column(0))
                rows += table.num_rows
        writer.close()
        size = file.tell()
    expected = sum(one.report.rows for part in parts for one in part.slices)
    if rows != expected:
        raise OutputError(f"The output has {rows} rows where {expected} were scored; run the job again.")
    return OutputReport(
        rows=rows,
        bytes=size,
        sha256=sink.digest.hexdigest(),
        columns=written.names,
        types=[str(kind) for kind in written.types],
    )


def write_errors(
    *, parts: Sequence[PartRef], destination: Path, failed_files: Sequence[tuple[str, str]] = ()
) -> int:
    """Writes errors.csv and says how many rows it has; `failed_files` (name, sentence) have no row number."""
    written = 0
    with destination.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ERROR_COLUMNS)
        writer.writerows((name, "", "file", message) for name, message in failed_files)
        for part in parts:
            for index, row, stage, message in read_errors(part):
                one = part.slices[index]
                writer.writerow((one.file_name, one.offset_row + row, stage, message))
                written += 1
    expected = sum(one.report.errors for part in parts for one in part.slices)
    if written != expected:
        raise OutputError(f"The errors file has {written} rows where {expected} failed; run the job again.")
    return written


def _opened(source: Path | Callable[[], BinaryIO]) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else source()


def read_errors(part: PartRef) -> Iterator[tuple[int, int, str, str]]:
    if part.errors is None:
        return
    for batch in _streamed(part.errors):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _batches(part: PartRef) -> Iterator["pa.RecordBatch"]:
    if any(one.report.rows for one in part.slices):
        yield from _streamed(part.part)


def _streamed(source: Path | Callable[[], BinaryIO]) -> Iterator["pa.RecordBatch"]:
    """The batches of all the streams in a file; see the scorer's PartWriter."""
    import pyarrow as pa

    with _opened(source) as stream:
        buffered = stream if hasattr(stream, "peek") else io.BufferedReader(stream)  # type: ignore[type-var]
        while buffered.peek(1):
            with pa.ipc.open_stream(buffered) as reader:
                yield from reader


def _tables(part: PartRef, schema: "pa.Schema", passed: int) -> Iterator["pa.Table"]:
    batches = _Rows(_batches(part))
    failed = _Failed(read_errors(part))
    for index, one in enumerate(part.slices):
        report = one.report
        row = 0
        while (batch := batches.up_to(report.rows)) is not None:
            skipped = failed.among(index, row, batch.num_rows)
            yield _finished(batch, row, skipped, one, schema, passed)
            row += batch.num_rows + len(skipped)
        batches.end_slice()
        _check(one, errors=failed.end_slice(index))
    batches.end_part()


def check_rows(*, parts: Sequence[PartRef]) -> None:
    """That each row of the input was scored or failed, as the reports have it; raises OutputError."""
    for part in parts:
        for one in part.slices:
            _check(one, errors=one.report.errors)


def _check(one: PartSlice, *, errors: int) -> None:
    report = one.report
    if report.rows + errors != report.records or errors != report.errors:
        raise OutputError(
            f"{one.file_name} has {report.records} rows, but {report.rows} were scored and {errors} failed; "
            "run the job again."
        )


class _Failed:
    """The rows of a part that failed, slice by slice."""

    def __init__(self, errors: Iterator[tuple[int, int, str, str]]) -> None:
        self._errors = errors
        self._next = next(errors, None)
        self._taken = 0

    def among(self, index: int, start: int, scored: int) -> list[int]:
        """Those that lie before the last of the next `scored` rows that did not fail."""
        rows: list[int] = []
        while self._next and self._next[0] == index and self._next[1] - start - len(rows) < scored:
            rows.append(self._take(self._next))
        return rows

    def end_slice(self, index: int) -> int:
        """How many the slice has in all."""
        while self._next and self._next[0] == index:
            self._take(self._next)
        taken, self._taken = self._taken, 0
        return taken

    def _take(self, error: tuple[int, int, str, str]) -> int:
        self._next = next(self._errors, None)
        self._taken += 1
        return error[1]


class _Rows:
    """Batches cut where slices end."""

    def __init__(self, batches: Iterator["pa.RecordBatch"]) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None
        self._taken = 0

    def up_to(self, rows: int) -> "pa.RecordBatch | None":
        """The next rows of a slice that has `rows` in all; None when they are all taken."""
        wanted = rows - self._taken
        batch = self._rest
        while wanted and (batch is None or not batch.num_rows):
            batch = next(self._batches, None)
            if batch is None:
                return None
        if not wanted or batch is None:
            return None
        self._rest = batch.slice(wanted) if batch.num_rows > wanted else None
        batch = batch.slice(0, wanted)
        self._taken += batch.num_rows
        return batch

    def end_slice(self) -> None:
        self._taken = 0

    def end_part(self) -> None:
        if self._rest is not None or next(self._batches, None) is not None:
            raise OutputError("A part holds more rows than were recorded for it; run the job again.")


def _finished(
    batch: "pa.RecordBatch", row: int, skipped: list[int], one: PartSlice, schema: "pa.Schema", passed: int
) -> "pa.Table":
    """`passed`: so many of the batch's columns come before its predictions."""
    import numpy as np
    import pyarrow as pa

    left_out = set(skipped)
    stop = row + batch.num_rows + len(skipped)
    if left_out:
        numbers = pa.array([n + one.offset_row for n in range(row, stop) if n not in left_out], pa.int64())
    else:
        numbers = pa.array(np.arange(row + one.offset_row, stop + one.offset_row))
    columns = [numbers]
    columns += [_promoted(batch.column(i), schema.field(i + 1).type) for i in range(passed)]
    places = {name: place for place, name in enumerate(batch.schema.names) if place >= passed}
    for field in islice(schema, 1 + passed, len(schema) - 1):
        place = places.get(field.name)
        columns.append(
            pa.nulls(batch.num_rows, field.type)
            if place is None
            else _promoted(batch.column(place), field.type)
        )
    columns.append(pa.repeat(pa.scalar(one.file_name), batch.num_rows))
    return pa.table(columns, schema=schema)


def _promoted(column: "pa.Array", kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if column.type == kind:
        return column
    if pa.types.is_string(kind) and not pa.types.is_integer(column.type):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], kind)
    return column.cast(kind, safe=False)


def _schema(
    parts: Sequence[PartRef], default_columns: Sequence[str], pass_through: Sequence[str]
) -> "pa.Schema":
    import pyarrow as pa

    types: dict[str, list[str]] = {}
    passed: dict[str, list[str]] = {name: [] for name in pass_through}
    for part in parts:
        for one in part.slices:
            for name, text in one.report.columns:
                types.setdefault(name, []).extend(text.split("|"))
            for name, text in one.report.passed:
                passed[name].extend(text.split("|"))
    if not types:
        types = {name: ["null"] for name in default_columns}
    names = passed_names(pass_through=pass_through, predictions=list(types))
    beside = [(name, common_type(set(kinds))) for name, kinds in zip(names, passed.values(), strict=True)]
    predictions = [(name, common_type(set(kinds))) for name, kinds in types.items()]
    return pa.schema([("row", pa.int64()), *beside, *predictions, ("file_name", pa.string())])


def passed_names(*, pass_through: Sequence[str], predictions: Sequence[str]) -> list[str]:
    """What the output calls the columns that are passed through."""
    taken, names = {"row", "file_name", *predictions, *pass_through}, []
    for name in pass_through:
        if name in ("row", "file_name", *predictions):
            name = f"input_{name}"
            while name in taken:
                name = f"input_{name}"
            taken.add(name)
        names.append(name)
    return names


class _Hashing(io.RawIOBase):
    """A file that takes the checksum of what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)


def _writer(sink: _Hashing, schema: "pa.Schema", *, csv_format: bool, write_header: bool) -> Any:
    if csv_format:
        return CsvWriter(sink, header=schema.names if write_header else None)
    return ParquetWriter(sink, schema)
