import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.errors import InputError
from scoring.preview import first_rows, page_of_csv, page_of_parquet


def test_the_first_rows_of_csv_with_their_types() -> None:
    body = "\ufeffa,b,c,d,e\r\n" + '1,2.5,"x\ny",true,2020-01-01\r\n' + "2,,NA,False,\r\n" * 100
    preview = first_rows(stream=io.BytesIO(body.encode()), name="folder/x.csv", rows=20)
    assert [(c.name, c.type) for c in preview.columns] == [
        ("a", "long"), ("b", "double"), ("c", "string"), ("d", "boolean"), ("e", "datetime"),
    ]  # fmt: skip
    assert len(preview.rows) == 20
    assert preview.rows[:2] == [["1", "2.5", "x\ny", "true", "2020-01-01"], ["2", None, None, "False", None]]
    assert preview.columns[0].values == ["1", "2", "2"]


def test_a_number_with_an_odd_character_is_a_text() -> None:
    preview = first_rows(stream=io.BytesIO(b"a,b\n1.\x1c, 2.5\t\n"), name="x.csv")
    assert [column.type for column in preview.columns] == ["string", "double"]


def test_long_rows_are_shown_whole() -> None:
    body = "a,b\n" + f"{'x' * 70_000},2\n" * 5
    preview = first_rows(stream=io.BytesIO(body.encode()), name="x.csv", rows=3)
    assert [len(row[0] or "") for row in preview.rows] == [70_000] * 3


def test_the_first_rows_of_parquet() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([1, None], pa.int32()), "b": ["x", "y"], "c": [1.5, 2.0]}), file)
    file.seek(0)
    preview = first_rows(stream=file, name="x.parquet")
    assert [(c.name, c.type) for c in preview.columns] == [("a", "integer"), ("b", "string"), ("c", "double")]
    assert preview.rows == [["1", "x", "1.5"], [None, "y", "2.0"]]


def test_parquet_without_rows_still_shows_its_columns() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), file)
    file.seek(0)
    preview = first_rows(stream=file, name="x.pqt")
    assert ([c.type for c in preview.columns], preview.rows) == (["long"], [])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"", "x.csv is empty"),
        ("x.csv", b"\xe9\xc3\xa9,b\n1,2\n", "header row of x.csv is not UTF-8"),
        ("x.parquet", b"nothing of that kind", "x.parquet cannot be read as Parquet"),
        ("x.txt", b"a\n", "files of type .txt are not supported"),
    ],
)
def test_what_cannot_be_shown_says_why(name: str, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said.replace(".", r"\.")) as failure:
        first_rows(stream=io.BytesIO(content), name=name)
    assert failure.value.file == name


def test_pages_of_predictions() -> None:
    body = "row,prediction,file_name\n" + "".join(f'{i},"a,{i}\nb",x.csv\n' for i in range(10))
    page = page_of_csv(stream=io.BytesIO(body.encode()), offset=3, limit=4)
    assert page.header == ["row", "prediction", "file_name"]
    assert page.rows == [[str(i), f"a,{i}\nb", "x.csv"] for i in range(3, 7)]
    assert page.has_more
    last = page_of_csv(stream=io.BytesIO(body.encode()), offset=8, limit=4, header=False)
    assert (last.header, len(last.rows), last.has_more) == ([], 3, False)


def test_pages_of_parquet_predictions() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"row": range(10), "prediction": [None, *range(9)]}), file, row_group_size=4)
    page = page_of_parquet(stream=file, offset=0, limit=6)
    assert page.header == ["row", "prediction"]
    assert page.rows == [["0", ""], *([str(i), str(i - 1)] for i in range(1, 6))]
    assert page.has_more
    last = page_of_parquet(stream=file, offset=6, limit=6)
    assert ([row[0] for row in last.rows], last.has_more) == (["6", "7", "8", "9"], False)
