"""However a file is divided, its slices hold each of its records once, in order."""

import csv
import io
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoring import dividing
from scoring.dividing import count_records, divide, holds_records
from scoring.plan import InputFile, Slice, file_kind, whole
from scoring.scorer.dialect import Dialect
from scoring.scorer.needs import Needs
from scoring.scorer.reading import BLOCK_BYTES, open_source

TEXT = [{"name": "a", "type": "string", "required": True}, {"name": "b", "type": "string", "required": True}]
PIECES = [
    '"',
    '""',
    "x",
    "x,",
    ",",
    ",y",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    '"x',
    'x"',
    "é",
    "a long word that goes on",
    "NA",
]


UTF8 = Dialect("comma", "double", "utf-8")


def divided(path: Path, split_size: int, dialect: Dialect = UTF8, *, guesses: bool = False) -> list[Slice]:
    file = InputFile(path=path.name, size=path.stat().st_size, etag="e")
    opened = partial(opened_in, path.parent)
    return list(divide(file, opened=opened, split_size=split_size, dialect=dialect, guesses=guesses))


def opened_in(folder: Path, name: str) -> BinaryIO:
    return (folder / name).open("rb")


def read(
    path: Path, start: int = 0, end: int | None = None, dialect: Dialect = UTF8
) -> tuple[list[tuple], list[tuple[int, str]]]:
    """Rows, and the numbers and messages of those that cannot be read. Of a small file in several blocks."""
    rows: list[tuple] = []
    errors: list[tuple[int, str]] = []
    block = 64 if path.stat().st_size < 64 << 10 else BLOCK_BYTES
    with path.open("rb") as file:
        source = open_source(
            file, file_kind(path.name), path.name, Needs(TEXT), block, start=start, end=end, dialect=dialect
        )
        for chunk in source.chunks():
            rows += zip(*(column.to_pylist() for column in chunk.table.columns), strict=True)
            errors += ((row, message) for row, _, message in chunk.errors)
    assert len(rows) + len(errors) == source.records
    return rows, errors


def with_holes(path: Path, one: Slice) -> Path:
    """A copy that has only the bytes that a slice's scorer is said to read, as nodes fetch them from object stores."""
    data = path.read_bytes()
    copied = bytearray(b"\xff" * max(end for _start, end in one.ranges))
    for start, end in one.ranges:
        copied[start:end] = data[start:end]
    copy = path.parent / "holes" / path.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(copied)
    return copy


def put_together(
    path: Path, slices: list[Slice], dialect: Dialect = UTF8
) -> tuple[list[tuple], list[tuple[int, str]]]:
    rows: list[tuple] = []
    errors: list[tuple[int, str]] = []
    records = 0
    for one in slices:
        some, wrong = read(with_holes(path, one), one.start, one.end, dialect)
        rows += some
        errors += ((records + row, message) for row, message in wrong)
        counted = count_records(file=one, opened=partial(opened_in, path.parent), dialect=dialect)
        assert counted == len(some) + len(wrong)
        records += counted
    return rows, errors


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=60),
    split_size=st.integers(1, 80),
    bom=st.booleans(),
    last_end=st.booleans(),
    block=st.sampled_from([3, 16, 8 << 20]),
)
@example(pieces=['"x\n', "x", '"', ",", "\n"] * 9, split_size=7, bom=True, last_end=False, block=3)
@example(pieces=['"', "x", '""', "\n", '"', ",y\r\n"] * 6, split_size=5, bom=False, last_end=True, block=3)
def test_slices_of_any_size_hold_each_record_once(
    pieces: list[str], split_size: int, bom: bool, last_end: bool, block: int
) -> None:
    text = "".join(pieces) + ("\n" if last_end else "")
    ends = [row for row in csv.reader(io.StringIO(text + "\nend\n", newline="")) if row]
    if ends[-1] != ["end"]:
        return  # a quote that is never closed: another test
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dividing, "BLOCK", block)
        patch.setattr(dividing, "WINDOW", block)
        path = Path(folder, "rows.csv")
        path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + f"a,b\n{text}".encode())
        slices = divided(path, split_size)
        assert [one.start for one in slices[1:]] == [one.end for one in slices[:-1]]
        assert slices[0].start == 0
        assert slices[-1].end is None
        assert sum(one.size for one in slices) == path.stat().st_size
        assert put_together(path, slices) == read(path)


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=60),
    split_size=st.integers(1, 80),
    bom=st.booleans(),
    block=st.sampled_from([3, 16, 8 << 20]),
)
@example(pieces=['"x\n', "x", '"', ",", "\n"] * 9, split_size=7, bom=True, block=3)
@example(pieces=["x,y\n"] * 60, split_size=20, bom=False, block=16)
def test_slices_that_hold_a_guess_hold_each_record_once(
    pieces: list[str], split_size: int, bom: bool, block: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dividing, "BLOCK", block)
        patch.setattr(dividing, "WINDOW", block)
        path = Path(folder, "rows.csv")
        path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + ("a,b\n" + "".join(pieces)).encode())
        slices = divided(path, split_size, guesses=True)
        for one in slices:
            with with_holes(path, one).open("rb") as file:
                if not holds_records(file=file, name=path.name, start=one.start, end=one.end, dialect=UTF8):
                    return  # it is noticed; then the file is read to divide it
        assert put_together(path, slices) == read(path)


