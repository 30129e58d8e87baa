"""What is measured and in which order. Every part notes its figures under (model, what)."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.engine.data import Data
from bench.engine.memory import peak_memory
from bench.engine.models import AGAINST_ALL
from bench.engine.peers import Figures, PeerFailed, Peers
from bench.engine.studio import Studio

Contestant = Callable[[], Figures]
SMALL_TIMES = 4  # small jobs for each run of the others


@dataclass
class Measured:
    """All figures of a run in the order in which they were taken, and why some are missing."""

    figures: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    missing: list[str] = field(default_factory=list)

    def note(self, model: str, figures: Figures) -> None:
        for what, figure in figures.items():
            self.figures[model, what].append(figure)

    def save(self, file: Path) -> None:
        named = {f"{model}: {what}": figures for (model, what), figures in self.figures.items()}
        file.write_text(json.dumps({"figures": named, "missing": self.missing}, indent=1))


@dataclass(frozen=True)
class Bench:
    studio: Studio
    data: Data
    models: Path
    runs: int
    peers: tuple[str, ...]
    measured: Measured
    say: Callable[[str], None]

    def whole_jobs(self, names: Iterable[str]) -> None:
        """Whole jobs and peers in turn, A B A B: each round has all of them once."""
        if "floor" in self.peers and "STUDIO_BENCH_FLOOR" not in os.environ:
            self.measured.missing.append(
                "The floor: STUDIO_BENCH_FLOOR, the path of its script, is not given."
            )
        for name in names:
            contestants = {**self._own(name), **self._peers(name)}
            for number in range(self.runs):
                for what in list(contestants):
                    self._take(name, what, number, contestants)

    def _take(self, model: str, what: str, number: int, contestants: dict[str, Contestant]) -> None:
        self.say(f"{model}, round {number + 1} of {self.runs}: {what}")
        try:
            self.measured.note(model, contestants[what]())
        except PeerFailed as failure:
            del contestants[what]  # it will not do better in the next round
            self.measured.missing.append(f"{model}, {what}: {failure}")

    def _own(self, model: str) -> dict[str, Contestant]:
        """Cold jobs, where there are peers for them, come first in a round: they leave the scorers that make the others
        warm. Else a job that does not count does so."""

        def job(what: str, path: str) -> Figures:
            timed = self.studio.run_jobs(model, path)[0]
            if timed["scored"] != self.data.rows:
                raise SystemExit(f"A job over {path} scored {timed['scored']} of {self.data.rows} rows.")
            return {f"job {what}": timed["clock"], f"job {what}, by its rows": timed["rows"]}

        def cold(what: str, *, settled: bool) -> Figures:
            self.studio.restart_node(settled=settled)
            return job(what, self.data.csv)

        warm = {"csv": self.data.csv}
        if model in AGAINST_ALL:
            warm |= {"shards": self.data.shards, "parquet": self.data.parquet}
        own = {what: lambda what=what, path=path: job(what, path) for what, path in warm.items()}
        if model not in AGAINST_ALL or not {"ray", "spark"} & set(self.peers):
            self.studio.run_jobs(model, self.data.csv)
            return own
        return {
            "at once": lambda: cold("at once", settled=False),
            "cold": lambda: cold("cold", settled=True),
            **own,
        }

    def _peers(self, model: str) -> dict[str, Contestant]:
        peers = Peers(model=self.models / model, csv=self.data.path(self.data.csv))
        known: dict[str, Contestant] = {}
        if "mlflow" in self.peers:
            known |= {"mlflow whole": peers.mlflow_whole, "mlflow loaded": peers.mlflow_loaded}
        if "floor" in self.peers and "STUDIO_BENCH_FLOOR" in os.environ:
            known["floor"] = peers.floor
        if model in AGAINST_ALL:
            known |= {name: getattr(peers, name) for name in ("ray", "spark") if name in self.peers}
        return known

    def small_jobs(self, model: str = "logistic") -> None:
        for number in range(self.runs):
            self.say(f"1,000 rows, round {number + 1} of {self.runs}")
            self.studio.restart_node(settled=False)
            (at_once,) = self.studio.run_jobs(model, self.data.small)
            self.measured.note(model, {"small at once": at_once["clock"]})
            self.studio.restart_node()
            first, *others = self.studio.run_jobs(model, self.data.small, runs=1 + SMALL_TIMES)
            self.measured.note(model, {"small cold": first["clock"]})
            for timed in others:
                self.measured.note(
                    model, {"small warm": timed["clock"], "small warm, by its rows": timed["rows"]}
                )

    def memory(self, model: str = "logistic") -> None:
        """On a node that holds no other model, since the start of the job."""
        for number in range(self.runs):
            for what, path in (("memory", self.data.csv), ("memory large", self.data.large)):
                self.say(f"memory, round {number + 1} of {self.runs}: {path}")
                self.studio.restart_node()
                with peak_memory(self.studio.node()) as peak:
                    self.studio.run_jobs(model, path)
                self.measured.note(model, {what: peak.bytes / 1e9})

    def slots(self, model: str = "forest") -> None:
        """The same job on two slots and, by its own setting, on one."""
        self.studio.run_jobs(model, self.data.csv)
        for number in range(self.runs):
            self.say(f"slots, round {number + 1} of {self.runs}")
            two = self.studio.run_jobs(model, self.data.csv)[0]
            one = self.studio.run_jobs(model, self.data.csv, max_concurrency=1)[0]
            self.measured.note(model, {"two slots": two["clock"], "one slot": one["clock"]})

    def own_cost(self, model: str = "logistic") -> None:
        """200 mini-batches of 1,000 rows on one slot; see inside.own_cost."""
        self.studio.run_jobs(model, self.data.many, mini_batch_size=1)  # either slot may score: both are warm
        for number in range(self.runs):
            self.say(f"cost of a mini-batch, round {number + 1} of {self.runs}")
            settings = {"mini_batch_size": 1, "max_concurrency": 1}
            timed = self.studio.run_jobs(model, self.data.many, **settings)[0]
            self.measured.note(model, {"own cost": timed["own cost"] * 1000})


def clock() -> str:
    return time.strftime("%H:%M:%S")
