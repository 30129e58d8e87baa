"""CSV and Parquet files become exactly their records: none lost, none doubled, each under its own number."""

import csv
import io
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoring.scorer.csv_text import NULLS, Block, record_blocks
from scoring.scorer.dialect import Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Needs
from scoring.scorer.reading import BLOCK_BYTES, Chunk, Source, open_source
from scoring.scorer.text_file import TextFile

UTF8 = Dialect("comma", "double", "utf-8")

PIECES = [
    "a",
    "b7",
    " ",
    "é",
    "漢",
    "NA",
    "nan",
    "null",
    "3.5",
    ",",
    "\n",
    "\r\n",
    "\r",
    '"',
    "x" * 40,
    "\\",
    "\0",
]


@dataclass(frozen=True)
class Field:
    value: str
    quoted: bool

    def written(self) -> str:
        return '"' + self.value.replace('"', '""') + '"' if self.quoted else self.value

    def meant(self) -> str | None:
        return None if not self.quoted and self.value in NULLS else self.value


def _field(text: str, quoted: bool) -> Field:
    special = any(c in text for c in ",\n\r") or text.startswith('"')
    return Field(text, quoted or special)


fields = st.builds(_field, st.lists(st.sampled_from(PIECES), max_size=3).map("".join), st.booleans())
records = st.lists(fields, min_size=1, max_size=4)
line_ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


def _is_blank(record: list[Field]) -> bool:
    return len(record) == 1 and record[0] == Field("", False)


def read(
    path: Path,
    inputs: list[dict[str, object]] | None,
    kind: str = "csv",
    block: int = BLOCK_BYTES,
    dialect: Dialect = UTF8,
):
    """Values by row number, errors by row number, and the count of records."""
    with path.open("rb") as file:
        return _read(open_source(file, kind, path.name, Needs(inputs), block, dialect=dialect))


def _read(source: Source):
    values: dict[int, list[object]] = {}
    errors: dict[int, tuple[str, str]] = {}
    row = 0
    for chunk in source.chunks():
        for number, stage, message in chunk.errors:
            assert number not in errors
            errors[number] = (stage, message)
        for one in zip(*(c.to_pylist() for c in chunk.table.columns), strict=True):
            while row in errors:
                row += 1
            values[row] = list(one)
            row += 1
    return values, errors, source.records


def columns(*kinds: str, **named: str) -> list[dict[str, object]]:
    given = {**{f"c{i}": kind for i, kind in enumerate(kinds)}, **named}
    return [{"name": name, "type": kind, "required": True} for name, kind in given.items()]


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(records, line_ends), max_size=12),
    width=st.integers(1, 3),
    bom=st.booleans(),
    header_end=line_ends,
    last_end=st.booleans(),
    block=st.sampled_from([64, 200, BLOCK_BYTES]),
)
@example(
    rows=[
        ([Field("a\n", True), Field("b", False)], "\n"),
        ([Field('5" x', False)], "\r"),
        ([Field("", True)] * 2, "\n"),
    ],
    width=2, bom=True, header_end="\r\n", last_end=False, block=64,
)  # fmt: skip
def test_every_record_is_read_once_under_its_number(rows, width, bom, header_end, last_end, block) -> None:
    header = ",".join(f"c{i}" for i in range(width))
    body = "".join(",".join(f.written() for f in record) + end for record, end in rows)
    if rows and not last_end:
        body = body[: len(body) - len(rows[-1][1])]
    expected = [record for record, _ in rows if not _is_blank(record)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + (header + header_end + body).encode())
        values, errors, count = read(path, columns(*["string"] * width), block=block)
    assert count == len(expected) == len(values) + len(errors)
    for number, record in enumerate(expected):
        if len(record) == width:
            assert values[number] == [field.meant() for field in record]
        else:
            assert errors[number][0] == "parse"
    by_csv_module = [row for row in csv.reader(io.StringIO(body, newline="")) if row]
    assert len(by_csv_module) == count