def test_a_guess_is_right_for_plain_records_and_noticed_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + '1,"x, y"\n' * 1000)
    slices = divided(path, 1000, guesses=True)
    assert [(one.start, one.end) for one in slices] == [(one.start, one.end) for one in divided(path, 1000)]
    assert all(one.is_guessed for one in slices)
    path.write_text("a,b\n" + '1,"x\ny\nz\n"\n' * 1000)
    slices = divided(path, 1000, guesses=True)
    with path.open("rb") as file:
        held = [
            holds_records(file=file, name=path.name, start=one.start, end=one.end, dialect=UTF8)
            for one in slices
        ]
    assert not all(held)


def test_a_file_of_plain_records_is_divided_into_about_equal_shares(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{n:05d},x\n" for n in range(1000)))
    shares = [2000, 2000, 2000, 1000, 1000]  # the last ones are halved, so that slots end together
    assert all(abs(one.size - share) < 20 for one, share in zip(divided(path, 2000), shares, strict=True))
    assert all(abs(one.size - 4000) < 20 for one in divided(path, 4000))
    assert divided(path, 1 << 20) == [whole(InputFile(path="rows.csv", size=8004, etag="e"))]


@pytest.mark.parametrize("quoted", [True, False])
def test_one_giant_row_stays_in_one_slice(tmp_path: Path, quoted: bool) -> None:
    giant = '"' + "long\n" * 300_000 + '"' if quoted else "long " * 300_000
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n" + f"3,{giant}\n" + "4,5\n" * 100_000)
    slices = divided(path, 200_000)
    assert len(slices) > 2
    assert put_together(path, slices) == read(path)


def test_quotes_inside_of_fields_do_not_mislead(tmp_path: Path) -> None:
    """5" pipe: a quote that opens nothing."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + '5" pipe,"two\nlines"\n' * 100_000)
    slices = divided(path, 300_000)
    assert len(slices) > 3
    assert put_together(path, slices) == read(path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfea\x00", b"a,b\n", b'a,b\n"1,2\n' + b"3,4\n" * 100, b"a,b\r\n1,2"]
)
def test_what_cannot_be_read_stays_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert divided(path, 1) == [whole(InputFile(path="rows.csv", size=len(content), etag="e"))]


@pytest.mark.parametrize("length", [1, 400_000])
def test_slices_of_jsonl_know_the_columns_that_come_up_late(tmp_path: Path, length: int) -> None:
    path = tmp_path / "rows.jsonl"
    early, late = (
        [{"a": f"early {n}", "b": ""} for n in range(3000)],
        [{"a": "late", "b": f"{n}"} for n in range(9000)],
    )
    for record in early:
        del record["b"]
    early[0]["a"] = "x" * length  # a line that is longer than what is looked at
    path.write_text("".join(json.dumps(record) + "\n" for record in (*early, *late)))
    slices = divided(path, 50_000, guesses=True)
    assert len(slices) > 5
    assert not any(one.is_guessed for one in slices)
    assert put_together(path, slices) == read(path)


def test_parquet_is_divided_by_its_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"a": [str(n) for n in range(1000)], "b": ["x"] * 1000})
    pq.write_table(table, path, row_group_size=100)
    size = pq.ParquetFile(path).metadata.row_group(0).column(0).total_compressed_size
    slices = divided(path, 3 * size)
    assert [(one.start, one.end) for one in slices] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, None)]
    assert put_together(path, slices) == read(path)
    assert sum(end - start for one in slices for start, end in one.ranges) < 2 * path.stat().st_size
    assert divided(path, 1 << 20) == [
        whole(InputFile(path="rows.parquet", size=path.stat().st_size, etag="e"))
    ]
    path.write_bytes(b"PAR1 and nothing else")
    assert len(divided(path, 3)) == 1
