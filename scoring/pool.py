"""The scorers of a node, kept warm: whoever needs a model takes one that has it loaded, or has one made."""

import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import psutil

from scoring.errors import ScoringCanceled, ScoringError
from scoring.parents import CannotFork, Parent
from scoring.processes import Scorer

IDLE_SECONDS = 1800.0  # without a lease; then a scorer ends
LEAST_FREE = 0.1  # of the machine's memory; below it scorers that are idle end, the longest idle first
MOST_GROWTH = 2.0  # times what it had after its first mini-batch, and SLACK beyond that: then it leaks
SLACK = 256 << 20
MOST_FAILURES = 2  # of predict, one after the other; then it may be the process that has gone bad
MOST_PROCESSES = 64  # of a scorer and what it started; no limit of the kernel holds what root starts
MOST_OF_LIMIT = 2.0  # that a scorer and the processes it started may have together


@dataclass(frozen=True, kw_only=True)
class ScorerSpec:
    """Scorers with equal specs stand in for each other."""

    python: Path
    model: Path
    variables: tuple[tuple[str, str], ...]
    memory_limit: int | None  # bytes
    is_forked: bool


@dataclass
class _Kept:
    spec: ScorerSpec
    scorer: Scorer
    label: str
    is_leased: bool = True
    since: float = 0.0  # when it was given back
    first_size: int = 0  # bytes, after its first mini-batch
    failures: int = 0  # since it last scored


