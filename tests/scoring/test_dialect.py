"""How a CSV file is written is seen from its start, and then it is read as what it means."""

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.plan import InputFile, whole
from scoring.scorer.dialect import DELIMITERS, ENCODINGS, LOOKED_AT, QUOTES, SNIFFED, Dialect
from scoring.scorer.failures import FileFailure
from scoring.scorer.needs import Needs
from scoring.scorer.reading import open_source
from scoring.scorer.text_file import TextFile
from tests.scoring.test_dividing import divided, put_together, read

FIELDS = [
    "",
    "x",
    "1,5",
    "2;5",
    "a|b",
    "a\tb",
    "it's",
    "'y'",
    'say "no"',
    "two\nlines",
    "café",
    "ß",
    "NA",
    "\r\n",
]


def written(rows: list[list[str]], dialect: Dialect) -> str:
    text = io.StringIO(newline="")
    mark = QUOTES[dialect.quote]
    options = {"quotechar": mark} if mark else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    csv.writer(text, delimiter=dialect.separator, lineterminator="\n", **options).writerows(rows)
    return text.getvalue()


def sniffed(content: bytes, wanted: Dialect = SNIFFED, kind: str = "csv") -> Dialect:
    return TextFile(io.BytesIO(content), kind, "x.csv", wanted).dialect


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(FIELDS)).map(list), max_size=12),
    delimiter=st.sampled_from(sorted(DELIMITERS)),
    quote=st.sampled_from(sorted(QUOTES)),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    split_size=st.integers(5, 60),
)
def test_every_dialect_is_read_and_divided(rows, delimiter, quote, encoding, split_size) -> None:
    dialect = Dialect(delimiter, quote, encoding)
    if quote == "none":
        special = (dialect.separator, "\n", "\r")
        rows = [[field for field in row if not any(c in field for c in special)] for row in rows]
        rows = [row for row in rows if len(row) == 2]
    rows = [row for row in rows if row != ["", ""]]
    text = written([["a", "b"], *rows], dialect)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        path.write_bytes(text.encode(ENCODINGS[encoding]))
        found, errors = read(path, dialect=dialect)
        meant = [tuple(None if field in ("", "NA") else field for field in row) for row in rows]
        assert (found, errors) == (meant, [])
        slices = divided(path, split_size, dialect)
        assert len(slices) == 1 or encoding != "utf-16"
        assert put_together(path, slices, dialect) == (found, errors)
        zipped = Path(folder, "rows.csv.gz")
        zipped.write_bytes(gzip.compress(path.read_bytes()))
        assert read(zipped, dialect=dialect) == (found, errors)


@pytest.mark.parametrize(
    ("content", "delimiter", "quote"),
    [
        ("a,b\n1,2\n", "comma", "double"),
        ("a;b\n1,5;2,5\n", "semicolon", "double"),
        ("a\tb\n1\t2\n", "tab", "double"),
        ("a|b|c\n1|2|3\n", "pipe", "double"),
        ("price, net;amount\n1;2\n3;4\n", "semicolon", "double"),
        ("a,b;c\n1,2\n3,4\n", "comma", "double"),
        ('"a;b",c\n1,2\n', "comma", "double"),
        ("name\nx;y\n", "comma", "double"),
        ("a;b\n", "semicolon", "double"),
        ("", "comma", "double"),
        ("'a';'b'\n'1;2';'3'\n", "semicolon", "single"),
        ("a,b\n'1,2\n", "comma", "double"),
        ("\na;b\n1;2\n", "semicolon", "double"),
    ],
)
def test_delimiter_and_quote_follow_from_the_first_rows(content: str, delimiter: str, quote: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        found = sniffed(content.encode(encoding))
        assert (found.delimiter, found.quote) == (delimiter, quote), encoding


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"a,b\n1,caf\xc3\xa9\n", "utf-8"),
        (b"a,b\n1,caf\xe9\n", "windows-1252"),
        (b"a,b\n1,\x80\n", "windows-1252"),
        (b"a,b\n\xc3\xa9,caf\xe9\n", "utf-8"),  # mixed: its bad rows are set aside
        (b"\xef\xbb\xbfa,b\n1,caf\xe9\n", "utf-8"),
        (b"a,b\n1,\x81\xe9\n", "utf-8"),  # no text of Windows-1252
        ("\ufeffa,b\n1,é\n".encode("utf-16-be"), "utf-16"),
        (b"a\n" + b"x" * (LOOKED_AT - 3) + "é".encode() * 3, "utf-8"),  # cut within a character
        (b"a\n" + b"x" * LOOKED_AT + b"\xe9", "utf-8"),  # too late to be seen
    ],
)
def test_the_encoding_follows_from_the_first_bytes(content: bytes, encoding: str) -> None:
    assert sniffed(content).encoding == encoding


@pytest.mark.parametrize("quote", ["single", "none"])
def test_a_quote_that_the_file_does_not_have_is_a_part_of_its_value(quote: str) -> None:
    content = io.BytesIO(b'a;b\n1;"2"\n3;4\n')
    needs = Needs([{"name": name, "type": "double", "required": True} for name in ("a", "b")])
    source = open_source(content, "csv", "x.csv", needs, dialect=Dialect("semicolon", quote, "utf-8"))
    (chunk,) = source.chunks()
    assert (len(chunk.table), chunk.errors) == (1, [(0, "cast", "column 'b' is not a number: '\"2\"'")])


def test_what_is_set_is_not_sniffed() -> None:
    wanted = Dialect("pipe", "none", "windows-1252")
    assert sniffed(b"a;b\n1;2\n", wanted) == wanted
    assert sniffed(b"a;b\n1;2\n", Dialect(quote="none")) == Dialect("semicolon", "none", "utf-8")
    assert sniffed(b'{"a;b": 1}', wanted, "jsonl").encoding == "windows-1252"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9000, mtime=0)[:-9], "ends too early"),
        (b"a,b\n1,2\n", "damaged, or no gzip file"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0) + b"rest", "damaged"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"", "is empty"),
    ],
)
def test_what_cannot_be_unzipped_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(content)
    with pytest.raises(FileFailure, match=said):
        read(path, dialect=SNIFFED)
    assert divided(path, 3) == [whole(InputFile(path="rows.csv.gz", size=len(content), etag="e"))]


def test_damaged_utf16_says_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("\ufeffa,b\n1,2\n".encode("utf-16-le") + b"\x00\xd8x\x00y")
    with pytest.raises(FileFailure, match="UTF-16 text with something in it that is not"):
        read(path, dialect=SNIFFED)
