"""Histograms of two jobs over the same bins, whatever their own widths were."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.comparison import common_bins, stability_index
from scoring.scorer.sketching import sketch
from scoring.summary import SUMMARY_BINS, histogram

numbers = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=40
)


def _histogram(values):
    return histogram(sketch=sketch(pa.array(values, pa.float64())))


@given(numbers, numbers)
def test_every_value_of_both_is_in_a_common_bin(one, other):
    bins = common_bins(histograms=[_histogram(one), _histogram(other)])
    assert [sum(each["counts"][which] for each in bins) for which in (0, 1)] == [len(one), len(other)]
    assert len(bins) <= SUMMARY_BINS
    assert bins[0]["from"] <= min(*one, *other)
    assert bins[-1]["to"] >= max(*one, *other)


@given(numbers)
def test_one_histogram_alone_keeps_its_counts(values):
    alone = _histogram(values)
    assert [one["counts"][0] for one in common_bins(histograms=[alone])] == [one["count"] for one in alone]


def test_bins_of_different_widths_meet():
    fine, coarse = _histogram([0.0, 0.25, 0.5, 0.75]), _histogram([0.0, 100.0])
    bins = common_bins(histograms=[fine, coarse])
    assert bins[0] == {"from": 0.0, "to": 4.0, "counts": [4, 1]}
    assert bins[-1]["counts"] == [0, 1]


def test_nothing_has_no_bins():
    assert common_bins(histograms=[[], []]) == []


def test_stability_index_is_nothing_for_the_same_and_grows_with_the_difference():
    assert stability_index(counts=[10, 20, 10], last=[100, 200, 100]) == pytest.approx(0)
    near = stability_index(counts=[10, 20, 10], last=[12, 18, 10])
    far = stability_index(counts=[40, 0, 0], last=[0, 0, 40])
    assert 0 < near < 0.1 < 1 < far
    assert stability_index(counts=[], last=[]) is None
    assert stability_index(counts=[0, 0], last=[1, 2]) is None
