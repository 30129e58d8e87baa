"""Files that concern nobody once the process that made them has ended."""

import os
import shutil
import time
from pathlib import Path

import psutil
from django.conf import settings

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
    """Remove what processes that were killed have left, and scorers' logs of more than 30 days."""
    for folder in scratch().parent.iterdir():
        if not (folder.name.isdecimal() and psutil.pid_exists(int(folder.name))):
            shutil.rmtree(folder, ignore_errors=True)
    for log in scorer_logs().glob("*.log"):
        if log.stat().st_mtime < time.time() - LOGS_KEPT:
            log.unlink(missing_ok=True)