class ScorerPool:
    """For the threads of one process. `most_idle` scorers are kept besides those that are leased."""

    def __init__(self, *, folder: Path, log: Path, most_idle: int) -> None:
        self._folder, self._log, self._most_idle = folder, log, most_idle
        self._kept: list[_Kept] = []
        self._parents: dict[Path, Parent] = {}
        self._lock = threading.RLock()
        self._starting: dict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._failing: set[ScorerSpec] = set()  # whose last scorer was replaced since it failed

    def lease(
        self,
        *,
        spec: ScorerSpec,
        label: str,
        log: Path,
        stop: Callable[[], bool],
        starting: Callable[[], None],
    ) -> Scorer:
        """A scorer with the model loaded, whose output goes to `log`; `starting` is called where it is a new one.

        `label` is what people call the model.
        Raises ModelLoadError, ScorerDied, ScoringCanceled, ScoringTimeout.
        """
        while kept := self._take(spec):
            try:
                kept.log_to(log, stop=stop)
                return kept
            except ScoringCanceled:
                self.discard(kept)
                raise
            except (ScoringError, OSError):
                self.discard(kept)  # it has died, or hangs, since it was given back
        starting()
        self._make_room()
        scorer = self._start(spec, log, stop)
        with self._lock:
            self._kept.append(_Kept(spec, scorer, label))
        try:
            scorer.load(stop=stop)
        except BaseException:
            self.discard(scorer)
            raise
        return scorer

    def expect(self, python: Path, *, stop: Callable[[], bool]) -> None:
        """Have the parent ready from which scorers of an environment are forked. Raises ScoringError."""
        self._parent(python, stop)

    def give_back(self, scorer: Scorer, *, failed: bool = False) -> None:
        """For the next one; not one that has grown so much that its model must leak, nor one that keeps failing.

        `failed`: its model raised.
        """
        with self._lock:
            kept = self._of(scorer)
            size = _resident(scorer.pid)
            kept.first_size = kept.first_size or size
            kept.is_leased, kept.since = False, time.monotonic()
            has_grown = size > kept.first_size * MOST_GROWTH + SLACK
            if not scorer.alive or has_grown or self._has_gone_bad(kept, failed):
                self.discard(scorer)
        self._drop_idle()

    def _has_gone_bad(self, kept: _Kept, failed: bool) -> bool:
        """Whether it keeps failing, and a new one may do better: not where the one before it was replaced for that."""
        if not failed:
            kept.failures = 0
            self._failing.discard(kept.spec)
            return False
        kept.failures += 1
        if kept.failures < MOST_FAILURES or kept.spec in self._failing:
            return False
        self._failing.add(kept.spec)
        return True

    def discard(self, scorer: Scorer) -> None:
        with self._lock:
            self._kept = [kept for kept in self._kept if kept.scorer is not scorer]
        scorer.close()
        rmtree(scorer.scratch, ignore_errors=True)

    def look_after(self) -> None:
        """Now and then: ends scorers that nobody has needed for long, and those that take too much; cuts their logs."""
        with self._lock:
            looked_at = [(kept, kept.is_leased) for kept in self._kept]
        for kept, is_leased in looked_at:
            kept.scorer.cut_log()
            why = _takes_too_much(kept) if is_leased else ""
            if why:
                kept.scorer.kill(why=why)  # whoever waits for its answer is told
        self._drop_idle()
        self._make_room()

    def labels(self) -> list[str]:
        """Of the models that are loaded."""
        with self._lock:
            return sorted({kept.label for kept in self._kept if kept.scorer.loaded})

    def close(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, []
            parents, self._parents = self._parents, {}
        for one in kept:
            one.scorer.close()
            rmtree(one.scorer.scratch, ignore_errors=True)
        for parent in parents.values():
            parent.close()

    def _take(self, spec: ScorerSpec) -> Scorer | None:
        with self._lock:
            for kept in self._kept:
                if kept.spec == spec and not kept.is_leased and kept.scorer.alive:
                    kept.is_leased = True
                    return kept.scorer
        return None

    def _of(self, scorer: Scorer) -> _Kept:
        return next(kept for kept in self._kept if kept.scorer is scorer)

    def _idle(self) -> list[_Kept]:
        """The longest idle first."""
        with self._lock:
            return sorted((kept for kept in self._kept if not kept.is_leased), key=lambda kept: kept.since)

    def _drop_idle(self) -> None:
        self._drop(kept for kept in self._idle() if not kept.scorer.alive)
        idle = self._idle()
        too_many = idle[: max(0, len(idle) - self._most_idle)]
        outdated = [kept for kept in idle if time.monotonic() - kept.since > IDLE_SECONDS]
        self._drop(too_many or outdated)

    def _make_room(self) -> None:
        for kept in self._idle():
            memory = psutil.virtual_memory()
            if memory.available > LEAST_FREE * memory.total:
                return
            self._drop([kept])

    def _drop(self, some: Iterable[_Kept]) -> None:
        for kept in some:
            with self._lock:
                if kept.is_leased:
                    continue
                kept.is_leased = True  # by this, so that nobody else takes it
            self.discard(kept.scorer)

    def _start(self, spec: ScorerSpec, log: Path, stop: Callable[[], bool]) -> Scorer:
        given: dict[str, Any] = {
            "model": spec.model,
            "scratch": Path(tempfile.mkdtemp(dir=self._folder, prefix="scorer-")),
            "variables": dict(spec.variables),
            "memory_limit": spec.memory_limit,
            "log": log,
        }
        if spec.is_forked:
            try:
                return self._parent(spec.python, stop).fork(**given)
            except CannotFork:
                pass  # a process of its own says in its log what is wrong
        return Scorer.start(python=spec.python, **given)

    def _parent(self, python: Path, stop: Callable[[], bool]) -> Parent:
        with self._starting[python]:
            parent = self._parents.get(python)
            if parent is None or not parent.alive:
                own = Path(tempfile.mkdtemp(dir=self._folder, prefix="parent-"))
                parent = Parent.start(python=python, scratch=own, log=self._log)
                try:
                    parent.wait_until_ready(stop=stop)
                except BaseException:
                    parent.close()
                    raise
                self._parents[python] = parent
        return parent


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _takes_too_much(kept: _Kept) -> str:
    """Why its scorer has to end, as a sentence; empty where it is modest."""
    group = [pid for pid in psutil.pids() if _group_of(pid) == kept.scorer.pid]
    if len(group) > MOST_PROCESSES:
        return f"It had started {len(group) - 1} processes, and may start {MOST_PROCESSES - 1}."
    limit = kept.spec.memory_limit
    if limit and sum(map(_resident, group)) > limit * MOST_OF_LIMIT:
        return (
            f"It and the processes it started took more than {MOST_OF_LIMIT:g} times the {limit >> 20} MB that it "
            "may use."
        )
    return ""


def _group_of(pid: int) -> int:
    """The scorer that it belongs to, whose group it cannot leave; its parent may have ended long ago."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
