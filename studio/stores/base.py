"""What every datastore can do, whatever is behind it."""

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studio.errors import StudioError, Unavailable

Named = TypeVar("Named")
LONGEST_NUMBER = 9  # digits of where a page begins
LONGEST_NAME = 255  # bytes, of a file or folder on every usual disk
CAUSES = {
    errno.ENOSPC: gettext_lazy("the disk is full"),
    errno.EDQUOT: gettext_lazy("the quota of this disk is used up"),
    errno.EROFS: gettext_lazy("the disk is read-only"),
    errno.EACCES: gettext_lazy("the studio’s user is not allowed to"),
    errno.EPERM: gettext_lazy("the studio’s user is not allowed to"),
    errno.ENOENT: gettext_lazy("it is no longer there"),
    errno.ENOTDIR: gettext_lazy("it is a file, not a folder"),
    errno.EISDIR: gettext_lazy("it is a folder, not a file"),
    errno.ESTALE: gettext_lazy("the network disk has lost it"),
    errno.EIO: gettext_lazy("the disk has failed"),
}


class PathRefused(StudioError):
    """A path that leaves its datastore, or cannot be one."""


class AlreadyThere(StudioError):
    """An object stands where one should be written; it is left as it is."""


class Changed(OSError):
    """An object is another one than was expected, or is there where none was."""

    def __init__(self) -> None:
        super().__init__(0, _("it has changed"))


class StoreAway(Unavailable):
    """A datastore does not answer, or no longer lets the studio in; work goes on when it does."""


def reason(error: OSError) -> str:
    """What went wrong, without the place on this machine's disk where it happened."""
    said = error.strerror or type(error).__name__
    return f"{CAUSES[error.errno]} ({said})" if error.errno in CAUSES else said


@dataclass(frozen=True)
class StoredObject:
    path: str  # relative to the datastore, with /
    size: int  # bytes
    modified: datetime
    etag: str  # another one once the object has changed

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Entry:
    """A file or folder of one folder."""

    path: str  # relative to the datastore, with /
    name: str  # as it can be shown
    is_folder: bool
    is_usable: bool  # not where a link leads out of the datastore, nor where no path can name it
    size: int
    modified: datetime | None

    @property
    def is_hidden(self) -> bool:
        """Jobs leave it out."""
        return self.name.startswith((".", "_"))


@dataclass(frozen=True)
class Entries:
    """A page of a folder. Where pages begin is for the store to understand."""

    items: list[Entry]
    before: str | None  # where the page before this one begins; None: this is the first
    after: str | None  # where the next one begins; None: this is the last
    first: int | None = None  # the number of the first of `items` in the folder, from 0, where it is known
    total: int | None = None  # files and folders, where they can be counted
    is_cut: bool = False  # there are more than were looked at


def numbered(
    found: Sequence[Named], *, begin: str, limit: int, entry: Callable[[Named], Entry], is_cut: bool
) -> Entries:
    """The page of what is `found` that begins at a number; only what is on it becomes an entry."""
    first = int(begin) if begin.isdecimal() and len(begin) <= LONGEST_NUMBER else 0
    first = first if first < len(found) else 0  # the folder has become shorter
    end = first + limit
    return Entries(
        items=[entry(one) for one in found[first:end]],
        before=str(max(first - limit, 0)) if first else None,
        after=str(end) if end < len(found) else None,
        first=first,
        total=len(found),
        is_cut=is_cut,
    )


def tidy(path: str) -> str:
    """The one spelling of a path inside a datastore: `a/b` for `./a//b/`."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def leaves(path: str) -> PathRefused:
    """What is raised for a path that does."""
    return PathRefused(
        _("The path “%(path)s” leaves its datastore. Give a path inside of it, such as “folder/file.csv”.")
        % {"path": path}
    )


def already_there(path: str) -> AlreadyThere:
    return AlreadyThere(
        _("“%(path)s” exists already, and the studio never overwrites. Choose another output path.")
        % {"path": path}
    )


def file_in_the_way(path: str) -> AlreadyThere:
    return AlreadyThere(_("“%(path)s” is a file, not a folder. Choose another output path.") % {"path": path})


class Store(ABC):
    """Objects by their paths. Every function that takes a path raises PathRefused where it cannot be one, OSError
    where the storage refuses or fails, StoreAway where it cannot be reached or does not let the studio in."""

    is_far = False  # whether its objects have to be fetched

    @property
    @abstractmethod
    def missing(self) -> str:
        """That the place itself is not there, as the cause of a failure."""

    def settled_options(self) -> dict[str, str]:
        """Those that the storage has made definite, once it was reached."""
        return {}

    def check(self, path: str) -> None:
        """Raises PathRefused for a path that leaves the datastore, or that no disk would take."""
        if path.startswith(("/", "\\", "~")) or "\0" in path or "\\" in path or ".." in path.split("/"):
            raise leaves(path)
        if any(len(part.encode(errors="surrogateescape")) > LONGEST_NAME for part in path.split("/")):
            raise PathRefused(_("A name in the path “%(path)s…” is too long.") % {"path": path[:40]})

    @abstractmethod
    def stat(self, path: str) -> StoredObject | None:
        """The object at `path`; None where there is none or a folder."""

    @abstractmethod
    def is_folder(self, path: str) -> bool: ...

    @abstractmethod
    def entries(
        self, path: str, *, begin: str = "", limit: int = 100, hidden: bool = True, prefix: str = ""
    ) -> Entries:
        """A page of `limit` files and folders right below `path`; `begin` is what another page gave.

        `hidden`: with the names that jobs leave out. `prefix`: only names that begin so. Quick for a folder of 100,000
        files.
        """

    @abstractmethod
    def list(self, path: str) -> Iterator[StoredObject]:
        """Every object below `path`, or the object at `path`."""

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """A stream that can seek, and fetches what is read."""

    @abstractmethod
    def local_copy(
        self,
        path: str,
        folder: Path,
        *,
        etag: str = "",
        ranges: Sequence[tuple[int, int]] = (),
        between: Callable[[], object] = lambda: None,
    ) -> Path:
        """The object as a file of this machine, to be read and not changed: itself, or a copy in `folder`.

        With `ranges` (from, to before) a copy may have only those bytes of it, at their places. With `etag`, it is of
        that object: raises Changed where another one is there, FileNotFoundError where none is. What `between` raises
        ends the copy: it is called after each piece that was fetched.
        """

    @abstractmethod
    def write(self, path: str, chunks: Iterable[bytes]) -> StoredObject:
        """Write an object whole: nobody sees half of it. Replaces one that is there."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Raises AlreadyThere."""

    @abstractmethod
    def move(self, source: str, path: str, *, replace: bool) -> None:
        """Put the object at `source` to `path` in one step. Raises AlreadyThere unless it may `replace`."""

    @abstractmethod
    def put_if_absent(self, path: str, source: Path, *, owner: str) -> StoredObject:
        """Put the file `source`, which may be moved, to `path`, which must be free, in one step.

        What `owner` put there before (it died before it could note so) is recognised, and left; anything else
        raises AlreadyThere.
        """

    @abstractmethod
    def settle(self, path: str, *, owner: str) -> None:
        """Forget what put_if_absent() keeps to recognise its owner, who has noted that the object is there."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """The object at `path`, if there is one."""

    @abstractmethod
    def delete_folder(self, path: str) -> None:
        """And everything in it, as far as that can be deleted."""

    @abstractmethod
    def free_path(self, path: str) -> None:
        """Raises AlreadyThere when something stands at `path`, or a file where a folder of it would be."""
