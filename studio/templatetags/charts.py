"""Charts: SVG drawn by the server. Places across are percentages and heights are pixels, so that a chart fills its
place at any width with text that stays readable; colours are classes, so that they follow the theme."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from django.template import Context, Library
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from studio.templatetags.formats import NOTHING, compact, duration, number
from studio.templatetags.ui import draw

register = Library()

PLOT = 112  # height in pixels of what is drawn above an axis
TOP = 18  # room for the scale's highest value
ROW = 26
LANE, NODE_LINE = 20, 22
LABELS, ENDS = 31.0, 73.0  # where a row's bar begins and may end, in percent
SLOTS = 13.0  # where a timeline's bars begin
LONGEST_RUN = 6  # times the median that a run's bar can show
SMALL = 46  # height of the runs above a list
LEAST = 0.35  # percent of the width that every bar of a timeline has, so that none is invisible
LONGEST_LABEL = 22
SERIES = ("one", "two", "three", "four")


@register.filter
def figure(value: Any) -> str:
    """A statistic with four digits: 0.4083, 12.5, 1.04 M; nothing → a dash."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, int):
        return number(value)
    if value and not 1e-4 <= abs(value) < 1e12:
        return f"{value:.3g}"
    if abs(value) >= 1e4:
        return compact(value)
    text = f"{value:.4g}"
    return number_format(text) if "e" not in text else text


@register.filter
def share(value: float | None) -> str:
    """0.0312 → 3.1 %; nothing → a dash."""
    if value is None:
        return NOTHING
    places = 0 if value in (0, 1) or value >= 0.9995 else 1
    if 0 < value < 0.0005:
        return _("< 0.1 %")
    return _("%(percent)s %%") % {"percent": number_format(value * 100, decimal_pos=places)}


@register.filter
def cell(value: Any) -> str:
    """A number of a chart's table as people read it."""
    return figure(value) if value is None or isinstance(value, int | float) else str(value)


@register.simple_block_tag(takes_context=True)
def chart(
    context: Context,
    content: str,
    title: str,
    id: str,
    columns: Sequence[str] = (),
    rows: Iterable[Sequence[Any]] = (),
    csv: str = "",
    legend: Iterable[tuple[str, str]] = (),
    note: str = "",
) -> SafeString:
    """A drawing with its title, its numbers as a table, and what they can be taken away as. `csv` is the address of
    the numbers, `legend` names what is drawn: pairs of a kind (the class `chart-<kind>`) and a word."""
    return draw(
        context,
        "ui/chart.html",
        content=content,
        title=title,
        chart_id=id,
        columns=columns,
        rows=list(rows),
        csv=csv,
        legend=legend,
        note=note,
    )


