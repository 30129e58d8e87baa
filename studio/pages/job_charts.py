"""The charts of a job's *Metrics*: each with its numbers, its legend and a name."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio.actions.job_metrics import Bin, Column, Predictions, Throughput, Value


@dataclass(frozen=True, kw_only=True)
class Chart:
    key: str  # in the address of its numbers
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    drawn: Any = ()
    legend: Sequence[tuple[str, str]] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ColumnChart(Chart):
    column: Column
    top: Bin | None  # where most rows lie
    figures: Sequence[tuple[str, Any, Any]] = ()  # word, value, that of the last job


@dataclass(frozen=True, kw_only=True)
class ThroughputChart(Chart):
    most: float  # rows per second
    mean: float
    length: float  # seconds


def column_charts(predictions: Predictions) -> list[ColumnChart]:
    return [_of_column(place, column) for place, column in enumerate(predictions.columns)]


def _of_column(place: int, column: Column) -> ColumnChart:
    shown: Sequence[Bin | Value] = column.values or column.bins
    is_compared = any(one.last is not None for one in shown)
    legend = [("done", _("this job")), ("last", _("last completed job"))] if is_compared else []
    columns, rows = _values_table(column) if column.values else _bins_table(column)
    if is_compared:
        columns = [*columns, _("share in the last job")]
        rows = [[*row, one.last] for row, one in zip(rows, shown, strict=True)]
    return ColumnChart(
        key=f"column-{place}",
        title=column.name,
        columns=columns,
        rows=rows,
        legend=legend,
        note=_others(column),
        column=column,
        top=max(column.bins, key=lambda one: one.count, default=None),
        figures=_figures(column),
    )


def _values_table(column: Column) -> tuple[list[str], list[list[Any]]]:
    return [_("value"), _("rows"), _("share")], [[one.value, one.count, one.share] for one in column.values]


def _bins_table(column: Column) -> tuple[list[str], list[list[Any]]]:
    rows = [[one.start, one.end, one.count, one.share] for one in column.bins]
    return [_("from"), _("to"), _("rows"), _("share")], rows


def _others(column: Column) -> str:
    if not column.others:
        return ""
    return ngettext(
        "%(count)s row has another value.", "%(count)s rows have other values.", column.others
    ) % {"count": _grouped(column.others)}


def _figures(column: Column) -> list[tuple[str, Any, Any]]:
    words = {
        "count": _("Rows"),
        "nulls": _("Nulls"),
        "infinite": _("Infinite"),
        "distinct": _("Distinct values"),
        "mean": _("Mean"),
        "std": _("Standard deviation"),
        "min": _("Smallest"),
        "max": _("Largest"),
    }
    known = [name for name in words if name in column.figures]
    return [(words[name], column.figures[name], column.last.get(name, "")) for name in known]


def throughput_chart(throughput: Throughput) -> ThroughputChart:
    rates = [point.rate for point in throughput.points]
    return ThroughputChart(
        key="throughput",
        title=_("Throughput"),
        most=max(rates, default=0.0),
        mean=sum(rates) / len(rates) if rates else 0.0,
        length=throughput.step * len(rates),
        columns=[_("second"), _("rows per second")],
        rows=[[round(point.second, 3), round(point.rate, 3)] for point in throughput.points],
        drawn=throughput.points,
        note=_sampled(throughput.sampled, throughput.of),
    )


def phases_chart(predictions: Predictions) -> Chart | None:
    """Where the scorers' time went; None before anything is known."""
    total = sum(predictions.seconds.values())
    if not total:
        return None
    words = {"read": _("Read"), "predict": _("Predict"), "write": _("Write")}
    parts = [(words[phase], seconds / total) for phase, seconds in predictions.seconds.items()]
    return Chart(
        key="phases",
        title=_("Read, predict, write"),
        columns=[_("phase"), _("seconds"), _("share")],
        rows=[
            [words[phase], round(seconds, 3), seconds / total]
            for phase, seconds in predictions.seconds.items()
        ],
        drawn=parts,
        legend=[
            (kind, f"{word} {number_format(100 * part, decimal_pos=1)} %")
            for kind, (word, part) in zip(("one", "two", "three"), parts, strict=True)
        ],
        note=_sampled(predictions.sampled, predictions.of),
    )


def _sampled(sampled: int, of: int) -> str:
    if not sampled or sampled >= of:
        return ""
    return _("Reckoned from %(sampled)s of %(of)s mini-batches, spread evenly.") % {
        "sampled": _grouped(sampled),
        "of": _grouped(of),
    }


def _grouped(count: int) -> str:
    return number_format(count, force_grouping=True)


def as_csv(chart: Chart) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(chart.columns)
    lines.writerows(chart.rows)
    return text.getvalue()
