"""Requests that the client of a storage makes once more, after a pause: nobody's failure, but a job waits for them.

Each kind notes them where its client tells of them; they are counted for the job whose datastore is in use.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from studio.models import Datastore

Repeats = Counter[tuple[str, str]]  # how often, by the datastore's name and what was the cause

_waiting: ContextVar[tuple[int, str] | None] = ContextVar("waiting", default=None)
_counted: dict[int, Repeats] = {}  # by the job's id
_lock = threading.Lock()


@contextmanager
def counted_for(job_id: int, datastore: Datastore | None) -> Iterator[None]:
    """What is repeated in this thread until the block ends is counted for this job."""
    named = (job_id, datastore.location if datastore.is_address else datastore.name) if datastore else None
    token = _waiting.set(named)
    try:
        yield
    finally:
        _waiting.reset(token)


def note_repeat(*cause: object) -> None:
    """The status and code that a storage answered, or the kind of what the connection met: nothing with a secret."""
    waiting = _waiting.get()
    if waiting:
        job_id, datastore = waiting
        add(job_id, Counter({(datastore, " ".join(str(word) for word in cause if word)): 1}))


def add(job_id: int, repeats: Repeats) -> None:
    with _lock:
        _counted.setdefault(job_id, Counter()).update(repeats)


def taken() -> dict[int, Repeats]:
    """What was counted in this process since the last time, by the job's id."""
    with _lock:
        counted = dict(_counted)
        _counted.clear()
    return counted
