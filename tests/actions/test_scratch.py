import os
import time
from pathlib import Path

import pytest

from studio.actions import scratch


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.STUDIO_HOME = tmp_path
    return tmp_path


def test_what_a_killed_process_left_goes_and_what_runs_stays(home: Path):
    mine = scratch.scratch() / "kept"
    mine.write_text("in use")
    left = home / "scratch" / "4194305"  # above the highest process number there can be
    left.mkdir()
    (left / "part.arrow").write_text("half")
    scratch.clear()
    assert mine.exists()
    assert not left.exists()


def test_old_logs_of_scorers_go(home: Path):
    old, new = scratch.scorer_logs() / "old.log", scratch.scorer_logs() / "new.log"
    for log in (old, new):
        log.write_text("said")
    os.utime(old, (0, time.time() - scratch.LOGS_KEPT - 1))
    scratch.clear()
    assert [log.name for log in scratch.scorer_logs().iterdir()] == ["new.log"]
