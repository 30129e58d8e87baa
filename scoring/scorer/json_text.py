"""Lines of JSONL, each an object; their values as the text that stands for them in CSV.

Only the standard library, since the studio's own processes look at files with it, too.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable

from scoring.scorer.csv_text import Block, as_utf8, record_blocks
from scoring.scorer.failures import FileFailure
from scoring.scorer.text_file import TextFile

HEAD = 256 << 10  # bytes: the objects in them say which columns a file has
NO_OBJECT = "the line is not a JSON object"
_LINE_ENDS = re.compile(r"[\r\n]+")
_WHOLE = re.compile(r"-?\d{1,19}")

Record = dict  # of names to None, bool, str, Number, list or dict


class Number(str):
    """As it is written, so that it is read as the numbers of CSV are."""


def _constant(name: str) -> Number | None:
    return None if name == "NaN" else Number(name)


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_constant)


def records(data: bytes, codec: str = "utf-8") -> list[Record | None]:
    """Of each line that is not blank; None where it is no object."""
    lines = _LINE_ENDS.split(as_utf8(data, codec)[0].decode("utf-8"))
    return [_record(line) for line in lines if line]


def _record(line: str) -> Record | None:
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def head_end(text: TextFile) -> int:
    """Where the bytes end that column_names() looks at."""
    block = _first_block(text)
    return text.first + max(HEAD, len(block.data) if block else 0)


def _first_block(text: TextFile) -> Block | None:
    text.stream.seek(text.first)
    return next(record_blocks(text.stream, text, HEAD), None)


def column_names(text: TextFile) -> list[str]:
    """The names in the first objects, in the order in which they come up."""
    block = _first_block(text)
    first = records(block.data, text.dialect.codec) if block else []
    if not first:
        raise FileFailure(f"{text.name} is empty: a JSONL file has one JSON object on each line.")
    names = names_in(first)
    if not names:
        raise FileFailure(
            f"{text.name} has no JSON object in its first lines: a JSONL file has one on each line."
        )
    return names


def names_in(some: Iterable[Record | None]) -> list[str]:
    return list(dict.fromkeys(name for record in some if record for name in record))


def as_field(value: Any) -> bytes | None:
    """What stands for a plain value in CSV."""
    if value is None or isinstance(value, bool):
        return None if value is None else (b"true" if value else b"false")
    # Halves of surrogate pairs become bytes that are not UTF-8, which casting refuses.
    return value.encode("utf-8", "surrogatepass")


def is_nested(value: Any) -> bool:
    return isinstance(value, (dict, list))


def written(value: Any) -> str:
    """The JSON of a value, with numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(name)}: {written(one)}" for name, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


class NaturalType:
    """The type of a column without signature, from all its values."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.present = 0

    def take(self, value: Any) -> None:
        if value is not None:
            self.present += 1
            self._seen.add(_type(value))

    def kind(self, rows: int) -> str:
        """Of `rows` in all: where values are missing, there is no boolean and no whole number."""
        is_whole = self.present == rows
        if self._seen <= {"long"} and is_whole:
            return "long"
        if self._seen <= {"long", "double"}:
            return "double"
        return "boolean" if self._seen == {"boolean"} and is_whole else "string"


def _type(value: Any) -> str:
    if isinstance(value, Number):
        return "long" if _WHOLE.fullmatch(value) and -(2**63) <= int(value) < 2**63 else "double"
    return "boolean" if isinstance(value, bool) else "string"
