"""JSONL files become exactly their lines, however they are parsed, divided and zipped."""

import gzip
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.plan import InputFile, whole
from scoring.scorer.failures import FileFailure
from scoring.scorer.json_reading import JsonSource, _as_text
from scoring.scorer.json_text import records
from scoring.scorer.reading import BLOCK_BYTES
from tests.scoring.test_dividing import divided, put_together
from tests.scoring.test_dividing import read as read_rows
from tests.scoring.test_reading import CASTS, MISFITS, columns, read

KINDS = ["double", "float", "long", "integer", "boolean", "string", "datetime", "binary"]
VALUES = [
    "1", "2.5", "-0", "1E2", "3.0", "1e400", "9223372036854775808", "NaN", "Infinity", "null", "true", "false",
    '"x"', '"NA"', '"1.5"', '""', '"é漢"', '"\\u00e9\\n"', '"\\ud800"', '"\\u0000"', '"2020-01-02"', "[1]",
    '{"b": 1}', '"\\udbff\\udfff"', '"}"',
]  # fmt: skip
OTHERS = [
    "",
    " ",
    "5",
    "[]",
    '{"a": 1}{"a": 2}',
    '{"a":',
    "1}",
    "{}",
    '{"a": 1, "a": 2}',
    "x",
    '{"z": 1}',
    "{",
]
objects = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(VALUES)), min_size=1, max_size=3
).map(lambda pairs: "{" + ", ".join(f'"{name}":{value}' for name, value in pairs) + "}")
lines = st.lists(st.one_of(objects, objects, objects, st.sampled_from(OTHERS)), max_size=10)
line_ends = st.sampled_from(["\n", "\r\n", "\n\n", "\r"])


def write(folder: str | Path, text: str, name: str = "rows.jsonl") -> Path:
    path = Path(folder, name)
    path.write_bytes(text.encode())
    return path


@settings(max_examples=300, deadline=None)
@given(lines=lines, end=line_ends, kind=st.sampled_from(KINDS), block=st.sampled_from([30, BLOCK_BYTES]))
def test_both_ways_of_parsing_agree(lines: list[str], end: str, kind: str, block: int) -> None:
    inputs = [*columns(a=kind), {"name": "b", "type": "double", "required": False}]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = write(folder, '{"a": "1"}\n' + end.join(lines))
        quick = read(path, inputs, "jsonl", block)
        patch.setattr(JsonSource, "_parsed_by_arrow", lambda self, block: None)
        assert quick == read(path, inputs, "jsonl", block)
    assert quick[2] == 1 + sum(line != "" for line in lines)


@settings(max_examples=200, deadline=None)
@given(lines=lines, end=line_ends, bom=st.booleans(), last_end=st.booleans(), split_size=st.integers(1, 60))
def test_slices_of_any_size_hold_each_line_once(
    lines: list[str], end: str, bom: bool, last_end: bool, split_size: int
) -> None:
    text = "\ufeff" * bom + '{"a": "é", "b": "x"}\n' + end.join(lines) + end * last_end
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, text)
        slices = divided(path, split_size)
        assert sum(one.size for one in slices) == path.stat().st_size
        assert put_together(path, slices) == read_rows(path)
        zipped = Path(folder, "rows.jsonl.gz")
        zipped.write_bytes(gzip.compress(path.read_bytes()))
        assert divided(zipped, split_size) == [
            whole(InputFile(path=zipped.name, size=zipped.stat().st_size, etag="e"))
        ]
        assert read_rows(zipped) == read_rows(path)


