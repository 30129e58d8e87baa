"""Whoever needs a model gets a scorer that has it, if there is one; none is lent twice, and none grows for ever."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scoring import pool as pools
from scoring import processes
from scoring.errors import ModelLoadError, ScorerDied
from scoring.parents import Parent
from scoring.pool import ScorerPool, ScorerSpec
from scoring.processes import Scorer
from tests.scoring.conftest import PYTHON, pool_with
from tests.scoring.test_scorer import act, gone, score

Lease = Callable[..., Scorer]


@pytest.fixture
def pool(tmp_path: Path, parent: Parent) -> Iterator[ScorerPool]:
    with pool_with(parent, folder=tmp_path) as made:
        yield made


@pytest.fixture
def started() -> list[str]:
    return []


@pytest.fixture
def lease(pool: ScorerPool, odd_model: Path, tmp_path: Path, started: list[str]) -> Lease:
    def leasing(
        *, memory_limit: int | None = None, is_forked: bool = True, model: Path = odd_model
    ) -> Scorer:
        spec = ScorerSpec(
            python=PYTHON,
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
    pool._parents.clear()  # as a node begins
    pool.expect(PYTHON, stop=lambda: False)
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


def test_idle_ones_make_room_where_memory_is_scarce(
    pool: ScorerPool, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, used = lease(), lease()
    pool.give_back(idle)
    monkeypatch.setattr(pools, "LEAST_FREE", 1)
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


def test_one_whose_model_keeps_failing_is_replaced_once(
    pool: ScorerPool, lease: Lease, started: list[str]
) -> None:
    for failed in [False, True, False, True, True]:  # only those that follow each other count
        scorer = lease()
        pool.give_back(scorer, failed=failed)
    assert started == ["started"]
    assert gone(scorer.pid)
    for failed in [True] * 5 + [False, True]:  # the new one does no better: it is the model
        other = lease()
        assert other is not scorer
        pool.give_back(other, failed=failed)
    assert len(started) == 2
    pool.give_back(lease(), failed=True)
    assert lease() is not other
    assert len(started) == 3


def test_a_log_that_grows_too_large_is_cut(
    pool: ScorerPool, lease: Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LARGEST_LOG", 30)
    lent, idle, log = lease(), lease(), tmp_path / "log"
    idle.log_to(tmp_path / "idle.log")
    for scorer in (lent, idle):
        score(scorer, tmp_path, act(tmp_path, "print"))
    pool.give_back(idle)
    pool.look_after()
    assert [file.stat().st_size for file in (log, tmp_path / "idle.log")] == [0, 0]
    score(lent, tmp_path, act(tmp_path, "print"))
    assert log.read_text().startswith("printed by the model")


def test_one_that_died_is_not_lent_though_a_child_of_it_lives_on(
    pool: ScorerPool, lease: Lease, tmp_path: Path
) -> None:
    scorer = lease()
    score(scorer, tmp_path, act(tmp_path, "child"))
    pool.give_back(scorer)
    os.kill(scorer.pid, signal.SIGKILL)
    assert gone(scorer.pid)
    end = time.monotonic() + 10  # until the child, too, has closed its end
    while scorer.alive and time.monotonic() < end:
        time.sleep(0.01)
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