def cut(text: str, size: int) -> list[Block]:
    file = TextFile(io.BytesIO(text.encode()), "csv", "x.csv", UTF8)
    file.stream.seek(0)
    return list(record_blocks(file.stream, file, size))


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(['"', '""', "a", "a,", ",", "\n", "\r", "\r\n", "\n\n", '"a', 'a"', "sentinel"]),
        max_size=40,
    ),
    size=st.integers(1, 40),
)
def test_blocks_of_any_size_hold_the_records_that_the_csv_module_sees(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    expected = [row for row in csv.reader(io.StringIO(text + "\nend\n", newline="")) if row]
    if expected[-1] != ["end"]:
        with pytest.raises(FileFailure, match="never closed"):
            cut(text, size)
        return
    blocks = cut(text, size)
    rows = [[r for r in csv.reader(io.StringIO(b.data.decode(), newline="")) if r] for b in blocks]
    assert [row for block in rows for row in block] == expected[:-1]
    assert [block.records for block in blocks] == [len(block) for block in rows]


def test_rows_with_bytes_that_are_not_utf8_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(b"c0,other,c1\n1,\xff,caf\xe9\n2,\xff,tea\n\xe9,x,tea\n4\xff\n5,x,\xc3\xa9\n")
    values, errors, count = read(path, columns(c0="long", c1="string"))
    assert values == {1: [2, "tea"], 4: [5, "é"]}
    assert {row: stage for row, (stage, _) in errors.items()} == {0: "cast", 2: "cast", 3: "parse"}
    assert "'c1'" in errors[0][1]
    assert "caf\\xe9" in errors[0][1]
    assert count == 5


CASTS = [
    ("double", {"3": 3.0, " 2.5 ": 2.5, "+1e3": 1000.0, ".5": 0.5, "": None, '"NA"': None}),
    ("double", {"inf": math.inf, "-Infinity": -math.inf}),
    ("float", {"0.1": 0.10000000149011612, "None": None}),
    ("long", {"3": 3, "3.0": 3, "-7": -7, "+4.": 4, "007": 7, " 5": 5}),
    ("integer", {"2147483647": 2147483647}),
    ("boolean", {"true": True, "False": False, "1": True, "0": False, '"True"': True}),
    ("string", {"3.0": "3.0", '"NA"': "NA", "NA": None, '""': "", " a ": " a "}),
    ("datetime", {"2020-02-03": "2020-02-03 00:00", "2020-02-03T04:05:06.5Z": "2020-02-03 04:05:06.5",
                  "2020-02-03 04:05+02:00": "2020-02-03 02:05", "": None}),
    ("binary", {"a": b"a", '"NA"': b"NA"}),
]  # fmt: skip
MISFITS = [
    ("double", ["abc", "1_000", "0x10", "NAN", "-nan", "1,5", "--1", "1e", "٣"]),
    ("long", ["3.5", "abc", "9223372036854775808", "0x10", "1e3", "", "NA", '"NA"', "3.0.0"]),
    ("integer", ["2147483648", ""]),
    ("boolean", ["yes", "2", "", "tRUE"]),
    ("datetime", ["yesterday", "2020-13-01", "03/02/2020", "2500-01-01"]),
]


@pytest.mark.parametrize(("kind", "cases"), CASTS)
def test_values_are_cast_to_the_signature(tmp_path: Path, kind: str, cases: dict[str, object]) -> None:
    for text, meant in cases.items():
        path = tmp_path / "one.csv"
        path.write_text(f"k,c0\nx,{text}\n", encoding="utf-8")
        values, errors, _ = read(path, columns(kind))
        assert not errors, text
        expected = pd.Timestamp(meant) if kind == "datetime" and meant else meant
        assert values == {0: [expected]}, text


@pytest.mark.parametrize(("kind", "texts"), MISFITS)
def test_values_that_do_not_fit_become_error_rows(tmp_path: Path, kind: str, texts: list[str]) -> None:
    fit = {"datetime": "2020-01-01", "boolean": "1"}.get(kind, "1")
    written = [text if text.startswith('"') or "," not in text else f'"{text}"' for text in texts]
    path = tmp_path / "some.csv"
    path.write_text("k,c0\n" + f"x,{fit}\n" + "".join(f"x,{text}\n" for text in written), encoding="utf-8")
    values, errors, count = read(path, columns(kind))
    assert list(values) == [0]
    assert sorted(errors) == list(range(1, len(texts) + 1))
    assert all(stage == "cast" and "'c0'" in message for stage, message in errors.values())
    assert count == len(texts) + 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    st.sampled_from(["%r", "%.17g", " %r"]),
)
def test_floats_are_read_correctly_rounded(numbers: list[float], form: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "floats.csv")
        path.write_text("c0\n" + "".join(f"{form % n}\n" for n in numbers), encoding="utf-8")
        values, errors, _ = read(path, columns("double"))
    assert [value for (value,) in values.values()] == numbers
    assert not errors


