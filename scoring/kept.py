"""Folders that are made once and used again until somebody removes them: environments, and models' files."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scoring.environment import READY
from scoring.errors import ScoringCanceled
from scoring.locking import exclusive, lock_of


@dataclass(frozen=True, kw_only=True)
class KeptFolder:
    path: Path
    size: int
    used_at: float  # seconds since 1970

    @property
    def key(self) -> str:
        return self.path.name


def kept_folders(root: Path) -> list[KeptFolder]:
    """Those that are whole, the one first that was used last."""
    whole = [path for path in _folders(root) if not path.name.startswith(".")]
    found = [KeptFolder(path=path, size=_size(path), used_at=_used_at(path)) for path in whole]
    return sorted(found, key=lambda folder: -folder.used_at)


def remove_kept(*, root: Path, key: str, is_needed: Callable[[], bool]) -> bool:
    """Whether it was removed: not when it is needed after all, or somebody makes it or takes it away right now."""
    try:
        with exclusive(lock_of(root, key), stop=_at_once):
            if is_needed():
                return False
            # Whoever looks for it finds it whole or not at all.
            aside = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=root))
            (root / key).rename(aside / "removed")
    except (ScoringCanceled, FileNotFoundError):
        return False
    shutil.rmtree(aside)
    return True


def _at_once() -> bool:
    return True


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _used_at(path: Path) -> float:
    mark = path / READY
    return (mark if mark.exists() else path).stat().st_mtime


def _size(path: Path) -> int:
    """Bytes of its files; those that it shares with the installer's cache count as well."""
    return sum(Path(folder, name).lstat().st_size for folder, _, names in os.walk(path) for name in names)
