"""Between Arrow and what models take and give: frames in, one table of predictions out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.scorer.failures import PredictFailure
from scoring.scorer.needs import Needs

ONE_COLUMN = "prediction"
TAKEN = ("row", "file_name")


def model_input(rows: Any, needs: Needs) -> Any:
    """The frame (or tensor) that the model is asked to predict; columns have exactly the signature's
    types, as `rows` has them, a table or a frame of numbers."""
    frame = _frame(rows) if isinstance(rows, pa.Table) else rows
    if needs.tensor is None:
        return frame
    dtype, shape = needs.tensor["dtype"], needs.tensor["shape"]
    array = frame.to_numpy(dtype=np.dtype(dtype)).reshape([len(frame), *shape[1:]])
    return {needs.tensor["name"]: array} if needs.tensor["name"] else array


def _frame(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas()
    for name in frame.columns[frame.dtypes == object]:
        # What pandas' own readers give for missing text; estimators look for NaN, not for None.
        if frame[name].isna().any() and not pa.types.is_binary(table.schema.field(name).type):
            frame[name] = frame[name].where(frame[name].notna(), np.nan)
    return frame


def predictions(answer: Any, rows: int) -> pa.Table:
    """Whatever `predict` gave, as columns: one is named prediction, several keep their names or get
    numbers."""
    columns = _columns(answer)
    lengths = {_length(values) for _, values in columns}
    if lengths != {rows}:
        raise PredictFailure(
            f"The model returned {_amount(lengths)} for {rows} rows; batch scoring needs one per row."
        )
    names = _names([name for name, _ in columns])
    return pa.table([_arrow(values) for _, values in columns], names=names)


def _columns(answer: Any) -> list[tuple[Any, Any]]:
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    if isinstance(answer, pd.DataFrame):
        return [(name, answer.iloc[:, i]) for i, name in enumerate(answer.columns)]
    if isinstance(answer, (pd.Series, pd.Index, pd.Categorical)):
        return [(None, pd.Series(answer))]
    if isinstance(answer, dict):
        kept = (list, pd.Series)  # which numpy would make floats of, where something is missing
        return [
            (name, values if isinstance(values, kept) else np.asarray(values))
            for name, values in answer.items()
        ]
    if isinstance(answer, (list, tuple)):
        return _of_list(list(answer))
    array = np.asarray(answer)
    if array.ndim == 2:
        return [(i, array[:, i]) for i in range(array.shape[1])]
    if array.ndim == 0:
        raise PredictFailure(
            f"The model returned {type(answer).__name__}, which is not one prediction per row."
        )
    return [(None, array if array.ndim == 1 else list(array))]


def _of_list(answer: list[Any]) -> list[tuple[Any, Any]]:
    if answer and all(isinstance(item, dict) for item in answer):
        names = list(dict.fromkeys(name for item in answer for name in item))
        return [(name, [item.get(name) for item in answer]) for name in names]
    nested = bool(answer) and all(isinstance(item, (list, tuple, np.ndarray)) for item in answer)
    if nested and len({len(item) for item in answer}) == 1 and all(np.ndim(x) == 0 for x in answer[0]):
        return [(i, list(values)) for i, values in enumerate(zip(*answer))]
    return [(None, answer)]


def _length(values: Any) -> int | None:
    """None of what is no column but a single value."""
    return len(values) if isinstance(values, list) or np.ndim(values) else None


def _amount(lengths: set[int | None]) -> str:
    if not lengths:
        return "no columns"
    if None in lengths:
        return "a single value"
    return f"{lengths.pop()} predictions" if len(lengths) == 1 else "columns of different lengths"


def _names(names: list[Any]) -> list[str]:
    if len(names) == 1:
        return [ONE_COLUMN]
    if all(isinstance(name, (int, np.integer)) for name in names):
        return [f"{ONE_COLUMN}_{i}" for i in range(len(names))]
    unique: list[str] = []
    for name in names:
        text = _storable(str(name)) or ONE_COLUMN
        text = f"{ONE_COLUMN}_{text}" if text in TAKEN else text
        repeated = text
        count = 1
        while repeated in unique:
            repeated = f"{text}_{count}"
            count += 1
        unique.append(repeated)
    return unique


def _storable(name: str) -> str:
    """As the node keeps it of the report, whose names lead to the columns of the part."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _arrow(values: Any) -> pa.Array:
    """A flat Arrow array: numbers, booleans, text, times; NaN is null, anything nested becomes JSON."""
    if isinstance(values, np.ndarray) and values.ndim > 1:
        values = list(values)
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, OverflowError):
        return pa.array([plain_text(value) for value in values], pa.string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_large_string(kind) or kind == getattr(pa, "string_view", lambda: None)():
        return array.cast(pa.string())
    if pa.types.is_timestamp(kind) and kind.tz:
        return array.cast(pa.timestamp("ns", "UTC")).view(pa.int64()).view(pa.timestamp("ns"))
    if _is_flat(kind):
        return array
    return pa.array([plain_text(value) for value in array.to_pylist()], pa.string())


def _is_flat(kind: pa.DataType) -> bool:
    checks = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_timestamp,
    )
    return pa.types.is_null(kind) or pa.types.is_date(kind) or any(check(kind) for check in checks)


def plain_text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (list, tuple, dict, np.ndarray)):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(value)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