@register.inclusion_tag("ui/chart_histogram.html")
def histogram(bins: Sequence[Any], label: str) -> dict[str, Any]:
    """Bars side by side for `bins` with `start`, `end`, `count`, `share`, and `last`, which a thin mark shows."""
    most = max((max(one.share, one.last or 0) for one in bins), default=0) or 1
    width = 100 / max(len(bins), 1)
    drawn = [
        {
            "bin": one,
            "x": width * place + width * 0.06,
            "width": width * 0.88,
            "y": TOP + PLOT * (1 - one.share / most),
            "height": PLOT * one.share / most,
            "mark": None if one.last is None else TOP + PLOT * (1 - one.last / most) - 1,
        }
        for place, one in enumerate(bins)
    ]
    ends = (bins[0].start, bins[len(bins) // 2].start, bins[-1].end) if bins else ()
    middle = 100 * (len(bins) // 2) / max(len(bins), 1)
    return {"drawn": drawn, "label": label, "most": most, "ends": ends, "middle": middle, **_frame()}


@register.inclusion_tag("ui/chart_bars.html")
def bars(values: Sequence[Any], label: str) -> dict[str, Any]:
    """One bar under the other for `values` with `value`, `count`, `share` and `last`, which a thin mark shows."""
    most = max((max(one.share, one.last or 0) for one in values), default=0) or 1
    room = ENDS - LABELS
    drawn = [
        {
            "one": one,
            "text": _shortened(one.value),
            "y": ROW * place,
            "middle": ROW * place + ROW / 2 + 4,
            "width": max(room * one.share / most, 0.3) if one.count else 0,
            "mark": None if one.last is None else LABELS + room * one.last / most,
        }
        for place, one in enumerate(values)
    ]
    return {
        "drawn": drawn,
        "label": label,
        "labels": LABELS,
        "room": LABELS - 2,
        "row": ROW,
        "base": ROW // 2 + 4,
        "height": max(ROW * len(drawn), ROW),
    }


@register.inclusion_tag("ui/chart_line.html")
def line_chart(points: Sequence[Any], label: str, unit: str = "") -> dict[str, Any]:
    """A line over time through `points` with `second` and `rate`, from 0 s on."""
    most = max((one.rate for one in points), default=0) or 1
    step = points[0].second * 2 if points else 1
    end = step * len(points) or 1
    drawn = [
        {
            "point": one,
            "x": 100 * (one.second - step / 2) / end,
            "middle": 100 * one.second / end,
            "width": 100 * step / end,
            "y": TOP + PLOT * (1 - one.rate / most),
            "height": PLOT * one.rate / most,
        }
        for one in points
    ]
    return {
        "drawn": drawn,
        "lines": list(pairwise(drawn)),
        "label": label,
        "unit": unit,
        "most": most,
        "end": end,
        "half": end / 2,
        **_frame(),
    }


@register.inclusion_tag("ui/chart_shares.html")
def share_bar(parts: Sequence[tuple[str, float]], label: str) -> dict[str, Any]:
    """One bar divided between `parts`, pairs of a word and a share."""
    drawn, x = [], 0.0
    for kind, (word, part) in zip(SERIES, parts, strict=False):
        drawn.append({"word": word, "share": part, "x": x, "width": 100 * part, "kind": kind})
        x += 100 * part
    return {"drawn": drawn, "label": label}


@register.inclusion_tag("ui/chart_runs.html")
def run_bars(runs: Sequence[Any], label: str) -> dict[str, Any]:
    """A small bar for the duration of each job, a link to it; the list below has the same for the keyboard."""
    lengths = [run.duration or 0.0 for run in runs]
    # One that takes far longer than the others is cut off, so that they stay comparable.
    most = (
        min(max(lengths, default=0.0), LONGEST_RUN * median(lengths) if lengths else 0.0)
        or max(lengths, default=0)
        or 1
    )
    heights = [min(max(SMALL * length / most, 3), SMALL) for length in lengths]
    slots = max(len(runs), 12)
    drawn = [
        {
            "run": run,
            "x": 100 * place / slots,
            "width": 70 / slots,
            "y": SMALL - height,
            "height": height,
            "kind": _kind_of_run(run),
        }
        for place, (run, height) in enumerate(zip(runs, heights, strict=True))
    ]
    return {"drawn": drawn, "label": label, "height": SMALL}


def _kind_of_run(run: Any) -> str:
    if not run.is_finished:
        return "running"
    if run.is_failed:
        return "failed"
    return "done" if run.is_completed else "canceled"


@register.inclusion_tag("ui/chart_timeline.html")
def timeline(lanes: Sequence[tuple[str, int, Sequence[Any]]], begun: Any, label: str) -> dict[str, Any]:
    """Bars over time, one lane under the other. A lane is the name of a node, a slot and its mini-batches."""
    now = timezone.now()
    ends = [one.finished_at or now for _node, _slot, found in lanes for one in found]
    length = max(((max(ends) - begun).total_seconds() if ends else 0), 0.001)
    drawn, y, node = [], 0, None
    for name, slot, found in lanes:
        if name != node:
            y += NODE_LINE
        lane: dict[str, Any] = {"slot": slot, "y": y, "text": y + 13, "bars": []}
        if name != node:
            lane["node"], lane["heading"], node = _shortened(name, 60), y - 6, name
        lane["bars"] = [_timed(one, begun, length, now) for one in found]
        drawn.append(lane)
        y += LANE
    ticks = [
        {"at": SLOTS + (100 - SLOTS) * part, "second": length * part, "part": part} for part in (0, 0.5, 1)
    ]
    return {
        "drawn": drawn,
        "label": label,
        "ticks": ticks,
        "height": y + 22,
        "axis": y + 16,
        "slots": SLOTS,
        "track": 100 - SLOTS,
    }


def _timed(one: Any, begun: Any, length: float, now: Any) -> dict[str, Any]:
    room = 100 - SLOTS
    start: timedelta = one.started_at - begun
    took: timedelta = (one.finished_at or now) - one.started_at
    x = SLOTS + room * start.total_seconds() / length
    width = max(room * took.total_seconds() / length - 0.15, LEAST)
    return {
        "one": one,
        "x": min(x, 100 - LEAST),
        "width": min(width, 100 - x) if x < 100 else LEAST,
        "kind": _kind(one),
    }


def _kind(one: Any) -> str:
    if one.is_failed:
        return "failed"
    if one.is_running:
        return "running"
    if one.status_tone != "success":
        return "canceled"
    return "retried" if one.is_retried else "done"


def _frame() -> dict[str, float]:
    return {
        "top": TOP,
        "base": TOP + PLOT,
        "middle_line": TOP + PLOT / 2,
        "height": TOP + PLOT + 20,
        "axis": TOP + PLOT + 15,
    }


def _shortened(text: Any, longest: int = LONGEST_LABEL) -> str:
    words = str(text)
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def seconds_text(value: float) -> str:
    """A second of a time axis; its beginning is 0 s and not 0 ms."""
    return duration(value) if value else _("0 s")


register.filter("seconds", seconds_text)
