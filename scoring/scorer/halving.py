"""Whether a model gives a row the same answer whatever rows come with it: tried on a table, whole and in halves."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring.scorer.casting import ARROW_TYPES, INTEGERS
from scoring.scorer.failures import PredictFailure
from scoring.scorer.needs import TENSOR_KINDS, Needs

ROWS = 64
ENOUGH = 4  # rows of an example that is tried as it is
WORDS = ("a", "b", "c")
ROUNDING = {pa.float32(): 1e-5, pa.float64(): 1e-9}  # relative; sums in another order differ by less
Predict = Callable[[pa.Table], pa.Table]


def difference(predict: Predict, tables: Iterator[pa.Table]) -> str | None:
    """Where the answers for halves of the first of `tables` that the model takes differ from those for the whole: as
    words, empty where they do not. None where the model takes none of them."""
    for table in tables:
        try:
            whole = predict(table)
        except PredictFailure:
            continue
        middle = table.num_rows // 2
        try:
            halves = [predict(table.slice(0, middle)), predict(table.slice(middle))]
        except PredictFailure as failure:
            return f"{table.num_rows} rows are scored as a whole, and in halves: {failure}"
        return _difference(whole, halves)
    return None


def _difference(whole: pa.Table, halves: list[pa.Table]) -> str:
    if any(half.schema.names != whole.schema.names for half in halves):
        return f"the columns are {', '.join(whole.schema.names)} as a whole, and others in halves"
    for name in whole.schema.names:
        one = whole.column(name)
        parts = [half.column(name) for half in halves]
        for row in _unlike(one, parts):
            other = [value for part in parts for value in part.to_pylist()]
            return f"{name} of row {row} is {one[row].as_py()} as a whole and {other[row]} in halves"
    return ""


def _unlike(whole: Any, parts: list[Any]) -> list[int]:
    """The rows that differ by more than rounding."""
    kinds = [whole.type, *(part.type for part in parts)]
    if not any(map(pa.types.is_floating, kinds)) or not all(map(_is_number, kinds)):
        values = [value for part in parts for value in part.to_pylist()]
        return [row for row, (one, other) in enumerate(zip(whole.to_pylist(), values)) if one != other]
    one = _floats(whole)
    other = np.concatenate([_floats(part) for part in parts])
    largest = max((abs(value) for value in one[np.isfinite(one)]), default=0.0)
    tolerance = max(ROUNDING.get(kind, 0.0) for kind in kinds)
    # What is nearly nothing beside the rest of its column is what cancelling left.
    alike = np.isclose(one, other, rtol=tolerance, atol=tolerance * largest * 1e-3, equal_nan=True)
    return [int(row) for row in np.flatnonzero(~alike)]


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)


def _floats(column: Any) -> Any:
    return column.cast(pa.float64()).to_pandas().to_numpy(dtype=np.float64)


def tables_to_try(example: pa.Table | None, needs: Needs) -> Iterator[pa.Table]:
    """The example if it has some rows; else rows made from it, or from the signature alone, as like data as can be."""
    if example is not None and example.num_rows >= ENOUGH:
        yield example
    elif example is not None and example.num_rows:
        rows = pa.array([i % example.num_rows for i in range(ROWS)])
        repeated = example.take(rows)
        yield _varied(repeated, example.num_rows)
        yield repeated
    elif example is None and needs.inputs is not None:
        yield _made(needs)


def _varied(table: pa.Table, period: int) -> pa.Table:
    steps = pa.array([i // period for i in range(table.num_rows)], pa.float64())
    columns = []
    for column in table.columns:
        number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        moved = pc.add(column.cast(pa.float64()), steps).cast(column.type, safe=False) if number else column
        columns.append(moved)
    return pa.table(columns, names=table.schema.names)


def _made(needs: Needs) -> pa.Table:
    if needs.tensor is not None:
        kinds = [TENSOR_KINDS[needs.tensor["dtype"]]] * int(np.prod(needs.tensor["shape"][1:]))
        names = [str(i) for i in range(len(kinds))]
    else:
        kinds = [column["type"] for column in needs.inputs or ()]
        names = [str(column.get("name") or i) for i, column in enumerate(needs.inputs or ())]
    return pa.table([_values(kind, place) for place, kind in enumerate(kinds)], names=names)


def _values(kind: str, place: int) -> pa.Array:
    spread = [(row + 5 * place) % ROWS for row in range(ROWS)]  # rising, so that halves have other means
    values: list[Any]
    if kind == "boolean":
        values = [number % 2 == 0 for number in spread]
    elif kind in INTEGERS:
        values = spread
    elif kind == "datetime":
        values = [number * 86_400 * 10**9 for number in spread]
    elif kind in ("string", "binary"):
        values = [WORDS[number % len(WORDS)] for number in spread]
    else:
        values = [number / 8 - 4 for number in spread]
    return pa.array(values, ARROW_TYPES[kind])
