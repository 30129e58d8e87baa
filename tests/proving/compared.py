"""Whether two tables of predictions say the same: to the bit, or as far as one call on the whole frame does."""

from pathlib import Path

import numpy as np
import pyarrow as pa


def read_table(path: Path) -> tuple[pa.Table, list[int]]:
    """All streams of an Arrow file as one table, and the number of rows of each batch."""
    batches = []
    with path.open("rb") as file:
        size = path.stat().st_size
        while file.tell() < size:
            batches += list(pa.ipc.open_stream(file))
    table = pa.concat_tables(
        [pa.Table.from_batches([batch]) for batch in batches], promote_options="permissive"
    )
    return table.combine_chunks(), [batch.num_rows for batch in batches]


def bit_equal(one: pa.Table, other: pa.Table) -> bool:
    """The same types and bits, column by column; what the columns are called does not matter."""
    if one.num_columns != other.num_columns or one.num_rows != other.num_rows:
        return False
    return all(_same_bits(a, b) for a, b in zip(one.columns, other.columns, strict=True))


def _same_bits(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    one, other = _plain(one), _plain(other)
    if one.type != other.type:
        return False
    if pa.types.is_floating(one.type):
        same = one.is_null().equals(other.is_null())
        bits = f"i{one.type.bit_width // 8}"
        return same and bool(np.array_equal(_floats(one).view(bits), _floats(other).view(bits)))
    return bool(one.equals(other))


def difference(one: pa.Table, other: pa.Table) -> tuple[bool, float]:
    """Whether all that is no float is equal, and the largest relative difference of floats."""
    if one.num_columns != other.num_columns or one.num_rows != other.num_rows:
        return False, float("inf")
    labels, largest = True, 0.0
    for a, b in zip(map(_plain, one.columns), map(_plain, other.columns), strict=True):
        if pa.types.is_floating(a.type) and pa.types.is_floating(b.type):
            largest = max(largest, _relative(_floats(a).astype("f8"), _floats(b).astype("f8")))
        else:
            labels = labels and a.equals(b)
    return labels, largest


def _relative(one: np.ndarray, other: np.ndarray) -> float:
    if not np.array_equal(np.isnan(one), np.isnan(other)):
        return float("inf")
    apart, size = np.abs(one - other), np.maximum(np.abs(one), np.abs(other))
    return float(np.nanmax(np.divide(apart, size, out=np.zeros_like(apart), where=apart > 0), initial=0.0))


def _plain(column: pa.ChunkedArray) -> pa.Array:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_large_string(array.type):
        return array.cast(pa.string())
    return array


def _floats(array: pa.Array) -> np.ndarray:
    """NaN where there is nothing, always the same one."""
    values: np.ndarray = array.to_numpy(zero_copy_only=False).copy()
    values[np.isnan(values)] = np.nan
    return values
