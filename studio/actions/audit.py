"""The audit, taken away."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from studio.actions.events import record
from studio.models import Event
from studio.models.events import EventQuerySet
from studio.roles import check_may_administer

COLUMNS = ("at", "person", "act", "subject", "details", "through", "token", "ip")
BATCH = 2000  # rows that an export holds at a time


def export_events(*, user: User, events: EventQuerySet, wanted: dict[str, Any]) -> Iterator[str]:
    """`events`, the newest first, as lines of CSV. Taking them away is an act itself, which notes what was `wanted`."""
    check_may_administer(user)
    record(actor=user, action="audit.export", subject=_("audit"), **wanted)
    return _csv(events.select_related("actor").order_by("-at", "-pk"))


class _Line:
    """A file that hands back what is written: csv writes into it, the response takes it from there."""

    def write(self, text: str) -> str:
        return text


def _csv(events: EventQuerySet) -> Iterator[str]:
    lines = csv.writer(_Line())
    yield lines.writerow(COLUMNS)
    for event in events.iterator(chunk_size=BATCH):
        yield lines.writerow(_harmless(value) for value in _cells(event))


def _cells(event: Event) -> tuple[str, ...]:
    return (
        event.at.isoformat(),
        event.actor.get_username() if event.actor else "",
        event.action,
        event.subject,
        json.dumps(event.details, ensure_ascii=False),
        event.through,
        event.token,
        event.ip or "",
    )


def _harmless(text: str) -> str:
    """Spreadsheets take a cell that begins so for a formula, and people choose names."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
