"""What a job predicted and how quickly: from its summary, or while it runs from the mini-batches so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scoring.comparison import common_bins, stability_index
from scoring.summary import describe, merge_sketches
from studio.models import Job

MOST_REPORTS = 200  # mini-batches whose sketches are merged for one look at a running job
MOST_STEPS = 1_000  # mini-batches that the throughput is drawn from
POINTS = 40
BARS = 12
MOST_COLUMNS = 40
FEW_VALUES = 20  # whole numbers with at most as many different values are drawn as classes
STABLE, SHIFTED = 0.1, 0.25  # limits of the stability index, as they are used everywhere
PHASES = ("read", "predict", "write")


@dataclass(frozen=True)
class Bin:
    start: float
    end: float
    count: int
    share: float
    last: float | None = None  # share in the job before


@dataclass(frozen=True)
class Value:
    value: str
    count: int
    share: float
    last: float | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    figures: dict[str, Any]  # as scoring.summary.describe gives them
    last: dict[str, Any] = field(default_factory=dict)  # the same of the job before
    bins: Sequence[Bin] = ()
    values: Sequence[Value] = ()
    others: int = 0  # rows with a value that is not among `values`
    stability: float | None = None

    @property
    def is_stable(self) -> bool:
        return self.stability is not None and self.stability < STABLE

    @property
    def is_shifted(self) -> bool:
        return self.stability is not None and self.stability >= SHIFTED


@dataclass(frozen=True, kw_only=True)
class Predictions:
    columns: Sequence[Column]
    left_out: int  # columns that are not drawn
    sampled: int  # mini-batches that a running job's figures come from; 0 for those of the summary
    of: int  # mini-batches completed by then
    last: Job | None  # the job that they are compared with
    seconds: dict[str, float]


def last_completed(*, job: Job) -> Job | None:
    """The job to compare with: the last that the same deployment completed before this one was created."""
    before = Job.objects.completed().filter(created_at__lt=job.created_at).exclude(pk=job.pk)
    same = {"deployment": job.deployment_id} if job.deployment_id else {
        "endpoint_name": job.endpoint_name,
        "deployment_name": job.deployment_name,
    }  # fmt: skip
    return before.filter(**same).only("name", "display_name", "summary", "created_at").newest_first().first()


def predictions(*, job: Job) -> Predictions:
    """The distribution of each prediction column beside that of the last completed job."""
    last = last_completed(job=job)
    known, sampled, seconds = _of_summary(job) if job.summary else _so_far(job)
    before = (last.summary or {}).get("predictions", {}) if last else {}
    names = list(known)[:MOST_COLUMNS]
    return Predictions(
        columns=[_column(name, known[name], before.get(name, {})) for name in names],
        left_out=len(known) - len(names),
        sampled=sampled,
        of=job.minibatches_done - job.minibatches_failed,
        last=last,
        seconds={phase: seconds.get(phase, 0.0) for phase in PHASES},
    )


def _of_summary(job: Job) -> tuple[dict[str, Any], int, dict[str, float]]:
    summary = job.summary or {}
    return summary.get("predictions", {}), 0, summary.get("seconds", {})


def _so_far(job: Job) -> tuple[dict[str, Any], int, dict[str, float]]:
    sample = job.minibatches.completed().numbered(spread(job.minibatches_done, MOST_REPORTS)).in_plan_order()
    reports = list(sample.values_list("report__sketches", "report__seconds"))
    merged = merge_sketches([sketches or {} for sketches, _seconds in reports])
    seconds: dict[str, float] = {}
    for _sketches, spent in reports:
        for phase, value in (spent or {}).items():
            seconds[phase] = seconds.get(phase, 0.0) + value
    return {name: describe(sketch=sketch) for name, sketch in merged.items()}, len(reports), seconds


def spread(done: int, most: int) -> range:
    """At most `most` numbers of mini-batches spread evenly over those done: they are claimed in plan order."""
    step = max(1, -(-(done + 1) // most))
    return range(0, done + step, step)[:most]


def _column(name: str, figures: dict[str, Any], last: dict[str, Any]) -> Column:
    if _is_of_classes(figures):
        values = _values(figures, last)
        others = figures["count"] - figures["nulls"] - sum(one.count for one in values)
        stability = _stability_of_values(figures, last)
        return Column(
            name=name, figures=figures, last=last, values=values, others=max(others, 0), stability=stability
        )
    before = [] if _is_of_classes(last) else last.get("histogram", [])
    found = common_bins(histograms=[figures.get("histogram", []), before])
    return Column(
        name=name,
        figures=figures,
        last=last,
        bins=_bins(found, bool(before)),
        stability=stability_index(
            counts=[one["counts"][0] for one in found], last=[one["counts"][1] for one in found]
        ),
    )


def _is_of_classes(figures: dict[str, Any]) -> bool:
    if not figures.get("top_values"):
        return False
    return "histogram" not in figures or figures.get("distinct", 0) <= FEW_VALUES


def _bins(found: list[dict[str, Any]], compared: bool) -> list[Bin]:
    here, there = (sum(one["counts"][which] for one in found) for which in (0, 1))
    return [
        Bin(
            start=one["from"],
            end=one["to"],
            count=one["counts"][0],
            share=one["counts"][0] / here if here else 0.0,
            last=one["counts"][1] / there if compared and there else None,
        )
        for one in found
    ]


def _values(figures: dict[str, Any], last: dict[str, Any]) -> list[Value]:
    here, there = _present(figures), _present(last)
    before = _counts(last)
    return [
        Value(
            value=one["value"],
            count=one["count"],
            share=one["count"] / here if here else 0.0,
            last=before.get(one["value"], 0) / there if before and there else None,
        )
        for one in figures["top_values"][:BARS]
    ]


def _counts(figures: dict[str, Any]) -> dict[str, int]:
    return {one["value"]: one["count"] for one in figures.get("top_values", [])}


def _present(figures: dict[str, Any]) -> int:
    return int(figures.get("count", 0) - figures.get("nulls", 0))


def _stability_of_values(figures: dict[str, Any], last: dict[str, Any]) -> float | None:
    here, there = _counts(figures), _counts(last)
    if not there:
        return None
    names = list({**here, **there})
    rest = max(_present(figures) - sum(here.values()), 0), max(_present(last) - sum(there.values()), 0)
    return stability_index(
        counts=[here.get(name, 0) for name in names] + [rest[0]],
        last=[there.get(name, 0) for name in names] + [rest[1]],
    )


@dataclass(frozen=True)
class Point:
    second: float  # since the first mini-batch began
    rate: float  # rows/s


@dataclass(frozen=True, kw_only=True)
class Throughput:
    points: Sequence[Point]
    step: float  # seconds that a point stands for
    sampled: int
    of: int


def throughput(*, job: Job) -> Throughput:
    """Rows per second over the job's time; each mini-batch's rows are spread evenly over the time it took."""
    done = job.minibatches_done
    sample = job.minibatches.completed().begun().numbered(spread(done, MOST_STEPS))
    parts = list(sample.values_list("started_at", "finished_at", "rows_scored"))
    completed = done - job.minibatches_failed
    if not parts or not any(rows for *_times, rows in parts):
        return Throughput(points=[], step=0, sampled=len(parts), of=completed)
    begun = min(started for started, *_rest in parts)
    length = max((finished - begun).total_seconds() for _started, finished, _rows in parts) or 0.001
    step = length / POINTS
    # Each mini-batch of the sample stands for as many of those that were left out.
    weight = max(completed / len(parts), 1.0)
    rows = _spread_rows(parts, begun, step)
    return Throughput(
        points=[Point((place + 0.5) * step, weight * each / step) for place, each in enumerate(rows)],
        step=step,
        sampled=len(parts),
        of=completed,
    )


def _spread_rows(
    parts: Iterable[tuple[datetime, datetime, int]], begun: datetime, step: float
) -> list[float]:
    rows = [0.0] * POINTS
    for started, finished, count in parts:
        start, end = ((moment - begun).total_seconds() / step for moment in (started, finished))
        end = max(end, start + 1e-6)
        for place in range(max(int(start), 0), min(int(end), POINTS - 1) + 1):
            rows[place] += count * max(min(end, place + 1) - max(start, place), 0) / (end - start)
    return rows
