"""What a job came to and how its predictions are read: a JSON document each."""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scoring.outputs import OutputReport, PartRef
from scoring.scorer.sketch import empty_sketch, merge_two

TOP_VALUES = 20
SUMMARY_BINS = 32


def merge_sketches(sketches: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Column to sketch, of the parts in plan order: sums of floats depend on the order."""
    merged: dict[str, dict[str, Any]] = {}
    for part in sketches:
        for column, sketch in part.items():
            merged[column] = merge_two(merged.get(column, empty_sketch()), dict(sketch))
    return merged


def build_summary(
    *,
    job: str,
    status: str,
    rows: int,
    failed_rows: int,
    files: int,
    failed_files: int,
    seconds: Mapping[str, float],
    sketches: Mapping[str, Mapping[str, Any]],
    versions: Mapping[str, str],
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`seconds` by phase (read, predict, write …); `sketches` as `merge_sketches` gives them."""
    return {
        "job": job,
        "status": status,
        "rows": rows,
        "failed_rows": failed_rows,
        "files": files,
        "failed_files": failed_files,
        **(extra or {}),
        "seconds": {phase: round(value, 3) for phase, value in seconds.items()},
        "predictions": {name: describe(sketch=sketch) for name, sketch in sketches.items()},
        "versions": dict(versions),
    }


def build_schema(
    *, job: str, name: str, output: OutputReport, write_header: bool, parts: Sequence[PartRef]
) -> dict[str, Any]:
    """How to read the predictions: what the file `name` is, its columns, and the files that its rows come from."""
    rows: dict[str, int] = {}
    for part in parts:
        for one in part.slices:
            rows[one.file_name] = rows.get(one.file_name, 0) + one.report.rows
    is_csv = name.endswith(".csv")
    layout = {"header": write_header, "delimiter": ",", "encoding": "utf-8", "null": ""} if is_csv else {}
    return {
        "job": job,
        "predictions": name,
        "format": "csv" if is_csv else "parquet",
        **layout,
        "rows": output.rows,
        "bytes": output.bytes,
        "sha256": output.sha256,
        "columns": [
            {"name": column, "type": kind} for column, kind in zip(output.columns, output.types, strict=True)
        ],
        "files": [{"file_name": file, "rows": count} for file, count in rows.items()],
    }


def describe(*, sketch: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a sketch that a person reads."""
    described: dict[str, Any] = {"count": sketch["count"], "nulls": sketch["nulls"]}
    if sketch["numbers"]:
        described |= {"min": sketch["min"], "max": sketch["max"], "mean": sketch["mean"]}
        described["std"] = (sketch["m2"] / (sketch["numbers"] - 1)) ** 0.5 if sketch["numbers"] > 1 else 0.0
        described["histogram"] = histogram(sketch=sketch)
    if sketch["infinite"]:
        described["infinite"] = sketch["infinite"]
    if sketch["values"]:
        ordered = sorted(sketch["values"].items(), key=lambda item: (-item[1], item[0]))
        described["distinct"] = len(ordered)
        described["top_values"] = [{"value": value, "count": count} for value, count in ordered[:TOP_VALUES]]
    return described


def histogram(*, sketch: Mapping[str, Any], most_bins: int = SUMMARY_BINS) -> list[dict[str, Any]]:
    """Bins of equal width without gaps between the smallest and the largest value: from, to, count."""
    if not sketch["bins"]:
        return []
    indices = [int(index) for index in sketch["bins"]]
    shift = 0
    while (max(indices) >> shift) - (min(indices) >> shift) >= most_bins:
        shift += 1
    counts: dict[int, int] = {}
    for index, count in sketch["bins"].items():
        counts[int(index) >> shift] = counts.get(int(index) >> shift, 0) + count
    exponent = sketch["exponent"] + shift
    return [
        {"from": _edge(i, exponent), "to": _edge(i + 1, exponent), "count": counts.get(i, 0)}
        for i in range(min(counts), max(counts) + 1)
    ]


def _edge(index: int, exponent: int) -> float:
    try:
        return math.ldexp(float(index), exponent)
    except OverflowError:
        return math.copysign(sys.float_info.max, index)
