"""What a scorer prints goes to a file of its node; from there its end goes to the database, where the pages find it."""

import logging
import os
import threading
import time
from pathlib import Path

from django.db import IntegrityError, InterfaceError, OperationalError, close_old_connections
from django.db.models.functions import Now

from scoring.reports import storable
from studio.actions.job_logs import KEPT, stdout_path, whole_lines
from studio.models import Job, JobLog

logger = logging.getLogger(__name__)

EVERY = 2.0  # seconds between two looks at a log that grows
MUCH = 128 << 10  # bytes; a longer end is shipped less often, since it is written whole
SELDOM = 10.0


class ScorerLog:
    """The log of one scorer, told by threads of its node: ship() while it runs, close() once it has ended."""

    def __init__(self, *, job: Job, node: str, slot: int, file: Path):
        self._job_id, self._path, self._file = job.pk, stdout_path(node=node, slot=slot), file
        self._end = b""
        self._read = 0  # bytes of the file
        self._size = 0  # bytes ever printed
        self._shipped: int | None = None
        self._next = 0.0
        self._lock = threading.Lock()
        self._before()

    def _before(self) -> None:
        """A scorer of this slot may have ended and another one go on in the same file, which may have been cut."""
        try:
            row, _made = JobLog.objects.get_or_create(job_id=self._job_id, path=self._path)
        except IntegrityError:
            return  # the job was deleted
        self._look()
        self._size = max(self._size, row.size)

    def ship(self, *, at_once: bool = False) -> None:
        """To the database what is new, every 2 s; whatever goes wrong with a log is not worth the job."""
        with self._lock:
            try:
                self._look()
                if self._size == self._shipped or (not at_once and time.monotonic() < self._next):
                    return
                self._write()
            except (OperationalError, InterfaceError):
                close_old_connections()
            except OSError:
                logger.exception("a scorer's log cannot be read", extra={"action": "log_unreadable"})
            self._next = time.monotonic() + (EVERY if len(self._end) < MUCH else SELDOM)

    def close(self) -> None:
        self.ship(at_once=True)

    def _look(self) -> None:
        """Read what was printed since the last look."""
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < self._read:  # it had grown too large, and was cut
                self._read = 0
            new = size - self._read
            file.seek(max(self._read, size - KEPT))
            self._end = (self._end + file.read(size - file.tell()))[-KEPT:]
        self._read = size
        self._size += new

    def _write(self) -> None:
        text = self._end.decode(errors="replace") if self._size == len(self._end) else whole_lines(self._end)
        row = JobLog.objects.filter(job=self._job_id, path=self._path)  # gone with a job that was deleted
        row.update(text=storable(text), size=self._size, updated_at=Now())
        self._shipped = self._size
