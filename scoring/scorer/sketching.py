"""Sketches one batch of a prediction column (see `sketch`), with numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring.scorer.sketch import LONGEST_VALUE, MOST_VALUES, bin_exponent, empty_sketch


def sketch(column: pa.Array) -> dict[str, Any]:
    found = empty_sketch()
    found["count"] = len(column)
    found["nulls"] = column.null_count
    present = column.drop_null()
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        _numbers(found, present.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    found["values"] = _values(present)
    return found


def _numbers(found: dict[str, Any], numbers: Any) -> None:
    finite = numbers[np.isfinite(numbers)]
    found["infinite"] = int(len(numbers) - len(finite))
    found["numbers"] = len(finite)
    if not len(finite):
        return
    low, high = float(finite.min()), float(finite.max())
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
        mean = mean if np.isfinite(mean) else float((finite / len(finite)).sum())
        m2 = float(np.square(finite - mean).sum())
    biggest = np.finfo(np.float64).max
    found.update(
        min=low, max=high, mean=min(max(mean, low), high), m2=m2 if np.isfinite(m2) else float(biggest)
    )
    found["exponent"] = bin_exponent(low, high)
    places = np.floor(np.ldexp(finite, -found["exponent"]))
    places[(finite < 0) & (places == 0)] = -1  # as place_of does
    places, counts = np.unique(places, return_counts=True)
    found["bins"] = {str(int(place)): int(count) for place, count in zip(places, counts)}


def _values(present: pa.Array) -> Any:
    if pa.types.is_floating(present.type):
        return None
    counted = pc.value_counts(present)
    if len(counted) > MOST_VALUES:
        return None
    values: dict[str, int] = {}
    for item in counted.to_pylist():
        key = str(item["values"])[:LONGEST_VALUE]
        values[key] = values.get(key, 0) + item["counts"]
    return dict(sorted(values.items()))
