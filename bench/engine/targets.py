"""The table: each target, what was measured, and whether it is met."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.engine.measuring import Measured
from bench.engine.models import AGAINST_ALL, MODELS

WHOLE = {"logistic": 5.0, "forest": 2.5}  # times faster than `mlflow models predict`, its start counted
LOADED = 1.8  # the same, its start not counted
FLOOR = 1.25  # times the floor's wall time
COLD, WARM = 4.0, 2.0  # times faster than Ray Data and Spark
SMALL_WARM, SMALL_COLD = 1.0, 8.0  # seconds
MEMORY, MEMORY_GROWTH = 0.8, 0.1  # GB; share
SLOTS = 1.8
OWN_COST = 15.0  # milliseconds
INPUTS = {"csv": "CSV", "shards": "shards", "parquet": "Parquet"}


@dataclass(frozen=True)
class Line:
    what: str
    target: str
    measured: str
    beside: str
    met: bool | None  # None: no target, shown all the same


class Table:
    def __init__(self, measured: Measured) -> None:
        self._figures = measured.figures

    def lines(self) -> list[Line]:
        found = [*self._against_mlflow(), *self._against_floor(), *self._against_clusters()]
        return [*found, *self._small(), *self._memory(), *self._slots_and_cost()]

    def _has(self, model: str, *whats: str) -> bool:
        return all((model, what) in self._figures for what in whats)

    def _middle(self, model: str, what: str) -> float:
        return median(self._figures[model, what])

    def _times(
        self, what: str, model: str, ours: str, theirs: str, target: float | None, *, most: bool = False
    ) -> Iterator[Line]:
        """How many times faster ours is than theirs; with `most`, how many times its time it takes."""
        if not self._has(model, ours, theirs):
            return
        mine, other = self._middle(model, ours), self._middle(model, theirs)
        times = mine / other if most else other / mine
        met = None if target is None else (times <= target if most else times >= target)
        wanted = "–" if target is None else f"{'≤' if most else '≥'} {target:g}×"
        beside = f"{spread(self._figures[model, ours])} s, {spread(self._figures[model, theirs])} s"
        yield Line(what, wanted, f"{times:.2f}×", beside, met)

    def _limit(self, what: str, model: str, key: str, target: float, unit: str) -> Iterator[Line]:
        if self._has(model, key):
            figure, all_of_it = self._middle(model, key), spread(self._figures[model, key])
            yield Line(what, f"≤ {target:g} {unit}", f"{figure:.2f} {unit}", all_of_it, figure <= target)

    def _against_mlflow(self) -> Iterator[Line]:
        for theirs, said in (
            ("mlflow whole", "its start counted"),
            ("mlflow loaded", "its start not counted"),
        ):
            for model, name in MODELS.items():
                target = WHOLE.get(model) if theirs == "mlflow whole" else LOADED
                if model not in AGAINST_ALL:
                    target = None
                for key, label in INPUTS.items():
                    what = f"`mlflow models predict`, {said}: {name}, {label}"
                    yield from self._times(what, model, f"job {key}", theirs, target)

    def _against_floor(self) -> Iterator[Line]:
        for model, name in MODELS.items():
            what = f"the floor's time: {name}, CSV"
            yield from self._times(what, model, "job csv", "floor", FLOOR, most=True)

    def _against_clusters(self) -> Iterator[Line]:
        for peer, called in (("ray", "Ray Data"), ("spark", "Spark `spark_udf`")):
            for model in AGAINST_ALL:
                name = MODELS[model]
                cold, warm = f"{called}, cold: {name}, CSV", f"{called}, warm: {name}, CSV"
                yield from self._times(cold, model, "job cold", f"{peer} cold", COLD)
                at_once = f"{called}, cold, the node just started: {name}, CSV"
                yield from self._times(at_once, model, "job at once", f"{peer} cold", None)
                yield from self._times(warm, model, "job csv", f"{peer} warm", WARM)

    def _small(self) -> Iterator[Line]:
        yield from self._limit("1,000 rows, warm", "logistic", "small warm", SMALL_WARM, "s")
        yield from self._limit("1,000 rows, no scorer runs", "logistic", "small cold", SMALL_COLD, "s")
        yield from self._limit(
            "1,000 rows, the node just started", "logistic", "small at once", SMALL_COLD, "s"
        )

    def _memory(self) -> Iterator[Line]:
        small, large = "memory", "memory large"
        yield from self._limit("peak memory, the CSV", "logistic", small, MEMORY, "GB")
        yield from self._limit("peak memory, the large CSV", "logistic", large, MEMORY, "GB")
        if self._has("logistic", small, large):
            more = self._middle("logistic", large) / self._middle("logistic", small) - 1
            met = abs(more) <= MEMORY_GROWTH
            yield Line("the large CSV's memory beside the CSV's", "within 10 %", f"{more:+.0%}", "", met)

    def _slots_and_cost(self) -> Iterator[Line]:
        yield from self._times("one slot, of two: forest, CSV", "forest", "two slots", "one slot", SLOTS)
        yield from self._limit("own cost of a mini-batch", "logistic", "own cost", OWN_COST, "ms")


def spread(figures: list[float]) -> str:
    return f"{median(figures):.2f} ({min(figures):.2f}–{max(figures):.2f})"


def as_markdown(lines: list[Line]) -> str:
    marks = {True: "yes", False: "**no**", None: ""}
    rows = [
        f"| {line.what} | {line.target} | {line.measured} | {line.beside} | {marks[line.met]} |"
        for line in lines
    ]
    head = "| Against or what | Target | Measured | Medians (min–max): ours, theirs | Met |"
    return "\n".join([head, "| --- | ---: | ---: | --- | --- |", *rows])


def all_figures(measured: Measured) -> str:
    """Every median, whether a target asks for it or not."""
    rows = [
        f"| {MODELS[model]} | {what} | {spread(figures)} | {len(figures)} |"
        for (model, what), figures in measured.figures.items()
    ]
    return "\n".join(["| Model | What | Median (min–max) | Runs |", "| --- | --- | ---: | ---: |", *rows])
