"""Scorers that are forked do what those that are started do, in a fraction of the time; and all are shut in."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from scoring.errors import PredictError, ScorerDied, ScoringTimeout
from scoring.parents import Parent, ParentEnded, is_forked
from scoring.pool import ScorerPool, ScorerSpec
from scoring.processes import Scorer
from scoring.scorer import fence
from scoring.scorer.channel import HEADER, Closed, Wire
from tests.scoring.conftest import mlflow_quietly, pool_with
from tests.scoring.test_scorer import TIMEOUT, act, gone, put_together, score

PROBING = Path(__file__).parent / "probing_model.py"
Start = Callable[..., Scorer]


@pytest.fixture(scope="module")
def pool(parent: Parent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScorerPool]:
    """Scorers that a test leaves alive serve the next one, as on a node."""
    folder = tmp_path_factory.mktemp("scorers")
    with pool_with(parent, folder=folder) as made:
        yield made


@pytest.fixture(params=["forked", "spawned"])
def start(request: pytest.FixtureRequest, pool: ScorerPool, tmp_path: Path) -> Iterator[Start]:
    """A loaded scorer, by both ways."""
    leased: list[Scorer] = []

    def starting(model: Path, *, memory_limit: int | None = None, **variables: str) -> Scorer:
        spec = ScorerSpec(
            python=Path(sys.executable),
            model=model,
            variables=tuple(variables.items()),
            memory_limit=memory_limit,
            is_forked=request.param == "forked",
        )
        log = tmp_path / "scorer.log"
        leased.append(pool.lease(spec=spec, label="", log=log, stop=lambda: False, starting=lambda: None))
        return leased[-1]

    yield starting
    for scorer in leased:
        pool.give_back(scorer)


@pytest.fixture(scope="module")
def probing_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "probing"
    with mlflow_quietly() as mlflow:
        signature = mlflow.models.infer_signature(pd.DataFrame({"act": ["x"]}), ["x"])
        mlflow.pyfunc.save_model(
            path, python_model=str(PROBING), signature=signature, pip_requirements=["mlflow"]
        )
    return path


def probe(scorer: Scorer, folder: Path, *acts: str) -> list[str]:
    file = folder / "acts.csv"
    pd.DataFrame({"act": acts}).to_csv(file, index=False)
    report = score(scorer, folder, file)
    return [str(said) for said in put_together(report, folder, file)["prediction"]]


def test_forked_scorers_share_what_is_imported_and_load_at_once(
    parent: Parent, diabetes_model: Path, diabetes_files: list[Path], tmp_path: Path
) -> None:
    model = {"model": diabetes_model, "variables": {}, "memory_limit": None, "log": tmp_path / "log"}
    with (
        Scorer.start(python=Path(sys.executable), scratch=tmp_path / "s", **model) as spawned,
        parent.fork(scratch=tmp_path / "f", **model) as forked,
    ):
        loaded, imported = forked.load(), spawned.load()
        assert loaded.seconds < imported.seconds / 3
        pages = psutil.Process(forked.pid).memory_full_info()
        assert pages.uss < pages.rss / 2
        outputs = []
        for scorer in (forked, spawned):
            report = score(scorer, tmp_path, *diabetes_files)
            put_together(report, tmp_path, *diabetes_files)
            outputs.append((tmp_path / "out.csv").read_bytes())
    assert outputs[0] == outputs[1]


def test_a_model_may_end_its_process_and_nobody_elses(start: Start, odd_model: Path, tmp_path: Path) -> None:
    first, second = start(odd_model), start(odd_model)
    with pytest.raises(ScorerDied, match="exit code 7"):
        score(first, tmp_path, act(tmp_path, "exit"))
    assert not first.alive
    third = start(odd_model)
    with pytest.raises(ScorerDied, match="SIGSEGV"):
        score(third, tmp_path, act(tmp_path, "crash"))
    assert score(second, tmp_path, act(tmp_path, "echo")).slices[0].rows == 3


def test_a_timeout_ends_what_the_model_started(start: Start, odd_model: Path, tmp_path: Path) -> None:
    scorer = start(odd_model)
    with pytest.raises(ScoringTimeout):
        score(scorer, tmp_path, act(tmp_path, "sleep"), timeout=0.5)
    child = (tmp_path / "scorer.log").read_text().split("child ")[1].split()[0]
    assert gone(int(child))
    assert gone(scorer.pid)


def test_variables_memory_and_folder_are_a_scorers_own(start: Start, odd_model: Path, tmp_path: Path) -> None:
    scorer = start(odd_model, memory_limit=2 << 30, COUNTRY="NL")
    file = act(tmp_path, "environment")
    seen = put_together(score(scorer, tmp_path, file), tmp_path, file)["prediction"][0].split(",")
    assert "COUNTRY" in seen
    assert not [name for name in seen if "STUDIO" in name or "DATABASE" in name]
    with pytest.raises(PredictError, match="more memory than the 2048 MB"):
        score(scorer, tmp_path, act(tmp_path, "memory"))


def test_what_is_printed_goes_to_the_log_that_is_named(start: Start, odd_model: Path, tmp_path: Path) -> None:
    scorer = start(odd_model)
    for name in ("one.log", "other.log"):
        scorer.log_to(tmp_path / name)
        score(scorer, tmp_path, act(tmp_path, "print"))
    assert (tmp_path / "one.log").read_text() == (tmp_path / "other.log").read_text()
    assert "written to descriptor 1" in (tmp_path / "other.log").read_text()


def test_a_scorer_reaches_nothing_but_its_own(start: Start, probing_model: Path, tmp_path: Path) -> None:
    assert fence.missing() == [], "this kernel cannot shut a scorer in, so nothing can be seen here"
    secret = tmp_path / "secret.txt"
    secret.write_text("of another job")
    scorer = start(probing_model)
    acts = {
        f"read {secret}": "PermissionError",
        f"list {tmp_path}": "PermissionError",
        f"write {tmp_path / 'new.txt'}": "PermissionError",
        f"read /proc/{os.getpid()}/environ": "PermissionError",
        "read /etc/shadow": "PermissionError",
        "write /dev/shm/new": "PermissionError",
        "connect 127.0.0.1 9": "PermissionError",
        "resolve example.org": "gaierror",
        "unix": "PermissionError",
        "datagrams": "PermissionError",
        "pair": "2",
        f"kill {os.getpid()}": "PermissionError",
        "setsid": "PermissionError",
        f"trace {os.getpid()}": "-1",
        "write scratch.txt": "written",
        "read scratch.txt": "written",
        "run": "0",
        "thread": "done",
    }
    assert dict(zip(acts, probe(scorer, tmp_path, *acts), strict=True)) == acts
    assert scorer.alive


def test_what_libraries_read_when_they_are_imported_is_kept_by_starting_the_scorer() -> None:
    assert is_forked(requirements=("mlflow==3.1", "scikit-learn"), variables={})
    assert not is_forked(requirements=("mlflow==3.1",), variables={"OMP_NUM_THREADS": "4"})
    assert not is_forked(requirements=("mlflow", "torch==2.13.0"), variables={})
    assert not is_forked(requirements=("mlflow", "tensorflow"), variables={})


def test_children_end_with_their_parent(odd_model: Path, tmp_path: Path) -> None:
    parent = Parent.start(python=Path(sys.executable), scratch=tmp_path / "p", log=tmp_path / "log")
    parent.wait_until_ready(stop=lambda: False)
    scorer = parent.fork(
        model=odd_model, scratch=tmp_path / "s", variables={}, memory_limit=None, log=tmp_path / "log"
    )
    scorer.load()
    os.kill(parent.pid, signal.SIGKILL)
    assert gone(scorer.pid)
    with pytest.raises(ScorerDied):
        score(scorer, tmp_path, act(tmp_path, "echo"))
    assert not scorer.alive
    with pytest.raises(ParentEnded):
        parent.code(scorer.pid)
    scorer.close()
    parent.close()


def test_a_parent_does_not_outlive_a_killed_node(odd_model: Path, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from scoring.parents import Parent
folder = Path({str(tmp_path)!r})
parent = Parent.start(python=Path(sys.executable), scratch=folder / "p", log=folder / "log")
parent.wait_until_ready(stop=lambda: False)
scorer = parent.fork(model=Path({str(odd_model)!r}), scratch=folder / "s", variables={{}}, memory_limit=None,
                     log=folder / "log")
scorer.load()
print(parent.pid, scorer.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as node:
        assert node.stdout
        pids = [int(pid) for pid in node.stdout.readline().split()]
        time.sleep(0.2)
        assert not any(gone(pid, 0.1) for pid in pids)
        node.send_signal(signal.SIGKILL)
    assert all(gone(pid) for pid in pids)


def test_a_parent_whose_environment_lacks_mlflow_says_that_it_ended(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    parent = Parent.start(python=python, scratch=tmp_path / "p", log=tmp_path / "log")
    with pytest.raises(ParentEnded):
        parent.wait_until_ready(stop=lambda: False)
    assert "ModuleNotFoundError" in (tmp_path / "log").read_text()
    parent.close()


def test_a_file_that_has_vanished_is_its_own_failure(start: Start, odd_model: Path, tmp_path: Path) -> None:
    scorer = start(odd_model)
    kept, lost = act(tmp_path, "echo"), tmp_path / "lost.csv"
    report = score(scorer, tmp_path, kept, lost, timeout=TIMEOUT)
    assert report.slices[0].rows == 3
    assert report.slices[1].failed == "lost.csv cannot be read: No such file or directory."


def test_threads_are_one_unless_the_deployment_says_otherwise(
    start: Start, odd_model: Path, tmp_path: Path
) -> None:
    file = act(tmp_path, "threads")
    for variables, threads in (({}, 1), ({"OMP_NUM_THREADS": "2"}, 2)):
        scorer = start(odd_model, **variables)
        seen = put_together(score(scorer, tmp_path, file), tmp_path, file)["prediction"].tolist()
        assert seen == [threads] * 3


def test_a_full_disk_is_said(start: Start, odd_model: Path, tmp_path: Path) -> None:
    scorer = start(odd_model)
    (tmp_path / "part").symlink_to("/dev/full")
    with pytest.raises(PredictError, match="The node's disk is full"):
        score(scorer, tmp_path, act(tmp_path, "echo"))
    assert score(scorer, tmp_path, act(tmp_path, "echo")).slices[0].rows == 3


def test_an_answer_in_pieces_and_files_that_nobody_asked_for_hold_nobody_up(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.05)
        wire, other = Wire(ours), Wire(theirs)
        message = HEADER.pack(11) + b'{"ok":true}'
        for byte in message[:-1]:
            theirs.send(bytes([byte]))
            with pytest.raises(TimeoutError):
                wire.receive()
        theirs.send(message[-1:])
        assert wire.receive() == ({"ok": True}, [])
        other.send({"a": 1}, [0])
        answer, files = wire.receive()
        assert answer == {"a": 1}
        assert [os.close(one) for one in files] == [None]
        theirs.send(HEADER.pack(1 << 31))
        with pytest.raises(Closed):
            wire.receive()
