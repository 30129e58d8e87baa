"""Where the machine's cores go, by what a process of the studio is for."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

EVERY = 1.0  # seconds; what a process took after the last look before its end is lost
KINDS = {  # what its command line has, to what it is
    "gunicorn": "web",
    "scoring/scorer": "scorers",
    "manage.py node": "nodes",
    "celery -A studio worker": "control worker",
    "mlflow.server": "MLflow",
    "postgres": "PostgreSQL",
    "valkey-server": "Valkey",
}


@dataclass
class Shares:
    """Seconds of a core."""

    first: dict[int, float] = field(default_factory=dict)  # by process id, what it had taken before
    last: dict[int, tuple[str, float]] = field(default_factory=dict)  # and its kind, what it has taken

    def look(self, studio: int, *, is_first: bool = False) -> None:
        root = psutil.Process(studio)
        for process in (root, *root.children(recursive=True)):
            try:
                times = process.cpu_times()
                kind = self.last[process.pid][0] if process.pid in self.last else _kind(process)
            except psutil.Error:
                continue
            if is_first:
                self.first[process.pid] = times.user + times.system
            self.last[process.pid] = kind, times.user + times.system

    def by_kind(self) -> Counter[str]:
        taken: Counter[str] = Counter()
        for pid, (kind, seconds) in self.last.items():
            taken[kind] += seconds - self.first.get(pid, 0)
        return taken


@contextmanager
def watching(studio: int) -> Iterator[Shares]:
    """Of the process with this id and all that it has started, until the block ends."""
    shares, over = Shares(), threading.Event()
    shares.look(studio, is_first=True)

    def watch() -> None:
        while not over.wait(EVERY):
            shares.look(studio)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield shares
    finally:
        over.set()
        thread.join()
        shares.look(studio)


def _kind(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((kind for part, kind in KINDS.items() if part in command), "others")