def test_plain_lines_are_parsed_by_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": n / 7, "b": n, "c": f"w{n}", "d": "2020-01-02", "e": [n]} for n in range(1000)]
    path = write(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(JsonSource, "_parsed_line_by_line", None)
    values, errors, count = read(path, columns(a="double", b="long", c="string", d="datetime"), "jsonl", 4000)
    assert (len(values), errors, count) == (1000, {}, 1000)
    assert values[999][:3] == [999 / 7, 999, "w999"]


def test_lines_that_are_no_object_and_values_that_do_not_fit_are_set_aside(tmp_path: Path) -> None:
    text = '{"c0": 1, "o": 1}\n[2]\n\n{"c0": "x"}\n{"c0": 4, "n": 1}\nnothing\n{"c0": [6]}\n{}\n{"c0": "8"}\n'
    values, errors, count = read(write(tmp_path, text), columns("long"), "jsonl")
    assert values == {0: [1], 3: [4], 7: [8]}
    assert {row: stage for row, (stage, _) in errors.items()} == {
        1: "parse", 2: "cast", 4: "parse", 5: "cast", 6: "cast",
    }  # fmt: skip
    assert [errors[row][1] for row in (1, 2, 5, 6)] == [
        "the line is not a JSON object",
        "column 'c0' is not a whole number: 'x'",
        "column 'c0' holds a list or an object, and the model takes plain values",
        "column 'c0' is missing, and the model's type long has no missing",
    ]
    assert count == 8


def test_an_optional_column_is_one_of_the_file_or_not(tmp_path: Path) -> None:
    """Left out where no line has it; taken for missing in all lines where only late ones do, it would be a lie."""
    inputs = [*columns("long"), {"name": "n", "type": "double", "required": False}]
    many = '{"c0": 1}\n' * 30_000
    assert len(many) > 256 << 10
    assert read(write(tmp_path, many), inputs, "jsonl")[0][29_999] == [1]
    assert read(write(tmp_path, '{"c0": 1}\n{"c0": 2, "n": 5}\n'), inputs, "jsonl")[0] == {
        0: [1, None],
        1: [2, 5.0],
    }
    values, errors, _ = read(write(tmp_path, many + '{"c0": 2, "n": 5}\n'), inputs, "jsonl")
    assert len(values) == 30_000
    assert errors == {
        30_000: ("cast", "column 'n' comes up here only: it is not in the first lines of the file")
    }


@pytest.mark.parametrize(
    ("kind", "text", "meant"),
    [(kind, text, meant) for kind, cases in CASTS for text, meant in cases.items() if text[:1] != '"']
    + [(kind, text, Exception) for kind, texts in MISFITS for text in texts if text[:1] != '"'],
)
def test_texts_are_cast_as_those_of_csv_are(tmp_path: Path, kind: str, text: str, meant: object) -> None:
    given = json.dumps({"c0": text}) + "\n"
    values, errors, _ = read(write(tmp_path, given), columns(kind), "jsonl")
    csv = tmp_path / "rows.csv"
    csv.write_text('c0\n"' + text + '"\n', encoding="utf-8")
    assert (values, errors) == read(csv, columns(kind))[:2]
    assert bool(errors) == (meant is Exception)


def test_without_signature_the_whole_file_decides_names_and_types(tmp_path: Path) -> None:
    first = '{"a": 1, "b": 1, "c": true, "d": "1", "e": 1}\n' * 9000
    path = write(tmp_path, first + '{"a": 2, "b": 1.5, "c": false, "d": 3, "e": 1, "late": 7}\n{"a": 4}\n')
    assert len(first) > 256 << 10
    values, errors, _ = read(path, None, "jsonl")
    assert not errors
    assert values[0] == [1, 1.0, "true", "1", 1.0, None]
    assert values[9000] == [2, 1.5, "false", "3", 1.0, 7.0]
    assert values[9001] == [4, None, None, None, None, None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\r\n", "is empty"),
        ('[\n  {\n"c0": 1\n}\n]\n', "no JSON object in its first lines"),
        ('{"c1": 1}\n', "lacks the column 'c0'"),
        ("PAR1", "not text"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(FileFailure, match=r"rows\.jsonl") as failure:
        read(write(tmp_path, content), columns("long"), "jsonl")
    assert said in str(failure.value)


def test_what_is_passed_through_is_text_as_it_was_written() -> None:
    (record,) = records(
        b'{"a": 1.50, "b": "007", "c": [1.0, {"d": null}], "e": true, "f": null, "g": "\\ud800"}'
    )
    assert record
    texts = [_as_text(value) for value in record.values()]
    assert texts == [b"1.50", b"007", b'[1.0, {"d": null}]', b"true", None, b"\\ud800"]
    assert pa.array(texts, pa.binary()).cast(pa.string()).null_count == 1
