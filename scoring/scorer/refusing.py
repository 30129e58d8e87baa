"""Rows that a model refuses: what its predict raises names them in `rows`, by their places in its input."""

from __future__ import annotations

import operator
from typing import Any, Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.scorer.failures import PredictFailure
from scoring.scorer.reading import Chunk


def named_rows(error: Exception, count: int) -> list[int]:
    """The places that it names, in their order; none where they are not all among the `count` that were given."""
    rows = getattr(error, "rows", None)
    if not isinstance(rows, (list, tuple, set, range, np.ndarray, pd.Index, pd.Series)):
        return []
    try:
        places = sorted({operator.index(row) for row in rows})
    except TypeError:
        return []
    return places if places and places[0] >= 0 and places[-1] < count else []


def predicted(chunk: Chunk, start: int, predict: Callable[[Any], pa.Table]) -> tuple[Chunk, pa.Table | None]:
    """The chunk without the rows that the model refuses, and its answer for the others.

    `start` is the number of the first record. Raises PredictFailure where it fails and names none.
    """
    while len(chunk):
        try:
            return chunk, predict(chunk.rows)
        except PredictFailure as failure:
            if not failure.rows:
                raise
            chunk = chunk.without(failure.rows, start, str(failure))
    return chunk, None
