"""Statistics do not depend on how rows were divided, and are right."""

import json
import math
import statistics

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.scorer.sketch import MOST_BINS, MOST_VALUES
from scoring.scorer.sketching import sketch
from scoring.summary import build_summary, describe, merge_sketches

numbers = st.one_of(
    st.floats(-1e6, 1e6),
    st.floats(allow_nan=False),
    st.sampled_from([0.0, 1.0, -0.0, 1e-300, 5e-324, 1e300]),
    st.none(),
)


@given(st.lists(st.lists(numbers, max_size=8), min_size=1, max_size=5))
def test_counts_do_not_depend_on_the_division(chunks: list[list[float | None]]) -> None:
    merged = merge_sketches([{"p": sketch(pa.array(chunk, pa.float64()))} for chunk in chunks])["p"]
    whole = sketch(pa.array([v for chunk in chunks for v in chunk], pa.float64()))
    for exact in ("count", "nulls", "infinite", "numbers", "min", "max", "exponent", "bins"):
        assert merged[exact] == whole[exact], exact
    assert sum(merged["bins"].values()) == merged["numbers"]
    assert len(merged["bins"]) <= MOST_BINS
    json.dumps(merged, allow_nan=False)


@given(st.lists(st.floats(-1000, 1000), min_size=2, max_size=50))
def test_mean_and_deviation_are_right(values: list[float]) -> None:
    half = len(values) // 2
    merged = merge_sketches(
        [{"p": sketch(pa.array(part, pa.float64()))} for part in (values[:half], values[half:])]
    )
    described = describe(sketch=merged["p"])
    assert described["mean"] == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert described["std"] == pytest.approx(statistics.stdev(values), abs=1e-6)
    bins = described["histogram"]
    assert sum(one["count"] for one in bins) == len(values)
    assert bins[0]["from"] <= min(values) <= max(values) < bins[-1]["to"]
    assert len(bins) <= 32


def test_labels_are_counted_until_there_are_too_many() -> None:
    few = sketch(pa.array(["b", "a", "b", None]))
    assert describe(sketch=few)["top_values"] == [{"value": "b", "count": 2}, {"value": "a", "count": 1}]
    many = [sketch(pa.array([f"{part}-{i}" for i in range(MOST_VALUES // 2 + 1)])) for part in range(2)]
    merged = merge_sketches([{"p": one} for one in many])["p"]
    assert merged["values"] is None
    assert "top_values" not in describe(sketch=merged)


def test_whole_numbers_are_counted_and_averaged() -> None:
    described = describe(sketch=sketch(pa.array([0, 1, 1, 1])))
    assert described["mean"] == 0.75
    assert described["top_values"][0] == {"value": "1", "count": 3}


def test_the_summary_is_json() -> None:
    sketches = merge_sketches([{"prediction": sketch(pa.array([0.5, math.inf, None]))}])
    summary = build_summary(
        job="batchjob-1",
        status="Completed",
        rows=3,
        failed_rows=1,
        files=2,
        failed_files=0,
        seconds={"read": 0.12345},
        sketches=sketches,
        versions={"mlflow": "3"},
    )
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["predictions"]["prediction"]["infinite"] == 1
    assert summary["seconds"] == {"read": 0.123}
