"""The types of an output's columns, from the names that the scorer notes of them."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMAL = re.compile(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)")
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=(.+)\]")


def common_type(kinds: set[str]) -> "pa.DataType":
    """One that holds the values of all `kinds`; text where nothing else does, or nothing is known."""
    import pyarrow as pa

    types = [_type(kind) for kind in sorted(kinds - {"null"})]
    if not types:
        return pa.string()
    if len(types) == 1:
        return types[0]
    if all(pa.types.is_integer(kind) for kind in types) and "uint64" not in kinds:
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in types):
        return pa.float64()
    if all(_is_moment(kind) for kind in types):
        return pa.timestamp("ns")
    return pa.string()


def _is_moment(kind: "pa.DataType") -> bool:
    """Zoned times are left out: they and local ones have no type in common but text."""
    import pyarrow as pa

    return pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)


def _type(text: str) -> "pa.DataType":
    import pyarrow as pa

    if zoned := _ZONED.fullmatch(text):
        return pa.timestamp(zoned[1], tz=zoned[2])
    if decimal := _DECIMAL.fullmatch(text):
        return getattr(pa, f"decimal{decimal[1]}")(int(decimal[2]), int(decimal[3]))
    return pa.type_for_alias(text)
