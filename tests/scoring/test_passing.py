"""Columns that are passed through to the output: as the file has them, beside the right rows."""

import datetime
import decimal
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.errors import InputError
from scoring.outputs import PartRef, PartSlice, passed_names, write_errors, write_predictions
from scoring.processes import LocalSlice, Scorer
from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Needs
from scoring.scorer.reading import BLOCK_BYTES, open_source

StartScorer = Callable[..., Scorer]
X = [{"name": "x", "type": "double", "required": True}]


def passed(path: Path, *names: str, kind: str = "csv", inputs=X, block: int = BLOCK_BYTES) -> list[list]:
    """Rows of the columns `names`, of the rows that are scored."""
    rows: list[list] = []
    with path.open("rb") as file:
        for chunk in open_source(file, kind, path.name, Needs(inputs), block, names).chunks():
            columns = [column.to_pylist() for column in chunk.passed]
            assert all(len(column) == chunk.table.num_rows for column in columns)
            rows += [list(row) for row in zip(*columns, strict=True)]
    return rows


def test_text_is_kept_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('id,x\n007,1\n1.50,2\nNA,3\n" a, ""b""",4\n,5\n"",6\n1e3,7\n', encoding="utf-8")
    assert passed(file, "id") == [["007"], ["1.50"], ["NA"], [' a, "b"'], [None], [""], ["1e3"]]


