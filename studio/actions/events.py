from typing import Any

from studio.models import Event
from studio.permissions import Person


def record(*, actor: Person | None, action: str, subject: str, **details: Any) -> None:
    """Part of the transaction of the act itself: both happen, or neither."""
    known = actor if actor is not None and actor.is_authenticated else None
    Event.objects.create(actor=known, action=action, subject=subject[:200], details=details)
