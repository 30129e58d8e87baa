"""Columns of the input that go to the output beside the predictions, as the file has them."""

from __future__ import annotations

from typing import Any, Sequence

import pyarrow as pa

from scoring.scorer.csv_text import unescape
from scoring.scorer.failures import FileFailure
from scoring.scorer.frames import plain_text
from scoring.scorer.needs import listed

# What an empty field without quotes becomes; everything else is kept as it is written, `NA` and `007` too.
NOTHING_WRITTEN = ("",)


def places_of(names: Sequence[str], wanted: Sequence[str], file: str) -> list[int]:
    """Where the columns to pass through are in a file with the columns `names`."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise FileFailure(
            f"{file} lacks {'the column' if len(missing) == 1 else 'the columns'} {listed(missing)}, "
            f"to be passed through to the output. It has {listed(list(names))}."
        )
    twice = sorted({name for name in wanted if list(names).count(name) > 1})
    if twice:
        raise FileFailure(
            f"{file} has more than one column named {listed(twice)}, which cannot be passed through."
        )
    return [list(names).index(name) for name in wanted]


def as_written(values: pa.Array, escaped: bool) -> pa.Array:
    """The text of CSV fields; bytes that are not UTF-8 are written as \\xff."""
    if not escaped:
        return values.cast(pa.string())
    texts = [
        None if raw is None else unescape(raw).decode("utf-8", "backslashreplace")
        for raw in values.to_pylist()
    ]
    return pa.array(texts, pa.string())


def as_typed(values: pa.Array) -> pa.Array:
    """A Parquet column with its own type where a CSV file can hold its values too, else as text."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_float16(kind):
        return values.cast(pa.float32())
    if pa.types.is_large_string(kind):
        return values.cast(pa.string())
    if _is_kept(kind):
        return values
    return pa.array([plain_text(value) for value in values.to_pylist()], pa.string())


def _is_kept(kind: Any) -> bool:
    checks = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_date,
        pa.types.is_time,
        pa.types.is_timestamp,
    )
    return any(check(kind) for check in checks)
