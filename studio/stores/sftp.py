"""A folder of an SFTP server. What the protocol leaves open is settled as OpenSSH's server does it."""

import errno
import posixpath
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from studio.stores.base import (
    AlreadyThere,
    Changed,
    Entries,
    Entry,
    PathRefused,
    StoreAway,
    StoredObject,
    already_there,
    leaves,
    numbered,
    tidy,
)
from studio.stores.remote import Body, RemoteStore, in_parts
from studio.stores.sftp_names import Found
from studio.stores.sftp_session import MORE, PLAIN_FAILURE, Reading, Session
from studio.stores.ssh import BROKEN, Connection, Login, Pool, speaking_with

MOST_ENTRIES = 50_000  # of one folder that a page looks at: the protocol has no pages and sends all each time
ASIDE = re.compile(rb"\.[0-9a-f]{32}\.part")  # what is being uploaded
FORSAKEN = 24 * 3600  # seconds after which an upload is not under way any more


class SftpFolder(RemoteStore):
    """`folder` is absolute or in the user's home.

    An object is another one where its size or its time differs. The protocol has whole seconds: what the studio writes
    itself always gets a later one, but what others put in the place of a file of the same size within the same second
    goes unnoticed.
    """

    failing = BROKEN

    def __init__(self, *, folder: str = "", **login: Any) -> None:
        self.folder = folder or "."
        self.pool = Pool(Login(**login))
        self._root = b""

    @property
    def missing(self) -> str:
        return _("there is no folder “%(folder)s” on the server") % {"folder": self.folder}

    def settled_options(self) -> dict[str, str]:
        """The whole path of the folder: two datastores may name one from another place."""
        with suppress(UnicodeDecodeError):
            return {"folder": self._root.decode()}
        return {}

    def speaking(self) -> AbstractContextManager[None]:
        return speaking_with(self.pool.login)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self.speaking(), self.pool.lend() as session:
            yield session

    # ---- Paths

    def _place(self, session: Session, path: str) -> bytes:
        """Where it is for the server. Raises PathRefused where a link leads out of the folder."""
        self.check(path)
        if not self._root:
            self._root = session.real_path(self.folder.encode(errors="surrogateescape"))
        inside = tidy(path).encode(errors="surrogateescape")
        place = posixpath.join(self._root, inside) if inside else self._root
        if not self._is_inside(session.resolved(place)):
            raise leaves(path)
        return place

    def _is_inside(self, real: bytes) -> bool:
        return real == self._root or real.startswith(self._root.rstrip(b"/") + b"/")

    def _found(self, session: Session, path: str) -> Found | None:
        try:
            return session.found(self._place(session, path))
        except FileNotFoundError:
            return None

    # ---- Looking

    def stat(self, path: str) -> StoredObject | None:
        with self._session() as session:
            found = self._found(session, path)
        return _object(tidy(path), found) if found and found.is_file else None

    def is_folder(self, path: str) -> bool:
        with self._session() as session:
            found = self._found(session, path)
        return found is not None and found.is_folder

    def entries(
        self, path: str, *, begin: str = "", limit: int = 100, hidden: bool = True, prefix: str = ""
    ) -> Entries:
        """Folders first, by name; a page begins at a number. Links are followed where the page shows them."""
        inside, start = tidy(path), prefix.encode(errors="surrogateescape")
        with self._session() as session:
            place = self._place(session, path)
            seen = list(islice(self._names(session, place), MOST_ENTRIES + 1))
            names = [one for one in seen[:MOST_ENTRIES] if one[0].startswith(start)]
            if not hidden:
                names = [one for one in names if one[0][:1] not in (b".", b"_")]
            names.sort(key=lambda one: (not one[1].is_folder, one[0]))
            return numbered(
                names,
                begin=begin,
                limit=limit,
                entry=lambda one: self._entry(session, inside, *one),
                is_cut=len(seen) > MOST_ENTRIES,
            )

    def _names(self, session: Session, place: bytes) -> Iterator[tuple[bytes, Found]]:
        """Of a folder, without uploads that broke off long ago, which are removed."""
        forsaken, oldest = [], time.time() - FORSAKEN
        for name, found in session.names(place):
            if ASIDE.fullmatch(name) and found.mtime < oldest:
                forsaken.append(posixpath.join(place, name))
            else:
                yield name, found
        session.remove_all(forsaken)

    def _entry(self, session: Session, inside: str, raw: bytes, found: Found) -> Entry:
        name = raw.decode(errors="surrogateescape")
        shown = raw.decode(errors="replace")
        path = f"{inside}/{name}" if inside else name
        try:
            followed = self._followed(session, path, found)
        except (OSError, PathRefused):
            followed = None
        return Entry(
            path=path,
            name=shown,
            is_folder=(followed or found).is_folder,
            is_usable=followed is not None and shown == name,
            size=followed.size if followed else 0,
            modified=_moment(followed) if followed else None,
        )

    def _followed(self, session: Session, path: str, found: Found) -> Found:
        """What a name of a folder leads to. Raises PathRefused, also where no path can have the name."""
        if found.is_link:
            return session.found(self._place(session, path))
        self.check(path)
        return found

    def list(self, path: str) -> Iterator[StoredObject]:
        with self._session() as session:
            found = self._found(session, path)
            if found and found.is_file:
                yield _object(tidy(path), found)
            folders = [tidy(path)] if found and found.is_folder else []
            while folders:
                folder = folders.pop()
                for raw, seen in self._names(session, self._place(session, folder)):
                    name = raw.decode(errors="surrogateescape")
                    inside = f"{folder}/{name}" if folder else name
                    if seen.is_folder:
                        folders.append(inside)
                    elif file := self._file(session, inside, seen):
                        yield _object(inside, file)

    def _file(self, session: Session, path: str, found: Found) -> Found | None:
        """Behind a name; None where there is none, or a link to it leads out of the folder."""
        if found.is_link:
            try:
                found = self._followed(session, path, found)
            except (OSError, PathRefused):
                return None
        return found if found.is_file else None

    def body(self, path: str, etag: str, start: int, end: int) -> Body:
        connection = self.pool.take()
        session: Session = connection.sftp
        try:
            reading = Reading(session, session.open_to_read(self._place(session, path)), start, end)
            if _etag(reading.found()) != etag:
                reading.close()
                raise Changed
        except BaseException:
            self.pool.give(connection)
            raise
        return _Body(self.pool, connection, reading, etag)

    # ---- Writing

    def put(self, path: str, chunks: Iterable[bytes], *, if_absent: bool = False, owner: str = "") -> bool:
        with self._session() as session:
            place = self._place(session, path)
            if if_absent and session.is_there(place):
                return False
            session.make_folders(posixpath.dirname(place), below=self._root)
            aside = posixpath.join(posixpath.dirname(place), f".{uuid.uuid4().hex}.part".encode())
            try:
                self._upload(session, aside, chunks)
                if not if_absent:
                    session.replace(aside, place)
            except BaseException:
                with suppress(OSError, StoreAway), self._session() as other:  # this one may be broken
                    other.remove(aside)
                raise
            return not if_absent or self._put_new(session, aside, place, owner)

    def _upload(self, session: Session, aside: bytes, chunks: Iterable[bytes]) -> None:
        try:
            session.write(aside, in_parts(chunks))
        except OSError as error:
            if error.errno != PLAIN_FAILURE:
                raise
            if session.is_full(posixpath.dirname(aside)):
                raise OSError(errno.ENOSPC, error.strerror) from None
            raise OSError(
                PLAIN_FAILURE,
                _("the server says “%(said)s” and no more; perhaps its disk is full or a quota is used up")
                % {"said": error.strerror},
            ) from None

    def _put_new(self, session: Session, aside: bytes, place: bytes, owner: str) -> bool:
        """The proof of who put it there says which upload it was: one that is gone has got the name.

        So what did not get it is removed by settle() alone, after the proof.
        """
        line = b"%s %s\n" % (posixpath.basename(aside), _etag(session.found(aside)).encode())
        session.write(_proof(place, owner), [line], flags=MORE)
        try:
            session.rename(aside, place)
        except OSError:
            if session.is_there(place):
                return False
            raise
        return True

    def put_if_absent(self, path: str, source: Path, *, owner: str) -> StoredObject:
        try:
            written: StoredObject = super().put_if_absent(path, source, owner=owner)
        except (OSError, AlreadyThere):
            self.settle(path, owner=owner)
            raise
        return written

    def is_of(self, path: str, owner: str) -> bool:
        with self._session() as session:
            found = self._found(session, path)
            if found is None:
                return False
            place = self._place(session, path)
            return any(
                etag == _etag(found) and not session.is_there(aside)
                for aside, etag in _proven(session, place, owner)
            )

    def settle(self, path: str, *, owner: str) -> None:
        with self._session() as session:
            place = self._place(session, path)
            asides = [aside for aside, _etag in _proven(session, place, owner)]
            session.remove_all([_proof(place, owner)])
            session.remove_all(asides)

    def make_folder(self, path: str) -> None:
        self.free_path(path)
        with self._session() as session:
            session.make_folders(self._place(session, path), below=self._root)

    def move(self, source: str, path: str, *, replace: bool) -> None:
        with self._session() as session:
            origin, place = self._place(session, source), self._place(session, path)
            session.make_folders(posixpath.dirname(place), below=self._root)
            if replace:
                session.replace(origin, place)
                return
            try:
                session.rename(origin, place)
            except OSError:
                if session.is_there(place):
                    raise already_there(path) from None
                raise

    def delete(self, path: str) -> None:
        with self._session() as session, suppress(FileNotFoundError):
            session.remove(self._place(session, path))

    def delete_folder(self, path: str) -> None:
        with suppress(OSError, StoreAway), self._session() as session:
            emptied, folders = [], [self._place(session, path)]
            while folders:
                folder = folders.pop()
                emptied.append(folder)
                seen = [(posixpath.join(folder, name), one) for name, one in session.names(folder)]
                folders += [place for place, one in seen if one.is_folder]
                session.remove_all(place for place, one in seen if not one.is_folder)
            for folder in reversed(emptied):
                session.rmdir(folder)


