"""One process at a time, on one machine."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scoring.errors import ScoringCanceled

POLL_SECONDS = 0.1


def lock_of(root: Path, name: str) -> Path:
    """The file whose holder may make or remove the folder `name` of `root`."""
    return root / f".{name}.lock"


@contextmanager
def exclusive(
    path: Path, *, stop: Callable[[], bool], waiting: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock file at `path`; `waiting` is called once when somebody else has it.

    The kernel gives it back when its holder dies. Raises ScoringCanceled when `stop` says so before it is had.
    """
    with path.open("w") as file:
        said = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    waiting()
                    said = True
                if stop():
                    raise ScoringCanceled("Nobody waits for this any more.") from None
                time.sleep(POLL_SECONDS)
        yield