def test_a_record_larger_than_a_block_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "giant.csv"
    path.write_text(f'c0\n"a\n{"b" * 5000}"\nc\n', encoding="utf-8")
    values, _, count = read(path, columns("string"), block=64)
    assert ([len(str(value)) for (value,) in values.values()], count) == ([5002, 1], 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff\xfec\x000\x00", "is not UTF-8"),
        (b"c\x000\x00\n\x001\x00\n\x00", "NUL bytes in its header row"),
        (b"caf\xe9,c0\n1,2\n", "header row of bad.csv is not UTF-8"),
        (b"c1,c2\n1,2\n", "lacks the column 'c0'"),
        (b"c0,c0\n1,2\n", "more than one column named 'c0'"),
        (b'c0\n1\n"2\n3\n', "never closed"),
        (b"PK\x03\x04zip", "not text"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(FileFailure, match=r"bad\.csv") as failure:
        read(path, columns("long"))
    assert said in str(failure.value)


@pytest.mark.parametrize("content", ["c0", "c0\n", "\ufeffc0\r\n\r\n"])
def test_a_header_alone_has_no_records(tmp_path: Path, content: str) -> None:
    path = tmp_path / "header.csv"
    path.write_text(content, encoding="utf-8")
    assert read(path, columns("long")) == ({}, {}, 0)


@pytest.mark.parametrize("is_frame", [True, False])
def test_rows_that_are_refused_later_keep_their_numbers(is_frame: bool) -> None:
    frame = pd.DataFrame({"a": [1.0, None, 3.0, 4.0]})
    rows = frame if is_frame else pa.Table.from_pandas(frame)
    chunk = Chunk(rows, [(11, "parse", "ragged")], [pa.array(list("wxyz"))])
    left = chunk.without([0, 2], 10, "no").without([1], 10, "nor this")
    assert left.errors == [
        (10, "predict", "no"), (11, "parse", "ragged"), (13, "predict", "no"), (14, "predict", "nor this"),
    ]  # fmt: skip
    assert (left.table.to_pydict(), left.passed[0].to_pylist()) == ({"a": [None]}, ["x"])


def test_without_signature_the_whole_column_decides_its_type(tmp_path: Path) -> None:
    path = tmp_path / "free.csv"
    path.write_text("a,b,c\n" + "1,1,1\n" * 100 + "2,,x\n" + "2,2.5,\n", encoding="utf-8")
    values, _, count = read(path, None, block=64)
    assert count == 102
    assert values[0] == [1, 1.0, "1"]
    assert values[101] == [2, 2.5, None]


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("c0,z\n1,2\n", encoding="utf-8")
    inputs = [*columns("long"), {"name": "c1", "type": "double", "required": False}]
    assert read(path, inputs)[0] == {0: [1]}


def test_parquet_columns_are_cast_and_misfits_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = {
        "whole": pa.array([1, 2, None, 4], pa.int32()),
        "fraction": pa.array([1.0, 2.5, 3.0, None]),
        "word": pa.array(["1.5", "x", "2", None]).dictionary_encode(),
        "when": pa.array([1_577_836_800_000_000] * 4, pa.timestamp("us", "UTC")),
        "extra": pa.array([[1]] * 4),
    }
    pq.write_table(pa.table(table), path)
    inputs = columns(whole="double", when="datetime")
    values, errors, count = read(path, inputs, "parquet")
    assert (values[0], values[2], errors, count) == (
        [1.0, pd.Timestamp("2020-01-01")],
        [None, pd.Timestamp("2020-01-01")],
        {},
        4,
    )
    values, errors, count = read(path, columns(fraction="long"), "parquet")
    assert (values, sorted(errors), count) == ({0: [1], 2: [3]}, [1, 3], 4)
    values, errors, _ = read(path, columns(word="double"), "parquet")
    assert (values, sorted(errors)) == ({0: [1.5], 2: [2.0], 3: [None]}, [1])
    with pytest.raises(FileFailure, match="nested"):
        read(path, columns(extra="long"), "parquet")


def test_a_corrupt_parquet_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(FileFailure, match="cannot be read as Parquet"):
        read(path, columns("long"), "parquet")
