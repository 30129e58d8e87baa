"""Django's sessions in the database, which also say whose they are, so that a person's can be ended."""

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from studio.models import Session

UNFINISHED = 30 * 60  # seconds that a sign-in elsewhere, or the choice of a password by a link, may take


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def get_session_cookie_age(self) -> int:
        """Short while nobody is signed in: whoever begins a sign-in, and however often, leaves little for long."""
        return super().get_session_cookie_age() if SESSION_KEY in self else UNFINISHED

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast(Session, super().create_model_instance(data))
        row.person_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row
