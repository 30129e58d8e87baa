"""How a row's status moves: a table of allowed moves, and the one function that follows it."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from django.db import models
from django.utils.translation import gettext as _

from studio.errors import StudioError


class MoveRefused(StudioError):
    """The row is no longer in a status from which this move is allowed; somebody else was first."""


class Look(NamedTuple):
    """A tone of the palette and an icon: a status never speaks by colour alone."""

    tone: str
    icon: str


class Shown(NamedTuple):
    """A state that is derived and not kept, for the badge that statuses have."""

    status_label: str
    status_tone: str
    status_icon: str


class Stateful(models.Model):
    """A row with `status` whose only writer is `move_to`.

    Each subclass has `MOVES`: the statuses that may follow each status. One that nothing follows is terminal.
    """

    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {}
    LOOK: ClassVar[Mapping[str, Look]] = {}
    status: Any

    class Meta:
        abstract = True

    @classmethod
    def terminal(cls) -> list[str]:
        return [status for status, following in cls.MOVES.items() if not following]

    @property
    def look(self) -> Look:
        return self.LOOK[self.status]

    @property
    def status_label(self) -> str:
        # Not get_status_display(), which translates the labels of all states each time it is asked for one.
        return str(self.Status(self.status).label)  # type: ignore[attr-defined]

    @property
    def status_tone(self) -> str:
        return self.look.tone

    @property
    def status_icon(self) -> str:
        return self.look.icon

    @property
    def is_finished(self) -> bool:
        return self.status in self.terminal()

    def may_move_to(self, status: str) -> bool:
        return status in self.MOVES[self.status]

    def move_to(self, status: str, *, held: Any = None, **fields: Any) -> None:
        """Set `status` and `fields` where the row still has the status (and the lease `held`, if given) seen on `self`.

        What the database computes (Now()) is fetched when it is looked at; other columns stay as they were seen.
        Raises MoveRefused when the table forbids the move or another process changed the row first.
        """
        if not self.may_move_to(status):
            raise MoveRefused(
                _("“%(thing)s” is %(status)s, so this cannot be done any more. Look at it again.")
                % {"thing": self, "status": self.status_label}
            )
        seen = {"pk": self.pk, "status": self.status}
        if held is not None:
            seen["lease"] = held
        fields["status"] = status
        if not type(self)._default_manager.filter(**seen).update(**fields):
            raise MoveRefused(_("“%(thing)s” changed just now. Look at it again.") % {"thing": self})
        for name, value in fields.items():
            if hasattr(value, "resolve_expression"):
                self.__dict__.pop(name, None)  # deferred
            else:
                setattr(self, name, value)