def test_a_column_of_the_model_is_passed_as_text_too(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("x,id\n01.50,a\n", encoding="utf-8")
    assert passed(file, "id", "x") == [["a", "01.50"]]


@pytest.mark.parametrize("block", [8, 30, BLOCK_BYTES])
def test_rows_that_fail_take_nothing_of_the_others_with_them(tmp_path: Path, block: int) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,x\na,1\nb,no\nc\nd,4\ne,5,6\n\nf,6\n", encoding="utf-8")
    assert passed(file, "id", block=block) == [["a"], ["d"], ["f"]]


def test_bytes_that_are_not_utf8_are_written_out(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,x\nM\xfcller,1\nM\xc3\xbcller,2\n")
    assert passed(file, "id") == [["M\\xfcller"], ["Müller"]]


@pytest.mark.parametrize(
    ("header", "wanted", "sentence"),
    [
        ("id,x", ["name"], "lacks the column 'name', to be passed through to the output. It has 'id', 'x'."),
        ("id,x", ["a", "b"], "lacks the columns 'a', 'b', to be passed through"),
        ("id,x,id", ["id"], "more than one column named 'id', which cannot be passed through"),
    ],
)
def test_a_file_without_the_column_fails_with_a_sentence(
    tmp_path: Path, header: str, wanted: list[str], sentence: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"{header}\n", encoding="utf-8")
    with pytest.raises(FileFailure, match=r"a\.csv") as failure:
        passed(file, *wanted)
    assert sentence in str(failure.value)


def test_parquet_keeps_its_types_where_csv_can_hold_them(tmp_path: Path) -> None:
    file, day = tmp_path / "a.parquet", datetime.date(2026, 2, 28)
    table = pa.table(
        {
            "x": [1.0, 2.0],
            "whole": pa.array([7, None], pa.int16()),
            "exact": pa.array([decimal.Decimal("1.10"), None], pa.decimal128(9, 2)),
            "day": pa.array([day, None]),
            "word": pa.array(["a", "b"]).dictionary_encode(),
            "list": pa.array([[1, 2], None]),
            "raw": pa.array([b"\xff", b"ok"]),
        }
    )
    pq.write_table(table, file)
    names = ["whole", "exact", "day", "word", "list", "raw"]
    assert passed(file, *names, kind="parquet") == [
        [7, decimal.Decimal("1.10"), day, "a", "[1, 2]", "\\xff"],
        [None, None, None, "b", None, "ok"],
    ]


def scored(scorer: Scorer, folder: Path, *files: Path, names: list[str]) -> PartRef:
    report = scorer.score(
        slices=[LocalSlice(path=file, kind=file.suffix[1:]) for file in files],
        part=folder / "part",
        errors=folder / "errors",
        timeout=60,
        pass_through=names,
    )
    slices = [
        PartSlice(file_name=file.name, offset_row=0, report=one)
        for file, one in zip(files, report.slices, strict=True)
    ]
    errors = folder / "errors"
    return PartRef(part=folder / "part", errors=errors if errors.exists() else None, slices=slices)


def test_the_output_has_them_beside_the_predictions(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text('id,act,value,prediction\n007,echo,1.5,mine\n008,echo,no,mine\n"9,9",echo,2.5,\n')
    second.write_text("prediction,value,act,id\ntheirs,3.5,echo,010\n")
    names = ["id", "prediction"]
    part = scored(scorer, tmp_path, first, second, names=names)
    report = write_predictions(parts=[part], destination=tmp_path / "out.csv", pass_through=names)
    assert (tmp_path / "out.csv").read_text() == (
        "row,id,input_prediction,prediction,file_name\n"
        "0,007,mine,1.5,a.csv\n"
        '2,"9,9",,2.5,a.csv\n'
        "0,010,theirs,3.5,b.csv\n"
    )
    assert report.columns == ["row", "id", "input_prediction", "prediction", "file_name"]
    assert write_errors(parts=[part], destination=tmp_path / "errors.csv") == 1
    write_predictions(parts=[part], destination=tmp_path / "out.parquet", pass_through=names)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column("id").to_pylist() == ["007", "9,9", "010"]
    assert table.schema.field("id").type == pa.string()


def test_they_change_no_prediction_and_no_byte_around_them(
    start_scorer: StartScorer, diabetes_model: Path, diabetes_files: list[Path], tmp_path: Path
) -> None:
    scorer = start_scorer(diabetes_model)
    scorer.load()
    outputs = {}
    for names in ([], ["Age"]):
        part = scored(scorer, tmp_path, *diabetes_files, names=names)
        write_predictions(parts=[part], destination=tmp_path / "out.csv", pass_through=names)
        outputs[len(names)] = (tmp_path / "out.csv").read_text().splitlines()
    assert [",".join([line.split(",")[0], *line.split(",")[2:]]) for line in outputs[1]] == outputs[0]
    header = diabetes_files[0].read_text().splitlines()[0].split(",")
    place = header.index("Age")
    ages = [line.split(",")[place] for file in diabetes_files for line in file.read_text().splitlines()[1:]]
    assert [line.split(",")[1] for line in outputs[1][1:]] == ages


def test_types_that_differ_between_files_are_promoted(
    start_scorer: StartScorer, odd_model: Path, tmp_path: Path
) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    table = {"act": ["echo"], "value": [1.5]}
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "c.csv"]
    pq.write_table(pa.table({**table, "id": pa.array([1], pa.int8())}), files[0])
    pq.write_table(pa.table({**table, "id": pa.array([2.5])}), files[1])
    files[2].write_text("act,value,id\necho,1.5,03\n")
    for count, wanted in ((2, ["1", "2.5"]), (3, ["1", "2.5", "03"])):
        part = scored(scorer, tmp_path, *files[:count], names=["id"])
        write_predictions(parts=[part], destination=tmp_path / "out.csv", pass_through=["id"])
        lines = (tmp_path / "out.csv").read_text().splitlines()[1:]
        assert [line.split(",")[1] for line in lines] == wanted


def test_a_file_that_lacks_it_is_named(start_scorer: StartScorer, odd_model: Path, tmp_path: Path) -> None:
    scorer = start_scorer(odd_model)
    scorer.load()
    file = tmp_path / "a.csv"
    file.write_text("act,value\necho,1.5\n")
    with pytest.raises(InputError, match=r"a\.csv lacks the column 'id', to be passed through"):
        scored(scorer, tmp_path, file, names=["id"])


def test_no_rows_at_all_leave_them_in_the_header(tmp_path: Path) -> None:
    write_predictions(parts=[], destination=tmp_path / "out.csv", pass_through=["id", "row"])
    assert (tmp_path / "out.csv").read_text() == "row,id,input_row,prediction,file_name\n"


@pytest.mark.parametrize(
    ("names", "predictions", "wanted"),
    [
        (["id"], ["prediction"], ["id"]),
        (["row", "file_name"], ["p"], ["input_row", "input_file_name"]),
        (["label", "input_label"], ["label"], ["input_input_label", "input_label"]),
        (["label"], ["label", "input_label"], ["input_input_label"]),
    ],
)
def test_a_name_that_is_taken_gets_a_prefix(
    names: list[str], predictions: list[str], wanted: list[str]
) -> None:
    found = passed_names(pass_through=names, predictions=predictions)
    assert found == wanted
    assert len({*found, *predictions, "row", "file_name"}) == len(names) + len(predictions) + 2
