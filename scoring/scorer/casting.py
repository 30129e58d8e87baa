"""Casts Arrow columns to the types of a model's signature; a value that does not fit becomes a problem
of its row."""

from __future__ import annotations

import re
from typing import Any, Callable

import pyarrow as pa
import pyarrow.compute as pc

from scoring.scorer.csv_text import ESCAPED, NULLS, unescape

ARROW_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "datetime": pa.timestamp("ns"),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
}
WORDS = {"boolean": "true or false", "datetime": "a date and time", "string": "UTF-8 text", "binary": "bytes"}
INTEGERS = ("integer", "long", "int8", "int16", "uint8", "uint16", "uint32", "uint64")
WITHOUT_NULLS = ("boolean", *INTEGERS)
TRUE = (b"true", b"True", b"TRUE", b"1")
FALSE = (b"false", b"False", b"FALSE", b"0")
_NULL_BYTES = frozenset(null.encode() for null in NULLS)
_FLOAT = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))", re.ASCII)
_INTEGER = re.compile(r"([+-]?\d+)(?:\.0*)?", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_ESCAPED_RE2 = r"[\x{10FF80}-\x{10FFFF}]"


class Cast:
    """A cast column and its problems: index in the column to sentence."""

    def __init__(self, array: pa.Array, problems: dict[int, str] | None = None) -> None:
        self.array = array
        self.problems = problems or {}


def cast_text(values: pa.Array, kind: str, name: str, escaped: bool = False) -> Cast:
    """From the raw bytes of CSV fields. Null are the unquoted nulls, and quoted ones where `kind` is not
    text.

    `escaped`: the file has bytes that are not UTF-8, so values may hold escapes of them.
    """
    if kind == "binary":
        return Cast(_unescaped(values) if escaped else values)
    if kind == "string":
        cast = _text_to_string(values, name, escaped)
    elif kind == "boolean":
        cast = _text_to_boolean(values, name)
    else:
        fast = _FAST[_family(kind)](values, ARROW_TYPES[kind])
        cast = Cast(fast) if fast is not None else _text_by_value(values, kind, name)
    return _refuse_nulls(cast, kind, name)


def cast_native(values: pa.Array, kind: str, name: str) -> Cast:
    """From typed columns, as Parquet and Arrow have them."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    target = ARROW_TYPES[kind]
    if pa.types.is_large_string(values.type):
        values = values.cast(pa.string())
    if kind == "string" and pa.types.is_string(values.type) and not _is_utf8(values):
        return cast_text(values.view(pa.binary()), kind, name)
    if values.type == target:
        return _refuse_nulls(Cast(values), kind, name)
    if pa.types.is_null(values.type):
        return _refuse_nulls(Cast(pa.nulls(len(values), target)), kind, name)
    if _is_text(values.type) and kind not in ("string", "binary"):
        return cast_text(values.cast(pa.large_binary()).cast(pa.binary()), kind, name)
    if pa.types.is_floating(values.type) and _family(kind) in ("integer", "boolean"):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return _refuse_nulls(
        _in_halves(values, _native_converter(values.type, kind), target, kind, name), kind, name
    )


def text_type(column: pa.Array) -> str:
    """The natural type of raw fields without signature: long, double or string."""
    present = column.drop_null()
    if not column.null_count and _fast_integer(present, pa.int64()) is not None:
        return "long"
    if _fast_float(present, pa.float64()) is not None or not cast_text(present, "double", "").problems:
        return "double"
    return "string"


def _family(kind: str) -> str:
    if kind in ("float", "double"):
        return "float"
    return "integer" if kind in INTEGERS else kind


def _is_utf8(values: pa.Array) -> bool:
    """Parquet says so of its texts, and nobody looks."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _refuse_nulls(cast: Cast, kind: str, name: str) -> Cast:
    if kind in WITHOUT_NULLS and cast.array.null_count:
        for index in pc.indices_nonzero(cast.array.is_null()).to_pylist():
            cast.problems.setdefault(
                index, f"column '{name}' is missing, and the model's type {kind} has no missing"
            )
    return cast


def _problem(name: str, kind: str, value: Any) -> str:
    wanted = WORDS.get(kind) or ("a number" if _family(kind) == "float" else "a whole number")
    if kind in ("integer", "int8", "int16", "uint8", "uint16", "uint32", "uint64"):
        wanted += f" of type {kind}"
    shown = repr(value)[2:-1] if isinstance(value, bytes) else str(value)
    return f"column '{name}' is not {wanted}: '{shown[:80]}{'…' if len(shown) > 80 else ''}'"


def _shown(raw: bytes) -> Any:
    """The value as the file has it: text where it is text."""
    raw = unescape(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _unescaped(values: pa.Array) -> pa.Array:
    return pa.array([None if v is None else unescape(v) for v in values.to_pylist()], pa.binary())


# --- text ---


def _text_to_string(values: pa.Array, name: str, escaped: bool) -> Cast:
    try:
        array = values.cast(pa.string())
    except pa.ArrowInvalid:
        return _text_by_value(values, "string", name)
    if escaped and pc.any(pc.match_substring_regex(array, _ESCAPED_RE2)).as_py():
        return _text_by_value(values, "string", name)
    return Cast(array)


def _text_to_boolean(values: pa.Array, name: str) -> Cast:
    found = pc.index_in(values, value_set=pa.array([*TRUE, *FALSE], pa.binary()))
    problems = {
        index: _problem(name, "boolean", _shown(values[index].as_py()))
        for index in pc.indices_nonzero(pc.and_(found.is_null(), values.is_valid())).to_pylist()
        if values[index].as_py() not in _NULL_BYTES
    }
    return Cast(pc.less(found, len(TRUE)), problems)


def _fast_float(values: pa.Array, target: pa.DataType) -> pa.Array | None:
    try:
        array = values.cast(target)
    except pa.ArrowInvalid:
        return None
    # Spellings of NaN that are not in the list of nulls are problems, not nulls.
    return None if pc.any(pc.is_nan(array)).as_py() else array


def _fast_integer(values: pa.Array, target: pa.DataType) -> pa.Array | None:
    # Arrow takes 0x10 for 16.
    for letter in (b"x", b"X"):
        if pc.any(pc.match_substring(values, letter)).as_py():
            return None
    try:
        return values.cast(target)
    except pa.ArrowInvalid:
        return None


def _fast_datetime(values: pa.Array, target: pa.DataType) -> pa.Array | None:
    try:
        text = values.cast(pa.string())
    except pa.ArrowInvalid:
        return None
    try:
        return text.cast(target)
    except pa.ArrowInvalid:
        pass
    try:
        return text.cast(pa.timestamp("ns", "UTC")).view(pa.int64()).view(target)
    except pa.ArrowInvalid:
        return None


_FAST: dict[str, Callable[[pa.Array, pa.DataType], pa.Array | None]] = {
    "float": _fast_float,
    "integer": _fast_integer,
    "datetime": _fast_datetime,
}


def _text_by_value(values: pa.Array, kind: str, name: str) -> Cast:
    """The slow way for a column in which something is unusual: decides value by value what it is."""
    normal: list[Any] = []
    problems: dict[int, str] = {}
    normalise = _NORMALISE[_family(kind)]
    for index, raw in enumerate(values.to_pylist()):
        if raw is None or (kind != "string" and raw in _NULL_BYTES):
            normal.append(None)
            continue
        value = normalise(raw, kind)
        normal.append(value)
        if value is None:
            problems[index] = _problem(name, kind, _shown(raw))
    if _family(kind) == "float":
        return Cast(pa.array(normal, pa.string()).cast(ARROW_TYPES[kind]), problems)
    return Cast(pa.array(normal, ARROW_TYPES[kind]), problems)


def _normal_float(raw: bytes, kind: str) -> str | None:
    text = raw.decode("latin-1").strip(" \t")
    return text if _FLOAT.fullmatch(text) else None


def _normal_integer(raw: bytes, kind: str) -> int | None:
    match = _INTEGER.fullmatch(raw.decode("latin-1").strip(" \t"))
    if not match or len(match.group(1)) > 40:
        return None
    value = int(match.group(1))
    try:
        pa.scalar(value, ARROW_TYPES[kind])
    except (pa.ArrowInvalid, OverflowError):
        return None
    return value


def _normal_datetime(raw: bytes, kind: str) -> int | None:
    match = _DATETIME.fullmatch(raw.decode("latin-1").strip(" \t"))
    if not match:
        return None
    date, time, zone = match.groups()
    try:
        moment = pa.scalar(f"{date} {time or '00:00'}").cast(ARROW_TYPES["datetime"]).cast(pa.int64()).as_py()
    except pa.ArrowInvalid:
        return None
    if zone and zone != "Z":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        moment -= (minutes if zone[0] == "+" else -minutes) * 60_000_000_000
    return moment if -(2**63) < moment < 2**63 else None


def _normal_string(raw: bytes, kind: str) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if ESCAPED.search(text) else text


_NORMALISE: dict[str, Callable[[bytes, str], Any]] = {
    "float": _normal_float,
    "integer": _normal_integer,
    "datetime": _normal_datetime,
    "string": _normal_string,
}


# --- typed ---


def _native_converter(source: pa.DataType, kind: str) -> Callable[[pa.Array], pa.Array]:
    target = ARROW_TYPES[kind]
    if kind == "boolean":
        return lambda v: _numbers_to_boolean(v, source)
    if _family(kind) == "float":
        if pa.types.is_temporal(source):
            return _refuse
        return lambda v: v.cast(target, safe=False)
    if _family(kind) == "integer" and pa.types.is_temporal(source):
        return _refuse
    if kind == "string" and (pa.types.is_floating(source) or pa.types.is_boolean(source)):
        return lambda v: pa.array([None if x is None else str(x) for x in v.to_pylist()], target)
    if kind == "datetime":
        if not pa.types.is_temporal(source):
            return _refuse
        if getattr(source, "tz", None):
            return lambda v: v.cast(pa.timestamp("ns", "UTC")).view(pa.int64()).view(target)
    return lambda v: v.cast(target)


def _numbers_to_boolean(values: pa.Array, source: pa.DataType) -> pa.Array:
    if not (pa.types.is_integer(source) or pa.types.is_floating(source)):
        raise pa.ArrowInvalid("not a number")
    numbers = values.cast(pa.float64(), safe=False)
    if pc.any(pc.invert(pc.is_in(numbers, value_set=pa.array([0.0, 1.0, None])))).as_py():
        raise pa.ArrowInvalid("neither 0 nor 1")
    return numbers.cast(pa.bool_())


def _refuse(values: pa.Array) -> pa.Array:
    if values.null_count == len(values):
        return pa.nulls(len(values), pa.int64())
    raise pa.ArrowInvalid("no such cast")


def _in_halves(
    values: pa.Array, convert: Callable[[pa.Array], pa.Array], target: pa.DataType, kind: str, name: str
) -> Cast:
    """Casts the whole; what does not cast is halved until the single values that do not are found."""
    problems: dict[int, str] = {}
    pieces: list[pa.Array] = []

    def attempt(start: int, stop: int) -> None:
        try:
            pieces.append(convert(values.slice(start, stop - start)).cast(target))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if stop - start == 1:
                pieces.append(pa.nulls(1, target))
                problems[start] = _problem(name, kind, values[start].as_py())
                return
            middle = (start + stop) // 2
            attempt(start, middle)
            attempt(middle, stop)

    if len(values):
        attempt(0, len(values))
    return Cast(pa.concat_arrays(pieces) if pieces else pa.nulls(0, target), problems)
