"""Parts become one file: in plan order, with rows numbered anew, or not at all."""

import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring import csv_writing, parquet_writing
from scoring.csv_writing import CsvWriter, as_csv
from scoring.errors import OutputError
from scoring.outputs import PartRef, PartSlice, file_labels, write_errors, write_predictions
from scoring.reports import SliceReport
from scoring.scorer.parts import PartWriter
from scoring.summary import build_summary, merge_sketches


def part(folder: Path, name: str, *files: tuple[str, list[list[Any]], list[int]]) -> PartRef:
    """Of (file name, its chunks of predictions, its rows that failed)."""
    with (folder / name).open("wb") as predictions, (folder / f"{name}.errors").open("wb") as failures:
        slices = _written(PartWriter(predictions, failures), files)
    return PartRef(part=folder / name, errors=folder / f"{name}.errors", slices=slices)


def _written(writer: PartWriter, files: Sequence[tuple[str, list[list[Any]], list[int]]]) -> list[PartSlice]:
    slices = []
    for index, (file, chunks, failed) in enumerate(files):
        types: list[str] = []
        for chunk in chunks:
            table = pa.table({"prediction": chunk})
            types.append(str(table.schema.field(0).type))
            writer.write(table)
        writer.write_errors(index, [(row, "cast", f"row {row}, of {file}") for row in failed])
        rows = sum(map(len, chunks))
        columns = [("prediction", "|".join(dict.fromkeys(types)))] if types else []
        report = SliceReport(records=rows + len(failed), rows=rows, errors=len(failed), columns=columns)
        slices.append(PartSlice(file_name=file, offset_row=0, report=report))
    writer.close()
    return slices


def test_rows_are_numbered_around_those_that_failed(tmp_path: Path) -> None:
    parts = [
        part(tmp_path, "p0", ("a.csv", [["x", 'say "hi"'], ["a,b"]], [0, 2, 5]), ("b.csv", [], [0])),
        part(tmp_path, "p1", ("c.csv", [["", None, "line\nend"]], [])),
    ]
    report = write_predictions(parts=parts, destination=tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == (
        "row,prediction,file_name\n"
        '1,x,a.csv\n3,"say ""hi""",a.csv\n4,"a,b",a.csv\n'
        '0,"",c.csv\n1,,c.csv\n2,"line\nend",c.csv\n'
    )
    assert (report.rows, report.columns) == (6, ["row", "prediction", "file_name"])
    assert report.bytes == (tmp_path / "out.csv").stat().st_size
    assert write_errors(parts=parts, destination=tmp_path / "errors.csv") == 4
    errors = pd.read_csv(tmp_path / "errors.csv")
    assert errors["row"].tolist() == [0, 2, 5, 0]
    assert errors["message"][1] == "row 2, of a.csv"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=6), min_size=1, max_size=4))
