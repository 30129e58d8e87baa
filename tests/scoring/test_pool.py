"""Whoever needs a model gets a scorer that has it, if there is one; none is lent twice, and none grows for ever."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scoring import pool as pools
from scoring.errors import ModelLoadError, ScorerDied
from scoring.pool import ScorerPool, ScorerSpec
from scoring.processes import Scorer
from tests.scoring.test_scorer import act, gone, score

Lease = Callable[..., Scorer]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[ScorerPool]:
    made = ScorerPool(folder=tmp_path, log=tmp_path / "parents.log", most_idle=2)
    yield made
    made.close()


@pytest.fixture
def started() -> list[str]:
    return []


@pytest.fixture
def lease(pool: ScorerPool, odd_model: Path, tmp_path: Path, started: list[str]) -> Lease:
    def leasing(
        *, memory_limit: int | None = None, is_forked: bool = True, model: Path = odd_model
    ) -> Scorer:
        spec = ScorerSpec(
            python=Path(sys.executable),
            model=model,
            variables=(),
            memory_limit=memory_limit,
            is_forked=is_forked,
        )
        return pool.lease(
            spec=spec,
            label="odd 1",
            log=tmp_path / "log",
            stop=lambda: False,
            starting=lambda: started.append("started"),
        )

    return leasing


def test_a_scorer_that_was_given_back_is_lent_again_and_one_that_is_lent_is_not(
    pool: ScorerPool, lease: Lease, started: list[str], tmp_path: Path
) -> None:
    first, second = lease(), lease()
    assert first is not second
    assert pool.labels() == ["odd 1"]
    assert score(first, tmp_path, act(tmp_path, "echo")).slices[0].rows == 3
    pool.give_back(first)
    assert lease() is first
    assert lease(memory_limit=4 << 30) is not first
    assert len(started) == 3


def test_a_parent_that_is_expected_is_there_before_the_first_scorer(
    pool: ScorerPool, lease: Lease, started: list[str]
) -> None:
    pool.expect(Path(sys.executable), stop=lambda: False)
    (parent,) = pool._parents.values()
    assert (parent.alive, started, pool.labels()) == (True, [], [])
    assert psutil.Process(lease().pid).ppid() == parent.pid
    assert list(pool._parents.values()) == [parent]


def test_only_so_many_are_kept_and_none_that_has_ended(
    pool: ScorerPool, lease: Lease, started: list[str], tmp_path: Path
) -> None:
    some = [lease() for _ in range(3)]
    for scorer in some:
        pool.give_back(scorer)
    assert gone(some[0].pid)
    assert not some[0].scratch.exists()
    some[1].kill()
    assert lease() is some[2]
    assert lease() not in some
    assert len(started) == 4


def test_one_that_nobody_needs_ends(pool: ScorerPool, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    idle, used = lease(), lease()
    pool.give_back(idle)
    pool.look_after()
    assert idle.alive
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0)
    pool.look_after()
    assert gone(idle.pid)
    assert used.alive


def test_one_whose_memory_grows_is_replaced(
    pool: ScorerPool, lease: Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = lease()
    pool.give_back(scorer)
    assert lease() is scorer
    score(scorer, tmp_path, act(tmp_path, "keep"))
    pool.give_back(scorer)
    assert gone(scorer.pid)
    assert lease() is not scorer


def test_one_that_takes_far_more_memory_than_it_may_with_its_children_is_killed(
    pool: ScorerPool, lease: Lease, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scorer = lease(memory_limit=4 << 30)
    pool.look_after()
    assert scorer.alive
    monkeypatch.setattr(pools, "MOST_OF_LIMIT", 0.001)
    pool.look_after()
    with pytest.raises(ScorerDied, match=r"SIGKILL\. It and the processes it started took more than"):
        score(scorer, tmp_path, act(tmp_path, "echo"))


def test_one_that_died_is_not_lent_though_a_child_of_it_lives_on(
    pool: ScorerPool, lease: Lease, tmp_path: Path
) -> None:
    scorer = lease()
    score(scorer, tmp_path, act(tmp_path, "child"))
    pool.give_back(scorer)
    os.kill(scorer.pid, signal.SIGKILL)
    assert gone(scorer.pid)
    other = lease()
    assert other is not scorer
    assert score(other, tmp_path, act(tmp_path, "echo")).slices[0].rows == 3


@pytest.mark.parametrize("forking", ["fork", "orphan"])
def test_a_model_that_keeps_forking_is_killed_with_all_its_children(
    pool: ScorerPool, lease: Lease, tmp_path: Path, forking: str
) -> None:
    scorer = lease()
    looked_after = threading.Event()

    def look_after() -> None:  # as the heartbeat of a node does
        while not looked_after.wait(0.2):
            pool.look_after()

    thread = threading.Thread(target=look_after)
    thread.start()
    try:
        with pytest.raises(ScorerDied, match=r"It had started \d+ processes, and may start 63\."):
            score(scorer, tmp_path, act(tmp_path, forking))
    finally:
        looked_after.set()
        thread.join()
    assert all(gone(one.pid) for one in psutil.process_iter() if _group(one) == scorer.pid)
    pool.discard(scorer)
    assert score(lease(), tmp_path, act(tmp_path, "echo")).slices[0].rows == 3


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0


def test_where_no_parent_can_be_had_the_scorer_itself_says_what_is_wrong(
    pool: ScorerPool, lease: Lease, tmp_path: Path
) -> None:
    with pytest.raises(ModelLoadError, match="nowhere"):
        lease(model=tmp_path / "nowhere")
    assert pool.labels() == []
    lease(is_forked=False)
