"""Charts drawn by the server: what they show, what they say, and that nothing in a name breaks them."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from studio.models import Job, MiniBatch
from studio.templatetags.charts import figure, share


@dataclass
class Bar:
    value: str
    count: int
    share: float
    last: float | None = None
    start: float = 0.0
    end: float = 1.0


@dataclass
class Point:
    second: float
    rate: float


def drawn(text, **values):
    values["request"] = RequestFactory().get("/")
    return Template(text).render(Context(values))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.40834, "0.4083"),
        (12.5, "12.5"),
        (1_040_000.0, "1.04\N{NO-BREAK SPACE}M"),
        (569, "569"),
        (0.0, "0"),
        (None, "–"),
    ],
)
def test_a_figure_has_four_digits(value, text):
    assert figure(value) == text


def test_very_small_and_very_large_figures_are_short():
    assert figure(1.5e-30) == "1.5e-30"
    assert figure(-1.7e300) == "-1.7e+300"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 %"), (0.0312, "3.1 %"), (1, "100 %"), (0.0001, "< 0.1 %"), (None, "–")]
)
def test_a_share_is_in_percent(value, text):
    assert share(value) == text


def test_the_highest_bin_fills_the_histogram():
    svg = drawn("{% histogram bins 'All' %}", bins=[Bar("", 1, 0.25), Bar("", 3, 0.75)])
    heights = [float(height) for height in re.findall(r'class="chart-done"[^>]*height="([\d.]+)"', svg)]
    assert heights == [pytest.approx(112 / 3, abs=0.1), 112]
    assert 'role="img" aria-label="All"' in svg
    assert "chart-last" not in svg


def test_a_mark_shows_the_share_of_the_last_job():
    assert "chart-last" in drawn("{% histogram bins 'All' %}", bins=[Bar("", 1, 1.0, last=0.5)])
    assert "chart-last" in drawn("{% bars values 'All' %}", values=[Bar("a", 1, 1.0, last=0.0)])


def test_names_are_text_and_cut_where_they_are_long():
    svg = drawn(
        "{% bars values label %}",
        values=[Bar("<b>\"x\" & 'y'</b>" + "z" * 99, 1, 1.0)],
        label='a "label" <i>',
    )
    assert "<b>" not in svg
    assert "<i>" not in svg
    assert "…</text>" in svg


def test_nothing_draws_nothing():
    for text in (
        "{% histogram x 'l' %}",
        "{% bars x 'l' %}",
        "{% line_chart x 'l' %}",
        "{% share_bar x 'l' %}",
        "{% run_bars x 'l' %}",
    ):
        assert 'class="chart"' in drawn(text, x=[])
    assert 'class="chart"' in drawn("{% timeline x begun 'l' %}", x=[], begun=None)


def test_a_line_goes_through_its_points():
    svg = drawn("{% line_chart points 'l' unit='rows/s' %}", points=[Point(0.5, 10), Point(1.5, 20)])
    assert svg.count('class="chart-line"') == 1
    assert "20 rows/s" in svg


def test_shares_stand_beside_each_other():
    svg = drawn("{% share_bar parts 'l' %}", parts=[("Read", 0.25), ("Predict", 0.75)])
    assert re.findall(r'<rect class="chart-(?:one|two)" x="([\d.]+)%" y="2" width="([\d.]+)%"', svg) == [
        ("0.000", "25.000"),
        ("25.000", "75.000"),
    ]


def test_the_timeline_tells_states_apart_by_more_than_colour():
    begun = timezone.now() - timedelta(seconds=10)
    states = MiniBatch.Status

    def one(number, status, **fields):
        ended = None if status == states.RUNNING else begun + timedelta(seconds=number + 1)
        start = begun + timedelta(seconds=number)
        return MiniBatch(number=number, status=status, started_at=start, finished_at=ended, **fields)

    lane = [
        one(0, states.COMPLETED),
        one(1, states.COMPLETED, attempts=1),
        one(2, states.FAILED, attempts=4),
        one(3, states.CANCELED),
        one(4, states.RUNNING),
    ]
    svg = drawn("{% timeline lanes begun 'l' %}", lanes=[("node-1", 0, lane)], begun=begun)
    for kind in ("done", "retried", "failed", "canceled", "running"):
        assert f"chart-bar-{kind}" in svg
    assert 'fill="url(#timeline-failed)"' in svg
    assert 'fill="url(#timeline-retried)"' in svg
    assert "Mini-batch 2: Failed, 1.0 s, attempts 4" in svg


def test_one_very_long_run_does_not_flatten_the_others():
    begun = timezone.now() - timedelta(days=9)
    runs = [
        Job(
            name=f"j{n}",
            display_name="j",
            status="Completed",
            started_at=begun,
            finished_at=begun + timedelta(seconds=n),
        )
        for n in (10, 10, 10, 90_000)
    ]
    heights = re.findall(
        r'class="chart-done"[^>]*height="([\d.]+)"', drawn("{% run_bars runs 'l' %}", runs=runs)
    )
    assert float(heights[0]) > 7
    assert float(heights[-1]) == 46


def test_a_chart_has_its_numbers_its_legend_and_ways_to_take_it_away():
    page = drawn(
        "{% chart title id='x' columns=columns rows=rows csv='/x.csv' legend=legend note=note %}drawing{% endchart %}",
        title="Title <b>",
        note="a note",
        columns=["from", "rows"],
        rows=[[0.5, 1234]],
        legend=[("done", "this job"), ("last", "before")],
    )
    for shown in (
        "Title &lt;b&gt;",
        "drawing",
        "1,234",
        'href="/x.csv"',
        "data-chart-png",
        "this job",
        "a note",
        "<details",
    ):
        assert shown in page
    assert "style=" not in page
