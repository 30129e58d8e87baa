"""What can go wrong inside the scorer and is reported as a sentence instead of a crash."""

from __future__ import annotations

from typing import Sequence


class FileFailure(Exception):
    """A file cannot be read as a whole; its rows are not scored."""

    file = ""


class PredictFailure(Exception):
    """`rows`: those that the model refuses, where it names them, by their places in what it was given."""

    def __init__(self, message: str, traceback: str = "", rows: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.traceback = traceback
        self.rows = rows


def sentence(error: BaseException) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    return text if len(text) <= 500 else text[:499] + "…"
