"""The memory of a process and all that it has started, as PSS: pages that several share count once in all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

EVERY = 0.2  # seconds


class Peak(threading.Thread):
    """Looks at the family of `root` until it is stopped; what is shorter than the interval may be missed."""

    def __init__(self, root: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._root = root
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(EVERY):
            family = [self._root, *self._root.children(recursive=True)]
            self.bytes = max(self.bytes, sum(pss(one.pid) for one in family))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@contextmanager
def peak_memory(root: psutil.Process) -> Iterator[Peak]:
    peak = Peak(root)
    peak.start()
    try:
        yield peak
    finally:
        peak.stop()


def pss(pid: int) -> int:
    """Bytes; 0 for a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024
