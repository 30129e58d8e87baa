from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from studio.models import Event
from studio.permissions import Person


@dataclass(frozen=True)
class Origin:
    """Where an act comes from: the studio itself, unless a request says otherwise."""

    through: str = Event.Through.STUDIO
    ip: str | None = None
    token: str = ""


_origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039  it cannot be changed


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    before = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(before)


def come_with_token(token: str) -> None:
    """The request has shown an API token; until the end of what `coming_from` began."""
    _origin.set(replace(_origin.get(), through=Event.Through.TOKEN, token=token))


def record(*, actor: Person | None, action: str, subject: str, **details: Any) -> None:
    """Part of the transaction of the act itself: both happen, or neither."""
    known = actor if actor is not None and actor.is_authenticated else None
    origin = _origin.get()
    Event.objects.create(
        actor=known,
        action=action,
        subject=subject[:200],
        details=details,
        through=origin.through,
        ip=origin.ip,
        token=origin.token,
    )
