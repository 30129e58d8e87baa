"""A log file per child, kept small: what is over the limit moves to one older file beside it."""

import os
import shutil
from pathlib import Path
from typing import IO

LIMIT = 5_000_000


def open_log(file: Path) -> IO[bytes]:
    rotate(file)
    return open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)


def rotate(file: Path, limit: int = LIMIT) -> None:
    """Copied and cut, not renamed: the child keeps its open file, and each write of its goes to the end."""
    if file.exists() and file.stat().st_size > limit:
        shutil.copyfile(file, file.with_name(f"{file.name}.1"))
        os.truncate(file, 0)


def since(file: Path, offset: int, limit: int = 100_000) -> str:
    """What was written after this offset, at most the last `limit` bytes."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        start = offset if offset <= size else 0  # cut in between
        stream.seek(max(start, size - limit))
        return stream.read().decode("utf-8", "replace")


def last_lines(text: str, count: int = 5) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