class _Body:
    """Others may write into a file that is being read, so it is looked at once more before its last bytes are given."""

    def __init__(self, pool: Pool, connection: Connection, reading: Reading, etag: str) -> None:
        self._pool, self._connection, self._reading, self._etag = pool, connection, reading, etag

    def read(self, size: int, /) -> bytes:
        data = self._reading.read(size)
        if self._reading.is_done and _etag(self._reading.found()) != self._etag:
            raise Changed
        return data

    def close(self) -> None:
        try:
            self._reading.close()
        except BaseException:
            self._pool.give_up(self._connection)
            raise
        self._pool.give(self._connection)


def _proof(place: bytes, owner: str) -> bytes:
    folder, name = posixpath.split(place)
    return posixpath.join(folder, b".%s.%s" % (name, owner.encode()))


def _proven(session: Session, place: bytes, owner: str) -> list[tuple[bytes, str]]:
    """The uploads that were to get the name, and their etags."""
    try:
        lines = session.read(_proof(place, owner)).splitlines()
    except FileNotFoundError:
        return []
    pairs = [line.split(b" ") for line in lines]
    return [
        (posixpath.join(posixpath.dirname(place), aside), etag.decode())
        for aside, etag in (pair for pair in pairs if len(pair) == 2)  # one that broke off proves nothing
    ]


def _etag(found: Found) -> str:
    return f"{found.mtime:x}-{found.size:x}"


def _moment(found: Found) -> datetime:
    return datetime.fromtimestamp(found.mtime, UTC)


def _object(path: str, found: Found) -> StoredObject:
    return StoredObject(path, found.size, _moment(found), _etag(found))
