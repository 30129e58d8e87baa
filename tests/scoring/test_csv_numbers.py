"""The quick way to read plain numbers gives what the careful one gives, bit for bit, or leaves the block to it."""

import io
import math
import random
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoring.scorer import csv_numbers
from scoring.scorer.csv_numbers import read_numbers
from scoring.scorer.csv_text import Block
from scoring.scorer.dialect import DELIMITERS, QUOTES, SNIFFED, Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Need, Needs
from scoring.scorer.reading import open_source

BLOCK = 64  # bytes: most files have several blocks
INPUTS = [{"name": name, "type": "double", "required": True} for name in ("a", "b")]
PIECES = [
    *"0123456789",
    *"+-.eE _xn,",
    "\n",
    "\n\n",
    '"',
    "inf",
    "nan",
    "NA",
    "TRUE",
    "false",
    "1e",
    "-0",
    "\0",
    "\v",
    "\r\n",
    "\t",
    "é",
]
numbers = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.builds(lambda a, b, e: f"{a}.{b}e{e}", st.integers(0, 2**150), st.integers(0, 2**150), st.integers(-340, 300)),
)  # fmt: skip
fields = st.one_of(numbers, st.lists(st.sampled_from(PIECES), max_size=4).map("".join))


def read(text: str, dialect: Dialect = SNIFFED) -> tuple[list[tuple[bytes, ...]], list[tuple[int, str]], int]:
    """Bits of each row's values, the rows that failed, and the count of records."""
    rows: list[tuple[bytes, ...]] = []
    errors: list[tuple[int, str]] = []
    source = open_source(
        io.BytesIO(text.encode()), "csv", "x.csv", Needs(INPUTS), block_bytes=BLOCK, dialect=dialect
    )
    for chunk in source.chunks():
        columns = [column.to_pylist() for column in chunk.table.columns]
        for row in zip(*columns, strict=True):
            # Missing is NaN to the model.
            rows += [tuple(struct.pack("d", math.nan if v is None else v) for v in row)]
        errors += ((number, message) for number, _, message in chunk.errors)
    return rows, errors, source.records


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(fields, min_size=1, max_size=3), min_size=1, max_size=12),
    delimiter=st.sampled_from(list(DELIMITERS)),
    quote=st.sampled_from(list(QUOTES)),
)
@example(rows=[["-0", "5"], ["3", "7"]], delimiter="comma", quote="double")
@example(rows=[["1", "2", "3"], ["4"]], delimiter="comma", quote="double")
@example(rows=[["1", "2"], ["3"], ["4", "5", "6"]], delimiter="tab", quote="double")
@example(rows=[["TRUE", "1.5"], ["FALSE", "2"]], delimiter="comma", quote="double")
@example(rows=[["9007199254740993", "18446744073709551616"], ["1", "2"]], delimiter="comma", quote="double")
@example(rows=[["1", " 2 "], ["  ", "3"], [" ", "nan"]], delimiter="semicolon", quote="single")
def test_both_ways_say_the_same(rows: list[list[str]], delimiter: str, quote: str) -> None:
    separator = DELIMITERS[delimiter]
    text = f"a{separator}b\n" + "\n".join(separator.join(row) for row in rows) + "\n"
    quick = outcome(text, Dialect(delimiter, quote, "utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_numbers, "IS_EXACT", False)
        assert outcome(text, Dialect(delimiter, quote, "utf-8")) == quick


def outcome(text: str, dialect: Dialect) -> object:
    """What read() gives, or why the file as a whole cannot be read."""
    try:
        return read(text, dialect)
    except FileFailure as failure:
        return str(failure)


def block(text: str) -> Block:
    return Block(text.encode(), Dialect("comma", "double", "utf-8"))


def test_plain_numbers_take_the_quick_way_and_others_do_not() -> None:
    needs = [Need(1, "b", "double"), Need(0, "a", "double")]
    frame = read_numbers(block("1,2.5\n3,NA\n"), needs, Dialect("comma", "double", "utf-8"))
    assert frame is not None
    assert frame.columns.tolist() == ["b", "a"]
    assert frame["a"].tolist() == [1.0, 3.0]
    assert frame["b"].iloc[0] == 2.5
    assert math.isnan(frame["b"].iloc[1])
    assert read_numbers(block("1, 2.5\n3\t,4\n"), needs, Dialect("comma", "double", "utf-8")) is not None
    for text in ("1,x\n", "1\n", "1,2,3\n4\n", '"1",2\n', "1,2\n\n", "1,2\r\n", "TRUE,2\n", "-0,1\n"):
        assert read_numbers(block(text), needs, Dialect("comma", "double", "utf-8")) is None, text


def test_a_column_of_whole_numbers_does_not_lose_its_minus_zeros() -> None:
    """pandas takes such a column for integers, which have no sign at zero."""
    needs = [Need(place, name, "double") for place, name in enumerate("abcd")]
    dialect = Dialect("comma", "double", "utf-8")
    whole = "-0,1,1,1\n" * 400_000
    assert read_numbers(block(whole), needs, dialect) is None  # and the careful way reads it
    assert read_numbers(block(whole.replace("-0,", "0,")), needs, dialect) is not None
    assert read_numbers(block("1,-0,1,1\n" * 5), needs, dialect) is None
    assert read_numbers(block("-0,1,1,1\n,2,2,2\n"), needs, dialect) is None
    assert read_numbers(block("0,1,1,1\n,2,2,2\n"), needs, dialect) is not None
    for mixed in (whole + "1.5,2,2,2\n", "-0.0,1e-0,0,1\n-0,1.5,0.5,1\n"):
        kept = read_numbers(block(mixed), needs, dialect)
        assert kept is not None
        assert math.copysign(1, kept["a"].iloc[0]) == -1


def test_random_doubles_round_trip() -> None:
    chance = random.Random(7)
    values = [struct.unpack("d", struct.pack("Q", chance.getrandbits(64)))[0] for _ in range(200_000)]
    values = [value for value in values if math.isfinite(value)]
    text = "".join(f"{value!r},{value:.17e}\n" for value in values)
    needs = [Need(0, "a", "double"), Need(1, "b", "double")]
    frame = read_numbers(block(text), needs, Dialect("comma", "double", "utf-8"))
    assert frame is not None
    assert frame["a"].tolist() == frame["b"].tolist() == values
