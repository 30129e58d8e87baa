"""What this process holds, and the heartbeat that says so."""

import logging
import os
import socket
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connection

from studio.actions.repeats import record_repeats
from studio.models.leases import HEARTBEAT, Leased, renew

logger = logging.getLogger(__name__)


class Holder:
    """A process that takes leases and renews them every 5 s while work on them goes on.

    A lease whose work has ended, well or badly, is no longer renewed; the sweep gives it to somebody else.
    """

    def __init__(self, kind: str):
        self.name = f"{kind}:{socket.gethostname()}:{os.getpid()}"[:100]
        self._held: dict[type[Leased], set[uuid.UUID]] = defaultdict(set)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()

    def start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()

    @contextmanager
    def holding(self, row: Leased) -> Iterator[uuid.UUID]:
        """Renew the lease that `row` has just been given until the block ends."""
        assert row.lease is not None
        lease = row.lease
        self.start()
        with self._lock:
            self._held[type(row)].add(lease)
        try:
            yield lease
        finally:
            with self._lock:
                self._held[type(row)].discard(lease)
            record_repeats()

    def _run(self) -> None:
        while not self.stopping.wait(self.interval):
            try:
                self.beat()
            except Exception:  # whatever it was, the next beat must come
                logger.exception("a heartbeat failed", extra={"action": "heartbeat_failed"})
            finally:
                close_old_connections()
        connection.close()

    interval = HEARTBEAT.total_seconds()

    def beat(self) -> None:
        with self._lock:
            held = {model: set(leases) for model, leases in self._held.items()}
        for model, leases in held.items():
            renew(model, leases)
        if any(held.values()):  # of what has ended, holding() has recorded it
            record_repeats()


CONTROL = Holder("control")
