"""Two jobs' predictions side by side: their histograms over the same bins, and how far apart they lie."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from scoring.summary import SUMMARY_BINS

LEAST_SHARE = 1e-4  # an empty bin counts as this much, since its logarithm would be infinite


def common_bins(
    *, histograms: Sequence[Sequence[Mapping[str, Any]]], most_bins: int = SUMMARY_BINS
) -> list[dict[str, Any]]:
    """Bins that cover all `histograms` (as `scoring.summary.histogram` gives them): from, to and one count of each.

    Widths are powers of two and edges their multiples, so that a finer histogram falls into a coarser one's bins.
    """
    bins = [one for histogram in histograms for one in histogram]
    if not bins:
        return []
    exponent = max(_exponent(one) for one in bins)
    while _place(bins, exponent, max) - _place(bins, exponent, min) >= most_bins:
        exponent += 1
    first, last = _place(bins, exponent, min), _place(bins, exponent, max)
    counts = [[0] * (last - first + 1) for _ in histograms]
    for which, histogram in enumerate(histograms):
        for one in histogram:
            counts[which][_index(one, exponent) - first] += one["count"]
    return [
        {
            "from": _edge(first + place, exponent),
            "to": _edge(first + place + 1, exponent),
            "counts": [each[place] for each in counts],
        }
        for place in range(last - first + 1)
    ]


def stability_index(*, counts: Sequence[int], last: Sequence[int]) -> float | None:
    """The population stability index of two distributions over the same bins: 0 where they are alike.

    None where one of them is empty.
    """
    here, there = sum(counts), sum(last)
    if not here or not there:
        return None
    total = 0.0
    for now, before in zip(counts, last, strict=True):
        p, q = max(now / here, LEAST_SHARE), max(before / there, LEAST_SHARE)
        total += (p - q) * math.log(p / q)
    return total


def _exponent(one: Mapping[str, Any]) -> int:
    width = one["to"] - one["from"]
    # The outermost edges of the largest numbers are cut off at the largest float.
    return math.frexp(min(width, sys.float_info.max))[1] - 1 if width > 0 else -1074


def _index(one: Mapping[str, Any], exponent: int) -> int:
    return math.floor(math.ldexp(one["from"], -exponent))


def _place(bins: Sequence[Mapping[str, Any]], exponent: int, which: Any) -> int:
    return int(which(_index(one, exponent) for one in bins))


def _edge(place: int, exponent: int) -> float:
    try:
        return math.ldexp(float(place), exponent)
    except OverflowError:
        return math.copysign(sys.float_info.max, place)
