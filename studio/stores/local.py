"""A folder of a disk that the studio and its nodes share."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage
from django.utils.translation import gettext as _

from studio.stores.base import (
    Changed,
    Entries,
    Entry,
    PathRefused,
    Store,
    StoredObject,
    already_there,
    file_in_the_way,
    leaves,
    numbered,
    tidy,
)

MOST_ENTRIES = 200_000  # of one folder that are looked at


class LocalFolder(Store):
    def __init__(self, root: str):
        self.root = Path(root).resolve()
        self.storage = FileSystemStorage(location=self.root)

    @property
    def missing(self) -> str:
        return _("there is no folder “%(folder)s” on this machine") % {"folder": self.root}

    def check(self, path: str) -> None:
        self.path(path)

    def path(self, path: str) -> Path:
        """The file or folder behind `path`. Raises PathRefused when it lies, or links, outside of the datastore."""
        super().check(path)
        try:
            found = Path(self.storage.path(tidy(path) or "."))
            is_inside = found.resolve().is_relative_to(self.root)
        except (SuspiciousFileOperation, ValueError, RuntimeError) as error:  # the last: a link to itself
            raise leaves(path) from error
        if not is_inside:
            raise leaves(path)
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
        found = self.path(path)
        return self._object(found) if found.is_file() else None

    def is_folder(self, path: str) -> bool:
        return self.path(path).is_dir()

    def entries(
        self, path: str, *, begin: str = "", limit: int = 100, hidden: bool = True, prefix: str = ""
    ) -> Entries:
        """Folders first, by name; a page begins at a number. Only what a page shows is looked at closely."""
        folder, inside = self.path(path), tidy(path)
        with os.scandir(folder) as scanned:
            seen = list(islice(scanned, MOST_ENTRIES + 1))
        names = sorted(
            (not _is_folder(one), one.name)
            for one in seen[:MOST_ENTRIES]
            if one.name.startswith(prefix) and (hidden or one.name[0] not in "._")
        )
        return numbered(
            names,
            begin=begin,
            limit=limit,
            entry=lambda one: self._entry(inside, *one),
            is_cut=len(seen) > MOST_ENTRIES,
        )

    def _entry(self, folder: str, is_file: bool, name: str) -> Entry:
        path, size, modified = f"{folder}/{name}" if folder else name, 0, None
        shown = name.encode(errors="replace").decode()
        try:
            seen = self.path(path).stat()
            size, modified, is_usable = seen.st_size, _moment(seen.st_mtime), shown == name
        except (OSError, PathRefused):
            is_usable = False
        return Entry(path, shown, not is_file, is_usable, size, modified)

    def list(self, path: str) -> Iterator[StoredObject]:
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

    def local_copy(
        self,
        path: str,
        folder: Path,
        *,
        etag: str = "",
        ranges: Sequence[tuple[int, int]] = (),
        between: Callable[[], object] = lambda: None,
    ) -> Path:
        found = self.path(path)
        if etag:
            present = self.stat(path)
            if present is None:
                raise FileNotFoundError(2, "No such object")
            if present.etag != etag:
                raise Changed
        return found

    def write(self, path: str, chunks: Iterable[bytes]) -> StoredObject:
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
        self.free_path(path)
        self.path(path).mkdir(parents=True)

    def move(self, source: str, path: str, *, replace: bool) -> None:
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            os.replace(self.path(source), target)
            return
        try:
            os.link(self.path(source), target)
        except FileExistsError:
            raise already_there(path) from None
        self.path(source).unlink()

    def put_if_absent(self, path: str, source: Path, *, owner: str) -> StoredObject:
        """The proof of who put it there is a second name of the same file, kept until settle()."""
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
                raise already_there(path) from None
        return self._object(target)

    def settle(self, path: str, *, owner: str) -> None:
        self._proof(self.path(path), owner).unlink(missing_ok=True)

    @staticmethod
    def _proof(target: Path, owner: str) -> Path:
        return target.with_name(f".{target.name}.{owner}")

    @staticmethod
    def _same(target: Path, proof: Path) -> bool:
        return target.exists() and proof.exists() and os.path.samefile(target, proof)

    def delete(self, path: str) -> None:
        self.path(path).unlink(missing_ok=True)

    def delete_folder(self, path: str) -> None:
        shutil.rmtree(self.path(path), ignore_errors=True)

    def free_path(self, path: str) -> None:
        target = self.path(path)
        if target.exists():
            raise already_there(path)
        for folder in target.parents:
            if folder.is_file():
                raise file_in_the_way(folder.relative_to(self.root).as_posix())


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
