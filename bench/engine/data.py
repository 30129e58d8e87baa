"""What is scored: the same rows as one CSV, as 40 CSV shards and as one Parquet file; a small file, many small files,
a large one, and a sample to train on.

Each value is drawn from a normal distribution and has five decimals, which makes 2,000,000 rows of 30 values a CSV of
497 MB.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = 30
SHARDS = 40  # of as many rows each; the Parquet file has a row group for each
SMALL_ROWS = 1_000
SAMPLE_ROWS = 20_000
MANY = 200  # small files, for what a mini-batch costs
TIMES = 10  # the rows of the large file are those of the CSV again and again: 5 GB


@dataclass(frozen=True)
class Data:
    folder: Path
    rows: int
    csv: str = "rows.csv"
    shards: str = "shards"
    parquet: str = "rows.parquet"
    small: str = "small.csv"
    many: str = "many"
    large: str = "large.csv"
    sample: str = "sample.csv"

    def path(self, name: str) -> Path:
        return self.folder / name

    def megabytes(self, name: str) -> float:
        return self.path(name).stat().st_size / 1e6


def make_data(home: Path, rows: int) -> Data:
    """The data of this many rows, made where it is not there yet; the same in every run."""
    data = Data(home / f"data-{rows}", rows - rows % SHARDS)
    if data.folder.exists():
        return data
    unfinished = Data(home / f"data-{rows}.new", data.rows)
    shutil.rmtree(unfinished.folder, ignore_errors=True)
    for folder in (unfinished.path(data.shards), unfinished.path(data.many)):
        folder.mkdir(parents=True)
    _write_rows(unfinished)
    _write_small(unfinished)
    _write_large(unfinished)
    unfinished.folder.rename(data.folder)
    return data


def _table(rows: int, *seed: int) -> Any:
    import numpy
    import pyarrow

    values = numpy.random.default_rng([7, *seed]).normal(0.25, 1, (rows, COLUMNS)).round(5)
    return pyarrow.table({f"feature_{number:02d}": values[:, number] for number in range(COLUMNS)})


def _write_rows(data: Data) -> None:
    from pyarrow import csv, parquet

    schema = _table(0).schema
    plain = csv.WriteOptions(quoting_header="none")
    whole = csv.CSVWriter(data.path(data.csv), schema, write_options=plain)
    columns = parquet.ParquetWriter(data.path(data.parquet), schema)
    with whole, columns:
        for number in range(SHARDS):
            table = _table(data.rows // SHARDS, 0, number)
            whole.write_table(table)
            columns.write_table(table)
            csv.write_csv(table, data.path(data.shards) / f"part-{number:02d}.csv", plain)


def _write_small(data: Data) -> None:
    from pyarrow import csv

    plain = csv.WriteOptions(quoting_header="none")  # the header without quotes, as pandas writes it
    csv.write_csv(_table(SMALL_ROWS, 1), data.path(data.small), plain)
    csv.write_csv(_table(SAMPLE_ROWS, 2), data.path(data.sample), plain)
    for number in range(MANY):
        csv.write_csv(_table(SMALL_ROWS, 3, number), data.path(data.many) / f"{number:03d}.csv", plain)


def _write_large(data: Data) -> None:
    with data.path(data.large).open("wb") as large, data.path(data.csv).open("rb") as rows:
        large.write(rows.readline())
        begin = rows.tell()
        for _again in range(TIMES):
            rows.seek(begin)
            shutil.copyfileobj(rows, large, 1 << 24)
