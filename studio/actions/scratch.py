"""Files that concern nobody once the process that made them has ended."""

import os
import shutil
import time
from pathlib import Path

import psutil
from django.conf import settings

BUILDS_KEPT = 24 * 3600  # seconds; no build or download takes a day
LOGS_KEPT = 30 * 24 * 3600  # seconds


def scratch() -> Path:
    """This process's own folder below STUDIO_HOME/scratch."""
    folder: Path = settings.STUDIO_HOME / "scratch" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def scorer_logs() -> Path:
    folder: Path = settings.STUDIO_HOME / "logs" / "scorers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def clear() -> None:
    """Remove what processes that were killed have left, half-made things of a day ago, and logs of a month ago."""
    for folder in scratch().parent.iterdir():
        if not (folder.name.isdecimal() and psutil.pid_exists(int(folder.name))):
            shutil.rmtree(folder, ignore_errors=True)
    _remove_left_builds(settings.STUDIO_HOME / "environments")
    _remove_left_builds(settings.STUDIO_HOME / "models")
    for log in scorer_logs().glob("*.log"):
        if log.stat().st_mtime < time.time() - LOGS_KEPT:
            log.unlink(missing_ok=True)


def _remove_left_builds(folder: Path) -> None:
    """Half-built environments and half-fetched models, which begin with a dot until they are whole."""
    for left in folder.glob(".*"):
        if left.is_dir() and left.stat().st_mtime < time.time() - BUILDS_KEPT:
            shutil.rmtree(left, ignore_errors=True)
