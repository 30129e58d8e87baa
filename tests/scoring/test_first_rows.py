"""The start of a file as a file of its own, and how many rows the whole has."""

import gzip
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.errors import InputError
from scoring.estimating import RowEstimate, estimate_rows
from scoring.first_rows import cut_first_rows
from scoring.plan import InputFile
from scoring.scorer.dialect import Dialect


def cut(folder: Path, data: bytes, rows: int, name: str = "a.csv") -> bytes:
    target = folder / f"cut-{name}"
    cut_first_rows(stream=io.BytesIO(data), name=name, destination=target, rows=rows, dialect=Dialect())
    return target.read_bytes()


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"a,b\n1,2\n3,4\n5,6\n", b"a,b\n1,2\n3,4\n"),
        (b"a,b\r\n1,2\r\n\r\n3,4\r\n5,6", b"a,b\r\n1,2\r\n\r\n3,4\r\n"),
        (b'a,b\n"1\n1",2\n"x ""y""\n",4\n5,6\n', b'a,b\n"1\n1",2\n"x ""y""\n",4\n'),
        (b'a,b\n5" pipe,2\n3" pipe,4\n5,6\n', b'a,b\n5" pipe,2\n3" pipe,4\n'),
        (b"\xef\xbb\xbfa\n\xff\n2\n3\n", b"\xef\xbb\xbfa\n\xff\n2\n"),
        (b"a,b\n1,2\n", b"a,b\n1,2\n"),
        (b"a,b\n", b"a,b\n"),
    ],
)
def test_records_are_cut_where_they_end(tmp_path: Path, data: bytes, wanted: bytes) -> None:
    assert cut(tmp_path, data, 2) == wanted


def test_parquet_keeps_its_schema(tmp_path: Path) -> None:
    whole = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array(range(50), pa.int16()), "b": ["x"] * 50}), whole)
    found = pq.read_table(io.BytesIO(cut(tmp_path, whole.getvalue(), 20, "a.parquet")))
    assert found.column("a").to_pylist() == list(range(20))
    assert found.schema.field("a").type == pa.int16()


def test_what_is_no_table_is_refused_with_a_sentence(tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(InputError, match=name):
            cut(tmp_path, b"", 2, name)


def estimated(*files: tuple[str, bytes]) -> RowEstimate | None:
    contents = dict(files)
    listed = [InputFile(path=path, size=len(data)) for path, data in files]
    return estimate_rows(files=listed, opened=lambda path: io.BytesIO(contents[path]), dialect=Dialect())


def test_a_small_file_is_counted() -> None:
    assert estimated(("a.csv", b'a,b\n1,2\n\n"3\n",4\n')) == RowEstimate(rows=2, exact=True)
    assert estimated(("a.csv", b"a,b\n")) == RowEstimate(rows=0, exact=True)


def test_more_is_estimated_by_the_bytes_of_a_row_of_the_first() -> None:
    rows = b"a,b\n" + b"1,2\n" * 200_000
    found = estimated(("a.csv", rows), ("b.csv", rows))
    assert found is not None
    assert not found.exact
    assert found.rows == pytest.approx(400_000, rel=0.01)


def test_parquet_is_counted_by_its_footer() -> None:
    whole = io.BytesIO()
    pd.DataFrame({"a": range(1234)}).to_parquet(whole)
    data = whole.getvalue()
    assert estimated(("a.parquet", data), ("b.pqt", data)) == RowEstimate(rows=2468, exact=True)
    many = [(f"{i:02}.parquet", data) for i in range(40)]
    assert estimated(*many) == RowEstimate(rows=1234 * 40, exact=False)


def test_nothing_is_said_of_what_cannot_be_read() -> None:
    assert estimated(("a.csv", b"")) is None
    assert estimated(("a.parquet", b"no")) is None


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl.gz"])
def test_of_a_giant_record_no_more_is_read_than_of_others(name: str) -> None:
    """A small file may unzip to a large one."""
    data = (b"" if "jsonl" in name else b"a\n") + b"x" * (20 << 20) + b"\n1\n"
    assert estimated((name, gzip.compress(data) if name.endswith(".gz") else data)) is None
