import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studio.errors import NotFound, StudioError
from studio.models import Datastore

LONGEST_NAME = 255  # bytes, of a file or folder on every usual disk
MOST_ENTRIES = 200_000  # of one folder that are looked at
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


def reason(error: OSError) -> str:
    """What went wrong, without the place on this machine's disk where it happened."""
    said = error.strerror or type(error).__name__
    return f"{CAUSES[error.errno]} ({said})" if error.errno in CAUSES else said


@dataclass(frozen=True)
class StoredObject:
    path: str  # relative to the datastore, with /
    size: int  # bytes
    modified: datetime
    etag: str

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
    items: list[Entry]
    total: int
    is_cut: bool  # there are more than were looked at


def tidy(path: str) -> str:
    """The one spelling of a path inside a datastore: `a/b` for `./a//b/`."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LocalFolder:
    """A datastore in a folder of a disk that the studio and its nodes share."""

    def __init__(self, root: str):
        self.root = Path(root).resolve()
        self.storage = FileSystemStorage(location=self.root)

    def path(self, path: str) -> Path:
        """The file or folder behind `path`. Raises PathRefused when it lies, or links, outside of the datastore."""
        refused = PathRefused(
            _(
                "The path “%(path)s” leaves its datastore. Give a path inside of it, such as “folder/file.csv”."
            )
            % {"path": path}
        )
        if path.startswith(("/", "\\", "~")) or "\0" in path or "\\" in path or ".." in path.split("/"):
            raise refused
        if any(len(part.encode(errors="surrogateescape")) > LONGEST_NAME for part in path.split("/")):
            raise PathRefused(_("A name in the path “%(path)s…” is too long.") % {"path": path[:40]})
        try:
            found = Path(self.storage.path(tidy(path) or "."))
            is_inside = found.resolve().is_relative_to(self.root)
        except (SuspiciousFileOperation, ValueError, RuntimeError) as error:  # the last: a link to itself
            raise refused from error
        if not is_inside:
            raise refused
        return found

    def _object(self, path: Path) -> StoredObject:
        seen = path.stat()
        return StoredObject(
            path=path.relative_to(self.root).as_posix(),
            size=seen.st_size,
            modified=_moment(seen.st_mtime),
            etag=f"{seen.st_mtime_ns:x}-{seen.st_size:x}-{seen.st_ino:x}",
        )

    def stat(self, path: str) -> StoredObject | None:
        """The object at `path`; None where there is none or a folder."""
        found = self.path(path)
        return self._object(found) if found.is_file() else None

    def is_folder(self, path: str) -> bool:
        return self.path(path).is_dir()

    def entries(self, path: str, *, first: int = 0, limit: int = 100, hidden: bool = True) -> Entries:
        """`limit` files and folders right below `path` from number `first` on, folders first, by name.

        Only those are looked at closely, so that a folder of 100,000 files opens at once. Raises OSError.
        """
        folder, inside = self.path(path), tidy(path)
        with os.scandir(folder) as scanned:
            seen = list(islice(scanned, MOST_ENTRIES + 1))
        names = sorted(
            (not _is_folder(one), one.name)
            for one in seen[:MOST_ENTRIES]
            if hidden or one.name[0] not in "._"
        )
        return Entries(
            items=[self._entry(inside, name, not is_file) for is_file, name in names[first : first + limit]],
            total=len(names),
            is_cut=len(seen) > MOST_ENTRIES,
        )

    def _entry(self, folder: str, name: str, is_folder: bool) -> Entry:
        path, size, modified = f"{folder}/{name}" if folder else name, 0, None
        shown = name.encode(errors="replace").decode()
        try:
            seen = self.path(path).stat()
            size, modified, is_usable = seen.st_size, _moment(seen.st_mtime), shown == name
        except (OSError, PathRefused):
            is_usable = False
        return Entry(path, shown, is_folder, is_usable, size, modified)

    def list(self, path: str) -> Iterator[StoredObject]:
        """Every object below `path`, or the object at `path`, in the order of their paths."""
        found = self.path(path)
        if found.is_file():
            yield self._object(found)
        if not found.is_dir():
            return
        for folder, folders, files in os.walk(found, onerror=_refuse):
            folders.sort()
            for name in files:
                file = Path(folder, name)
                if file.is_file() and file.resolve().is_relative_to(self.root):
                    yield self._object(file)

    def open(self, path: str) -> BinaryIO:
        return self.path(path).open("rb")

    def local_file(self, path: str) -> Path:
        """The object as a file of this machine, to be read and not changed."""
        return self.path(path)

    def write(self, path: str, chunks: Iterable[bytes]) -> StoredObject:
        """Write an object whole: nobody sees half of it. Replaces one that is there."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with aside.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            os.replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)
        return self._object(target)

    def make_folder(self, path: str) -> None:
        """Raises AlreadyThere, OSError."""
        self.free_path(path)
        self.path(path).mkdir(parents=True)

    def move(self, source: str, path: str, *, replace: bool) -> None:
        """Put the object at `source` to `path` in one step. Raises AlreadyThere unless it may `replace`."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            os.replace(self.path(source), target)
            return
        try:
            os.link(self.path(source), target)
        except FileExistsError:
            raise AlreadyThere(self._already_there(path)) from None
        self.path(source).unlink()

    def put_if_absent(self, path: str, source: Path, *, owner: str) -> StoredObject:
        """Move `source` to `path`, which must be free, in one step.

        What `owner` put there before (it died before it could note so) is recognised, and left; anything else
        raises AlreadyThere. The proof is a second name of the same file, kept until settle().
        """
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        proof = self._proof(target, owner)
        if self._same(target, proof):
            return self._object(target)
        aside = target.with_name(f".{uuid.uuid4().hex}.part")
        shutil.move(source, aside)
        os.replace(aside, proof)
        try:
            os.link(proof, target)
        except FileExistsError:
            if not self._same(target, proof):
                proof.unlink(missing_ok=True)
                raise AlreadyThere(self._already_there(path)) from None
        return self._object(target)

    def settle(self, path: str, *, owner: str) -> None:
        """Forget the proof of put_if_absent(), once the owner has noted that the object is there."""
        self._proof(self.path(path), owner).unlink(missing_ok=True)

    @staticmethod
    def _proof(target: Path, owner: str) -> Path:
        return target.with_name(f".{target.name}.{owner}")

    @staticmethod
    def _same(target: Path, proof: Path) -> bool:
        return target.exists() and proof.exists() and os.path.samefile(target, proof)

    @staticmethod
    def _already_there(path: str) -> str:
        return _(
            "“%(path)s” exists already, and the studio never overwrites. Choose another output path."
        ) % {"path": path}

    def delete(self, path: str) -> None:
        self.path(path).unlink(missing_ok=True)

    def delete_folder(self, path: str) -> None:
        shutil.rmtree(self.path(path), ignore_errors=True)

    def free_path(self, path: str) -> None:
        """Raises AlreadyThere when something stands at `path`, or a file where a folder of it would be."""
        target = self.path(path)
        if target.exists():
            raise AlreadyThere(self._already_there(path))
        for folder in target.parents:
            if folder.is_file():
                place = {"path": folder.relative_to(self.root).as_posix()}
                raise AlreadyThere(
                    _("“%(path)s” is a file, not a folder. Choose another output path.") % place
                )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # a disk may say anything
        return datetime.fromtimestamp(0, UTC)


def _refuse(error: OSError) -> None:
    """A folder that cannot be read must not look like an empty one."""
    raise error


def open_store(datastore: Datastore | None) -> LocalFolder:
    """Raises NotFound where a finished job's datastore is no longer registered."""
    if datastore is None:
        raise NotFound(_("The datastore was unregistered, so the studio can no longer reach what is in it."))
    return LocalFolder(datastore.options["root"])
