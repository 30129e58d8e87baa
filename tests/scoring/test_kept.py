"""Folders that are kept to be used again, and removed when nothing needs them."""

import os
import threading
from pathlib import Path

from scoring.environment import READY
from scoring.kept import kept_folders, remove_kept
from scoring.locking import exclusive, lock_of


def make(root: Path, key: str, *, used_at: float) -> Path:
    folder = root / key
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "big").write_bytes(b"x" * 1000)
    (folder / READY).write_text("{}")
    os.utime(folder / READY, (used_at, used_at))
    return folder


def test_whole_ones_are_listed_the_last_used_first(tmp_path: Path) -> None:
    make(tmp_path, "old", used_at=1000)
    make(tmp_path, "new", used_at=2000)
    make(tmp_path, ".half-built", used_at=3000)
    (tmp_path / ".old.lock").touch()
    found = kept_folders(tmp_path)
    assert [(one.key, one.size, one.used_at) for one in found] == [("new", 1002, 2000), ("old", 1002, 1000)]
    assert kept_folders(tmp_path / "nothing") == []


def test_what_is_needed_or_being_made_stays(tmp_path: Path) -> None:
    folder = make(tmp_path, "one", used_at=1000)
    assert not remove_kept(root=tmp_path, key="one", is_needed=lambda: True)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive(lock_of(tmp_path, "one"), stop=lambda: False):
            held.set()
            done.wait(10)

    builder = threading.Thread(target=hold)
    builder.start()
    assert held.wait(10)
    assert not remove_kept(root=tmp_path, key="one", is_needed=lambda: False)
    done.set()
    builder.join()
    assert (folder / "lib" / "big").exists()


def test_what_nothing_needs_goes_and_leaves_nothing(tmp_path: Path) -> None:
    make(tmp_path, "one", used_at=1000)
    assert remove_kept(root=tmp_path, key="one", is_needed=lambda: False)
    assert [path.name for path in tmp_path.iterdir()] == [".one.lock"]
    assert not remove_kept(root=tmp_path, key="one", is_needed=lambda: False)
