"""What is kept of a prediction column: small, exact where it can be, and the same however it is merged.

Standard library only: the studio merges sketches without pandas or numpy. The histogram's bins are
2**exponent
wide and start at multiples of that; the width follows from the smallest and largest value alone, so that
counts
do not depend on how the rows were divided.
"""

from __future__ import annotations

import math
import sys
from typing import Any

MOST_BINS = 256
MOST_VALUES = 1_000
LONGEST_VALUE = 100
FINEST_EXPONENT = -1000


def empty_sketch() -> dict[str, Any]:
    return {
        "count": 0,
        "nulls": 0,
        "infinite": 0,
        "min": None,
        "max": None,
        "mean": None,
        "m2": None,
        "numbers": 0,
        "exponent": None,
        "bins": {},
        "values": {},  # None once there are more than MOST_VALUES different ones
    }


def place_of(value: float, exponent: int) -> int:
    """The bin that holds `value`."""
    place = math.floor(math.ldexp(value, -exponent))
    # Next to nothing below zero is scaled to nothing.
    return -1 if value < 0 and place == 0 else place


def bin_exponent(low: float, high: float) -> int:
    """Width of the bins for numbers between `low` and `high`: the finest that needs at most MOST_BINS of
    them."""
    largest = max(abs(low), abs(high))
    exponent = max(FINEST_EXPONENT, math.frexp(largest)[1] - 52) if largest else FINEST_EXPONENT
    while place_of(high, exponent) - place_of(low, exponent) >= MOST_BINS:
        exponent += 1
    return exponent


def merge_two(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = empty_sketch()
    for name in ("count", "nulls", "infinite", "numbers"):
        merged[name] = one[name] + other[name]
    _merge_numbers(merged, one, other)
    if one["values"] is None or other["values"] is None:
        merged["values"] = None
    else:
        values = dict(one["values"])
        for value, count in other["values"].items():
            values[value] = values.get(value, 0) + count
        merged["values"] = values if len(values) <= MOST_VALUES else None
    return merged


def _merge_numbers(merged: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> None:
    parts = [part for part in (one, other) if part["numbers"]]
    if not parts:
        return
    merged["min"] = min(part["min"] for part in parts)
    merged["max"] = max(part["max"] for part in parts)
    if len(parts) == 1:
        merged["mean"], merged["m2"] = parts[0]["mean"], parts[0]["m2"]
    else:
        total = one["numbers"] + other["numbers"]
        delta = other["mean"] - one["mean"]
        merged["mean"] = one["mean"] * (one["numbers"] / total) + other["mean"] * (other["numbers"] / total)
        m2 = one["m2"] + other["m2"] + delta * delta * (one["numbers"] * other["numbers"] / total)
        merged["m2"] = min(m2, sys.float_info.max)
    merged["exponent"] = bin_exponent(merged["min"], merged["max"])
    bins: dict[str, int] = {}
    for part in parts:
        shift = merged["exponent"] - part["exponent"]
        for index, count in part["bins"].items():
            key = str(int(index) >> shift)
            bins[key] = bins.get(key, 0) + count
    merged["bins"] = dict(sorted(bins.items(), key=lambda item: int(item[0])))
