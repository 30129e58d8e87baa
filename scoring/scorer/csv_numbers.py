"""Blocks of CSV that hold nothing but plain doubles, by the parser that is quickest with them: pandas' own.

It is lenient where we are strict, so only blocks go through it in which it cannot be: each line has as many fields as
the header, no byte is of a kind that it reads in its own way, and whatever it does not take for a double is refused.
"""

from __future__ import annotations

import io
import warnings
from typing import Sequence

import numpy as np
import pandas as pd

from scoring.scorer.csv_text import NULLS, Block
from scoring.scorer.dialect import Dialect
from scoring.scorer.needs import Need

# Other line ends and spaces than ours; and quotes, which it sees also where the file has another one, or none.
ODD = tuple(b'\r\0\v\f"')
FEW = 100  # zeros that are looked up one by one
# pandas before 3 rounds a third of long decimals wrong, or takes thrice the time.
IS_EXACT = int(pd.__version__.split(".")[0]) >= 3


def is_for_numbers(needs: Sequence[Need], width: int) -> bool:
    """Whether a file of `width` columns is of the kind: every column is one that the model needs, a double."""
    return IS_EXACT and len(needs) == width and all(need.kind == "double" for need in needs)


def read_numbers(block: Block, needs: Sequence[Need], dialect: Dialect) -> pd.DataFrame | None:
    """The block's rows by the names of `needs`; None where anything is unusual."""
    data, mark = block.data, dialect.quote_mark
    if any(byte in data for byte in ODD) or (mark and mark in data) or not data.isascii():
        return None
    separator, width = dialect.separator.encode(), len(needs)
    lines = _count(data, b"\n")
    # pandas gives a short line missing values, and takes the width of the first one for that of the others.
    if (
        _count(data, separator) != lines * (width - 1)
        or data.count(separator, 0, data.find(b"\n")) != width - 1
    ):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that hold more than numbers: they are refused below
        try:
            frame = pd.read_csv(
                io.BytesIO(data),
                sep=dialect.separator,
                header=None,
                names=range(width),
                na_values=list(NULLS),
                keep_default_na=False,
                index_col=False,
                low_memory=False,  # at once, not in pieces of 256 KB that are put together
            )
        except ValueError:
            return None
    # To ask for a type would take twice the time. Blank lines are no records.
    if len(frame) != lines or not {dtype.kind for dtype in frame.dtypes} <= set("fiu"):
        return None
    if _has_lost_a_sign(frame, data, separator):
        return None
    frame = frame.astype("float64")[[need.index for need in needs]]
    return frame.set_axis([need.name for need in needs], axis=1)


def _count(data: bytes, byte: bytes) -> int:
    """data.count(byte), which is made for bytes that are rare, in a fifth of its time."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord(byte)))


def _has_lost_a_sign(frame: pd.DataFrame, data: bytes, separator: bytes) -> bool:
    """Where a column has only whole numbers, pandas takes it for integers, and -0 for 0: with a missing value, too."""
    whole = [
        place
        for place, dtype in enumerate(frame.dtypes)
        if dtype.kind != "f" or np.isnan(frame.iloc[:, place].to_numpy()).any()
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
