"""Blocks of CSV that hold nothing but plain doubles, by the parser that is quickest with them: pandas' own.

It is lenient where we are strict, so only blocks go through it in which it cannot be: each line has as many fields as
the header, no byte is of a kind that it reads in its own way, and whatever it does not take for a double is refused.
"""

from __future__ import annotations

import io
import warnings
from typing import Any, Sequence

import numpy as np
import pandas as pd

from scoring.scorer.csv_text import NULLS, Block
from scoring.scorer.dialect import Dialect
from scoring.scorer.needs import Need

# Below it lie line ends and spaces, ours and others, and the quote, which pandas sees even where the file has another.
PLAIN_FROM = ord("#")
CACHED = 256 << 10  # bytes that stay in the processor's cache while they are looked at twice
FEW = 100  # zeros that are looked up one by one
# pandas before 3 rounds a third of long decimals wrong, or takes thrice the time.
IS_EXACT = int(pd.__version__.split(".")[0]) >= 3


def is_for_numbers(needs: Sequence[Need], width: int) -> bool:
    """Whether a file of `width` columns is of the kind: every column is one that the model needs, a double."""
    return IS_EXACT and len(needs) == width and all(need.kind == "double" for need in needs)


def read_numbers(block: Block, needs: Sequence[Need], dialect: Dialect) -> pd.DataFrame | None:
    """The block's rows by the names of `needs`; None where anything is unusual."""
    data, mark = block.data, dialect.quote_mark
    if mark and ord(mark) >= PLAIN_FROM and mark in data:
        return None
    separator, width = dialect.separator, len(needs)
    # The width of the first line is the one that pandas takes for that of the others.
    if data.count(separator.encode(), 0, data.find(b"\n")) != width - 1:
        return None
    # To look for missing values, which few files have, takes a look at each value.
    frame = _parsed(data, separator, width, na_filter=False)
    may_miss = frame is None or not _is_numeric(frame)
    if may_miss:
        frame = _parsed(data, separator, width, na_values=list(NULLS), keep_default_na=False)
    if frame is None or not _is_numeric(frame) or not _is_plain(data, separator, frame):
        return None
    if _has_lost_a_sign(frame, data, separator.encode(), may_miss):
        return None
    order = [need.index for need in needs]
    frame = frame.astype("float64")
    frame = frame if order == list(range(width)) else frame[order]
    return frame.set_axis([need.name for need in needs], axis=1)


def _parsed(data: bytes, separator: str, width: int, **missing: Any) -> pd.DataFrame | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that hold more than numbers, which are refused
        try:
            return pd.read_csv(
                io.BytesIO(data),
                sep=separator,
                header=None,
                names=range(width),
                index_col=False,
                low_memory=False,  # at once, not in pieces of 256 KB that are put together
                **missing,
            )
        except ValueError:
            return None


def _is_numeric(frame: pd.DataFrame) -> bool:
    """To ask for a type would take twice the time of looking which it became."""
    return {dtype.kind for dtype in frame.dtypes} <= set("fiu")


def _is_plain(data: bytes, separator: str, frame: pd.DataFrame) -> bool:
    """Whether each line is a row of all fields, in ASCII: pandas fills up a short line, and skips a blank one."""
    rows, width = frame.shape
    separators = rows * (width - 1)
    expected = rows + (separators if ord(separator) < PLAIN_FROM else 0)
    found = odd = 0
    signed = np.frombuffer(data, np.int8)  # bytes beyond ASCII are negative
    for start in range(0, len(signed), CACHED):
        piece = signed[start : start + CACHED]
        found += int(np.count_nonzero(piece == ord(separator)))
        odd += int(np.count_nonzero(piece < PLAIN_FROM))
    if odd > expected:  # around a number, both may stand
        expected += sum(data.count(space) for space in (b" ", b"\t") if space != separator.encode())
    return found == separators and odd == expected


def _has_lost_a_sign(frame: pd.DataFrame, data: bytes, separator: bytes, may_miss: bool) -> bool:
    """Where a column has only whole numbers, pandas takes it for integers, and -0 for 0: with a missing value, too."""
    whole = [
        place
        for place, dtype in enumerate(frame.dtypes)
        if dtype.kind != "f" or (may_miss and np.isnan(frame.iloc[:, place].to_numpy()).any())
    ]
    if not whole:
        return False
    values = frame.iloc[:, whole].to_numpy("float64")
    rows, columns = np.nonzero((values == 0) & ~np.signbit(values))
    if len(rows) > FEW:
        return any(b"-0" + after in data for after in (separator, b"\n", b"0", b" ", b"\t"))
    if not len(rows):
        return False
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    for row, column in zip(rows, columns):
        line = data[ends[row - 1] + 1 if row else 0 : ends[row]]
        if line.split(separator)[whole[column]].lstrip().startswith(b"-"):
            return True
    return False
