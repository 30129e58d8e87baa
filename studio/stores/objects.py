"""What object stores have in common: objects with keys, and pages of them."""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from studio.stores.base import Entries, Entry, PathRefused, StoreAway, StoredObject, tidy
from studio.stores.remote import RemoteStore

OWNER = "studio-owner"  # the metadata of an object that says who wrote it


def not_let_in(code: str) -> StoreAway:
    return StoreAway(
        _("The storage refuses the datastore’s credentials (%(code)s). Update them on the datastore’s page.")
        % {"code": code}
    )


def busy(code: str) -> StoreAway:
    return StoreAway(
        _("The storage is busy or out of order (%(code)s). Work goes on when it is not.") % {"code": code}
    )


def silent(place: str, error: Exception) -> StoreAway:
    """Of `error` only its kind is said: its words may hold what was sent."""
    return StoreAway(
        _("The storage of %(place)s does not answer (%(reason)s). Work goes on when it does.")
        % {"place": place, "reason": type(error).__name__}
    )


class Listed(NamedTuple):
    """An object as it stands in a listing."""

    key: str
    size: int
    modified: datetime
    etag: str


class Page(NamedTuple):
    folders: list[str]  # keys, each with a / at its end
    objects: list[Listed]
    after: str | None  # the store's token for the next one


class ObjectStore(RemoteStore):
    """All of a bucket, or one folder of it. Folders are only what keys have in common."""

    def __init__(self, folder: str) -> None:
        self.check(folder)
        self._prefix = f"{tidy(folder)}/" if tidy(folder) else ""

    @abstractmethod
    def page(self, prefix: str, begin: str, limit: int) -> Page:
        """What is right below `prefix`, in the order of keys; called while speaking(). Not empty if more follow."""

    @abstractmethod
    def every(self, prefix: str) -> Iterator[Listed]:
        """All objects whose keys begin so; called while speaking()."""

    @abstractmethod
    def mark_folder(self, path: str) -> None:
        """Keep that there is an empty one."""

    @abstractmethod
    def owner_of(self, path: str) -> str:
        """As put() was given it; empty where there is no object, or it has none."""

    def make_folder(self, path: str) -> None:
        self.free_path(path)
        self.mark_folder(path)

    def is_of(self, path: str, owner: str) -> bool:
        return self.owner_of(path) == owner

    def key(self, path: str) -> str:
        self.check(path)
        return self._prefix + tidy(path)

    def below(self, path: str) -> str:
        """What the keys of everything in a folder begin with."""
        return self.key(path) + ("/" if tidy(path) else "")

    def is_folder(self, path: str) -> bool:
        below = self.below(path)
        if not tidy(path):
            return True
        with self.speaking():
            found = self.page(below, "", 1)
        return bool(found.folders or found.objects)

    def entries(
        self, path: str, *, begin: str = "", limit: int = 100, hidden: bool = True, prefix: str = ""
    ) -> Entries:
        """In the order of keys; on a page, folders first. A page begins at a token of the store's."""
        below = self.below(path)
        with self.speaking():
            found = self.page(below + prefix, begin, limit)
        is_empty = not (begin or found.folders or found.objects)
        if tidy(path) and is_empty and not (prefix and self.is_folder(path)):
            raise FileNotFoundError(2, "No such folder")
        folders = [self._entry(key[:-1], below, None) for key in found.folders]
        files = [self._entry(one.key, below, one) for one in found.objects if one.key != below]
        return Entries(
            items=[one for one in [*folders, *files] if hidden or not one.is_hidden],
            before="" if begin else None,
            after=found.after,
        )

    def _entry(self, key: str, below: str, listed: Listed | None) -> Entry:
        path, name = key[len(self._prefix) :], key[len(below) :]
        return Entry(
            path=path,
            name=name or _("(no name)"),
            is_folder=listed is None,
            is_usable=self._is_usable(path) and bool(name),
            size=listed.size if listed else 0,
            modified=listed.modified if listed else None,
        )

    def _is_usable(self, path: str) -> bool:
        try:
            self.check(path)
        except PathRefused:
            return False
        return tidy(path) == path

    def list(self, path: str) -> Iterator[StoredObject]:
        single = self.stat(path)
        if single:
            yield single
        below = self.below(path)
        with self.speaking():
            for one in self.every(below):
                if not one.key.endswith("/"):  # a folder that somebody made
                    yield self._object(one)

    def _object(self, listed: Listed) -> StoredObject:
        path = listed.key[len(self._prefix) :]
        if not self._is_usable(path):
            raise PathRefused(
                _(
                    "The object “%(key)s” has a name that no path can have. Rename it, or choose another folder."
                )
                % {"key": path}
            )
        return StoredObject(path, listed.size, listed.modified, listed.etag)
