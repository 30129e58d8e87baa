"""One page of a folder of a datastore at a time, for whoever looks for a path."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from studio.errors import StudioError
from studio.models import Datastore
from studio.stores import Entries, Entry, open_store, reason, tidy
from studio.stores.base import LONGEST_NAME

PAGE = 100


@dataclass(frozen=True)
class FolderPage:
    """Some of what is in the folder `path`."""

    path: str
    page: Entries
    begin: str  # where the page begins, as the one before it said
    prefix: str  # what the names begin with that are shown
    parents: list[tuple[str, str]]  # name and path of each folder from the top to this one

    @property
    def entries(self) -> list[Entry]:
        return self.page.items

    @property
    def has_more(self) -> bool:
        """Than this page."""
        return self.page.before is not None or self.page.after is not None

    @property
    def first(self) -> int | None:
        """Counted from 1; None where the store does not number what it has."""
        return None if self.page.first is None else self.page.first + 1

    @property
    def last(self) -> int | None:
        return None if self.page.first is None else self.page.first + len(self.entries)


def folder_page(
    *, datastore: Datastore, path: str, begin: str = "", prefix: str = "", hidden: bool = False
) -> FolderPage:
    """Of the folder at `path`, or the one that holds the file there; `hidden`: with the names that jobs leave out.

    `begin` is where a page begins, as the one before or after it says; `prefix` what names begin with.

    Raises PathRefused, StudioError.
    """
    store = open_store(datastore)
    store.check(path)  # as it was given: tidied, an absolute path is a relative one
    wanted = tidy(path)
    if not store.is_folder(wanted) and store.stat(wanted):
        wanted = wanted.rpartition("/")[0]
    found = Entries(items=[], before=None, after=None)
    try:
        if _can_begin_a_name(prefix):
            found = store.entries(wanted, begin=begin, limit=PAGE, hidden=hidden, prefix=prefix)
    except OSError as error:
        raise StudioError(
            _("The folder “%(path)s” of the datastore %(store)s cannot be read: %(reason)s.")
            % {"path": wanted or "/", "store": datastore.name, "reason": reason(error)}
        ) from error
    parts = wanted.split("/") if wanted else []
    return FolderPage(
        path=wanted,
        page=found,
        begin=begin,
        prefix=prefix,
        parents=[(part, "/".join(parts[: place + 1])) for place, part in enumerate(parts)],
    )


def _can_begin_a_name(prefix: str) -> bool:
    return "/" not in prefix and len(prefix.encode(errors="surrogateescape")) <= LONGEST_NAME