def test_any_pattern_of_failures_keeps_the_numbers(
    tmp_path: Path, patterns: list[list[tuple[int, bool]]]
) -> None:
    files = []
    for i, runs in enumerate(patterns):
        chunks, failed, row = [], [], 0
        for length, good in runs:
            if good:
                chunks.append(list(range(row, row + length)))
            else:
                failed += range(row, row + length)
            row += length
        files.append((f"{i}.csv", chunks, failed))
    # Each scored row predicts its own number.
    write_predictions(parts=[part(tmp_path, "p", *files)], destination=tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert [int(p) for p in out["prediction"]] == out["row"]
    assert out["row"] == [row for _, chunks, _ in files for chunk in chunks for row in chunk]


def test_types_that_differ_between_chunks_are_promoted(tmp_path: Path) -> None:
    parts = [
        part(tmp_path, "p0", ("a.csv", [[1, 2], [2.5, float("nan")]], [])),
        part(tmp_path, "p1", ("b.csv", [[3]], [])),
    ]
    write_predictions(parts=parts, destination=tmp_path / "out.csv", write_header=False)
    assert (tmp_path / "out.csv").read_text() == "0,1,a.csv\n1,2,a.csv\n2,2.5,a.csv\n3,,a.csv\n0,3,b.csv\n"
    write_predictions(parts=parts, destination=tmp_path / "out.parquet")
    assert pq.read_schema(tmp_path / "out.parquet").field("prediction").type == pa.float64()
    mixed = [part(tmp_path, "p2", ("a.csv", [[1], ["no"], [True]], []))]
    write_predictions(parts=mixed, destination=tmp_path / "mixed.csv", write_header=False)
    assert (tmp_path / "mixed.csv").read_text() == "0,1,a.csv\n1,no,a.csv\n2,True,a.csv\n"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_survive_the_csv(tmp_path: Path, numbers: list[float]) -> None:
    one = part(tmp_path, "p", ("a.csv", [numbers], []))
    write_predictions(parts=[one], destination=tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()[1:]
    assert [float(line.split(",")[1]) for line in lines] == numbers


def test_no_rows_at_all_leave_the_header(tmp_path: Path) -> None:
    parts = [part(tmp_path, "p", ("a.csv", [], []))]
    assert write_predictions(parts=parts, destination=tmp_path / "out.csv").rows == 0
    assert (tmp_path / "out.csv").read_text() == "row,prediction,file_name\n"
    write_predictions(parts=parts, destination=tmp_path / "out.parquet", default_columns=["a", "b"])
    assert pq.read_schema(tmp_path / "out.parquet").names == ["row", "a", "b", "file_name"]


@pytest.mark.parametrize(("records", "rows", "errors"), [(4, 3, 0), (2, 2, 0), (4, 4, 0)])
def test_numbers_that_do_not_add_up_fail_the_job(
    tmp_path: Path, records: int, rows: int, errors: int
) -> None:
    good = part(tmp_path, "p", ("a.csv", [[1, 2, 3]], []))
    report = SliceReport(records=records, rows=rows, errors=errors, columns=[("prediction", "int64")])
    wrong = PartRef(
        part=good.part, errors=None, slices=[PartSlice(file_name="a", offset_row=0, report=report)]
    )
    with pytest.raises(OutputError):
        write_predictions(parts=[wrong], destination=tmp_path / "out.csv")


def test_parts_may_be_opened_by_a_function(tmp_path: Path) -> None:
    one = part(tmp_path, "p", ("a.csv", [[1]], [1]))
    path, errors = one.part, one.errors
    assert isinstance(path, Path)
    assert isinstance(errors, Path)
    lazy = PartRef(part=lambda: path.open("rb"), errors=lambda: errors.open("rb"), slices=one.slices)
    write_predictions(parts=[lazy], destination=tmp_path / "out.csv")
    assert write_errors(parts=[lazy], destination=tmp_path / "errors.csv") == 1
    assert (tmp_path / "out.csv").read_text().endswith("0,1,a.csv\n")


def test_files_are_named_by_their_last_part_unless_two_share_it() -> None:
    labels = file_labels(paths=["x/a.csv", "y/a.csv", "y/b.csv"])
    assert labels == {"x/a.csv": "x/a.csv", "y/a.csv": "y/a.csv", "y/b.csv": "b.csv"}


def test_a_file_of_several_slices_is_named_like_others() -> None:
    assert file_labels(paths=["x/a.csv", "x/a.csv", "y/b.csv"]) == {"x/a.csv": "a.csv", "y/b.csv": "b.csv"}


@pytest.mark.parametrize(("rows", "groups"), [(1 << 16, [2500]), (1000, [1000, 1000, 500])])
def test_many_small_files_share_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, groups: list[int]
) -> None:
    monkeypatch.setattr(parquet_writing, "ENOUGH_ROWS", rows)
    files = [(f"{number}.csv", [[number]], []) for number in range(2500)]
    write_predictions(parts=[part(tmp_path, "p", *files)], destination=tmp_path / "out.parquet")
    written = pq.ParquetFile(tmp_path / "out.parquet")
    assert [
        written.metadata.row_group(one).num_rows for one in range(written.metadata.num_row_groups)
    ] == groups
    assert written.read()["prediction"].to_pylist() == list(range(2500))


def test_a_summary_of_nothing_is_still_one() -> None:
    summary = build_summary(job="j", status="Completed", rows=0, failed_rows=0, files=0, failed_files=0,
    seconds={},
                            sketches=merge_sketches([]), versions={"python": "3.11"})  # fmt: skip
    assert summary["predictions"] == {}


def test_files_that_failed_whole_are_listed_without_a_row(tmp_path: Path) -> None:
    parts = [part(tmp_path, "p", ("a.csv", [[1]], [1]))]
    failed = [("b.csv", "b.csv is empty")]
    assert write_errors(parts=parts, destination=tmp_path / "errors.csv", failed_files=failed) == 1
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    assert sorted(lines[1:]) == ['a.csv,1,cast,"row 1, of a.csv"', "b.csv,,file,b.csv is empty"]


def test_both_ways_of_writing_give_the_same_bytes() -> None:
    """What needs no quotes goes through pyarrow's writer, and must look as if it had not."""
    columns = {
        "row": list(range(8)),
        "text": ["a", 'say "x"', "a,b", "l\nf", "", None, "c\rr", " sp "],
        "plain": ["é", "b"] * 4,
        "double": [1.0, 0.1, None, 1e300, float("inf"), -0.0, 5e-324, 123456789.123],
        "single": pa.array([1.5, 0.1, None, 3e38, 1e-45, 2, 3, 4], pa.float32()),
        "moment": [datetime(2020, 1, 1, 1, 2, 3)] * 8,
        "day": [date(2020, 1, 1)] * 8,
        "null": pa.nulls(8),
        "flag": [True, False, None, True] * 2,
    }
    table = pa.table(columns)
    for name in table.schema.names:
        for some in (table.select([name]), table.select([name]).slice(4, 2), table.select([name]).slice(7)):
            for batch in some.to_batches():
                assert bytes(as_csv(batch)) == bytes(csv_writing._quoted(batch)), name


def test_batches_are_written_in_order() -> None:
    sink = io.BytesIO()
    writer = CsvWriter(sink, header=["row"])
    for start in range(0, 50_000, 1000):
        writer.write_table(pa.table({"row": range(start, start + 1000)}))
    writer.close()
    assert sink.getvalue().decode().split() == ["row", *map(str, range(50_000))]
