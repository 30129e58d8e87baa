from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import connection


class Turn(IntEnum):
    """Work that one process of the whole studio does at a time; the numbers mean nothing else."""

    SWEEP = 7_301_990
    REGISTRY = 7_301_991


@contextmanager
def taking_turns(turn: Turn) -> Iterator[bool]:
    """Whether it is this process's turn, until the block ends. PostgreSQL gives it back when the process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [turn])
        mine = bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [turn])
