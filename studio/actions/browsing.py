"""One folder of a datastore at a time, for whoever looks for a path."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from studio.errors import StudioError
from studio.models import Datastore
from studio.stores import Entry, open_store, reason, tidy

PAGE = 100


@dataclass(frozen=True)
class FolderPage:
    """Some of what is in the folder `path`, folders first."""

    path: str
    entries: list[Entry]
    total: int
    first: int  # of `entries`, counted from 0
    is_cut: bool  # the folder holds more than are looked at
    parents: list[tuple[str, str]]  # name and path of each folder from the top to this one

    @property
    def before(self) -> int | None:
        return max(self.first - PAGE, 0) if self.first else None

    @property
    def after(self) -> int | None:
        return self.first + PAGE if self.first + PAGE < self.total else None

    @property
    def last(self) -> int:
        """Counted from 1."""
        return min(self.first + PAGE, self.total)


def folder_page(*, datastore: Datastore, path: str, first: int = 0, hidden: bool = False) -> FolderPage:
    """Of the folder at `path`, or the one that holds the file there; `hidden`: with the names that jobs leave out.

    Raises PathRefused, StudioError.
    """
    store = open_store(datastore)
    store.path(path)  # as it was given: tidied, an absolute path is a relative one
    wanted = tidy(path)
    if not store.is_folder(wanted) and store.stat(wanted):
        wanted = wanted.rpartition("/")[0]
    try:
        found = store.entries(wanted, first=first, limit=PAGE, hidden=hidden)
        if first >= found.total > 0:
            first, found = 0, store.entries(wanted, limit=PAGE, hidden=hidden)
    except OSError as error:
        raise StudioError(
            _("The folder “%(path)s” of the datastore %(store)s cannot be read: %(reason)s.")
            % {"path": wanted or "/", "store": datastore.name, "reason": reason(error)}
        ) from error
    parts = wanted.split("/") if wanted else []
    return FolderPage(
        path=wanted,
        entries=found.items,
        total=found.total,
        first=first,
        is_cut=found.is_cut,
        parents=[(part, "/".join(parts[: place + 1])) for place, part in enumerate(parts)],
    )
