"""How a text file is written: what separates and quotes the fields of CSV, and in which encoding.

What is `auto` follows from the first 64 KB of the file alone, so that whoever opens any part of it says the same:

- encoding: UTF-8 or UTF-16 where a byte order mark says so. Else UTF-8, unless there are bytes that are not UTF-8 and
  no character beyond ASCII that is: then Windows-1252. (A file that mixes both is UTF-8 with rows that are not.)
- quote: a single one where the header begins and ends with one, else a double one.
- delimiter: of those that divide the header, the one by which most of the first 20 rows have as many fields as it;
  then the one that gives more fields. Comma, semicolon, tab and pipe in this order where that leaves a choice.

Only the standard library, since the studio's own processes look at files with it, too.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass, replace
from itertools import islice

AUTO = "auto"
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
QUOTES = {"double": '"', "single": "'", "none": ""}
ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16", "windows-1252": "cp1252"}
BOM = codecs.BOM_UTF8
LOOKED_AT = 64 << 10  # bytes
ROWS = 20
_NO_CHARACTERS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")  # of Windows-1252
_BEYOND_ASCII = re.compile("[^\x00-\x7f\ufffd]")


@dataclass(frozen=True)
class Dialect:
    """Names as the settings have them."""

    delimiter: str = AUTO
    quote: str = AUTO
    encoding: str = AUTO

    @property
    def separator(self) -> str:
        return DELIMITERS[self.delimiter]

    @property
    def quote_mark(self) -> bytes:
        return QUOTES[self.quote].encode()

    @property
    def field_ends(self) -> bytes:
        return self.separator.encode() + b"\r\n"

    @property
    def codec(self) -> str:
        """Of the bytes that readers get; see text_file.py for UTF-16."""
        return "utf-8" if self.encoding == "utf-16" else ENCODINGS[self.encoding]

    @property
    def csv_options(self) -> dict[str, object]:
        """For the csv module."""
        return _options(self.separator, QUOTES[self.quote])

    def resolved(self, start: bytes, is_json: bool = False) -> Dialect:
        """The same with nothing left open, for a file that starts like this."""
        encoding = _encoding(start) if self.encoding == AUTO else self.encoding
        if is_json:
            return Dialect("comma", "none", encoding)
        text = start.decode(ENCODINGS[encoding], "replace").lstrip("\ufeff").replace("\0", " ")
        quote = _quote(text) if self.quote == AUTO else self.quote
        is_cut = len(start) >= LOOKED_AT
        delimiter = _delimiter(text, QUOTES[quote], is_cut) if self.delimiter == AUTO else self.delimiter
        return replace(self, delimiter=delimiter, quote=quote, encoding=encoding)


SNIFFED = Dialect()


def _options(separator: str, quote: str) -> dict[str, object]:
    if quote:
        return {"delimiter": separator, "quotechar": quote}
    return {"delimiter": separator, "quotechar": None, "quoting": csv.QUOTE_NONE}


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(BOM) or start.isascii():
        return "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start, len(start) < LOOKED_AT)
        return "utf-8"
    except UnicodeDecodeError:
        is_mixed = _BEYOND_ASCII.search(start.decode("utf-8", "replace"))
        return "utf-8" if is_mixed or _NO_CHARACTERS.search(start) else "windows-1252"


def _quote(text: str) -> str:
    header = next((line.strip() for line in io.StringIO(text) if line.strip()), "")
    return "single" if len(header) > 1 and header[0] == header[-1] == "'" else "double"


def _delimiter(text: str, quote: str, is_cut: bool) -> str:
    best, found = (-1, 1), "comma"
    for name, separator in DELIMITERS.items():
        records = csv.reader(io.StringIO(text, newline=""), **_options(separator, quote))  # type: ignore[arg-type]
        rows = list(islice((row for row in records if row), ROWS + 2))
        if is_cut and len(rows) < ROWS + 2:
            rows = rows[:-1] or rows  # the last may go on
        rows = rows[: ROWS + 1]
        width = len(rows[0]) if rows else 0
        score = (sum(len(row) == width for row in rows[1:]), width)
        if width > 1 and score > best:
            best, found = score, name
    return found
