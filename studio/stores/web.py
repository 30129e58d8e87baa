"""A file at a public https address, as a datastore of this one object that can only be read."""

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from studio.embedded.home import locked
from studio.stores.base import Changed, Entries, Entry, PathRefused, StoreAway, StoredObject, tidy
from studio.stores.fetching import Address, fetch, speaking
from studio.stores.public import AddressRefused
from studio.stores.remote import PIECE, Body, RemoteStore

# Seconds that a copy is taken for the file where its server says nothing that tells of a change.
BELIEVED = 600
KEPT = 24 * 3600  # seconds after the last use of a copy
LONGEST = 300.0  # seconds that fetching a whole file takes: a request or a slot waits for it
LONGEST_WAIT = 30.0  # seconds for somebody else who fetches the same file
WEB_PAGES = {"text/html", "application/xhtml+xml"}


@dataclass(frozen=True)
class Facts:
    """What a server says of a file, asked for its first byte."""

    status: int
    size: int | None  # bytes
    type: str  # of its content, in small letters; empty where it is not said
    encoding: str  # gzip where it is packed whatever its name says
    given_name: str  # what it is to be called where it is saved
    modified: datetime
    version: str  # another one once the file has changed; empty where nothing tells
    takes_ranges: bool

    @property
    def is_told(self) -> bool:
        """Whether a change can be seen without fetching it."""
        return bool(self.version) and self.size is not None

    @property
    def by_ranges(self) -> bool:
        """Whether parts of it can be fetched, and held to be of one and the same file."""
        return self.takes_ranges and self.is_told

    @property
    def etag(self) -> str:
        return f"{self.version}-{self.size}"


def facts_of(answer: BaseHTTPResponse) -> Facts:
    headers = answer.headers
    ranged = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", headers.get("Content-Range", ""))
    is_partial = answer.status in (206, 416)
    length = ranged[1] if ranged else "" if is_partial else headers.get("Content-Length", "")
    named = re.search(r'filename="?([^";]+)"?', headers.get("Content-Disposition", ""))
    return Facts(
        status=answer.status,
        size=int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
        type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        encoding=headers.get("Content-Encoding", "").strip().lower(),
        given_name=named[1].strip() if named else "",
        modified=_moment(headers.get("Last-Modified", "")),
        version=headers.get("ETag", "") or headers.get("Last-Modified", ""),
        takes_ranges=is_partial,
    )


def _moment(said: str) -> datetime:
    try:
        return parsedate_to_datetime(said).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)


def look_at(address: Address) -> Facts:
    """Raises AddressRefused, StoreAway, and FileNotFoundError where nothing is there."""
    answer = fetch(address, start=0, end=1)
    facts = facts_of(answer)
    if facts.status == 206:
        with speaking(address):
            answer.read(
                2
            )  # the one byte, so that the connection can be used again; not all that a liar sends
    answer.close()
    if facts.type in WEB_PAGES:
        raise AddressRefused(
            _("%(address)s looks like a web page, not like data. Give the address of the file itself.")
            % {"address": address}
        )
    _check_size(address, facts.size or 0)
    return facts


def _check_size(address: Address, size: int) -> None:
    if size > settings.MAX_DOWNLOAD:
        raise AddressRefused(
            _(
                "%(address)s has more than %(most)s, the most that is read from an address. Put it into a datastore."
            )
            % {"address": address, "most": filesizeformat(settings.MAX_DOWNLOAD)}
        )


def _check_time(address: Address, end: float) -> None:
    if time.monotonic() > end:
        raise AddressRefused(
            _(
                "The server of %(address)s gives its file only whole, and that took more than %(minutes)s minutes. "
                "Put it into a datastore."
            )
            % {"address": address, "minutes": round(LONGEST / 60)}
        )


class WebFile(RemoteStore):
    """`file` is what it is called here. Where its server gives no parts of it, it is fetched whole, once for each
    machine."""

    failing = (HTTPError, OSError)

    def __init__(self, *, place: str, file: str, query: str = "") -> None:
        self.address, self.file = Address(place, query), file
        self._facts: Facts | None = None

    @property
    def missing(self) -> str:
        return _("there is nothing at this address")

    def stat(self, path: str) -> StoredObject | None:
        self.check(path)
        if tidy(path) != self.file:
            return None
        try:
            facts = self._facts = look_at(self.address)
        except FileNotFoundError:
            return None
        if facts.is_told:
            return StoredObject(self.file, facts.size or 0, facts.modified, facts.etag)
        copy = self._latest_copy()
        return StoredObject(self.file, copy.stat().st_size, facts.modified, copy.name)

    def body(self, path: str, etag: str, start: int, end: int) -> Body:
        facts = self._facts = self._facts or look_at(self.address)
        if not facts.by_ranges:
            stream = self._copy_with(etag).open("rb")
            stream.seek(start)
            return stream
        answer = fetch(self.address, start=start, end=end)
        if answer.status != 206 or facts_of(answer).etag != etag:
            answer.close()
            raise Changed
        return answer

    def speaking(self) -> AbstractContextManager[None]:
        return speaking(self.address)

    # ---- Copies of what can only be fetched whole

    @property
    def _copies(self) -> Path:
        named = hashlib.sha256(self.address.url.encode()).hexdigest()[:32]
        folder: Path = settings.STUDIO_HOME / "downloads" / named
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _latest_copy(self) -> Path:
        """One of the last minutes, or a new one. It is called by its checksum, which takes the place of an etag."""
        folder = self._copies
        with self._alone(folder):
            copies = sorted(_times(folder.glob("[!.]*")), key=lambda found: found[1].st_mtime)
            if copies and copies[-1][1].st_mtime > time.time() - BELIEVED:
                return copies[-1][0]
            return self._fetched(folder, "")

    def _copy_with(self, etag: str) -> Path:
        """Raises OSError where the file is no longer that one."""
        folder = self._copies
        is_told = self._facts is not None and self._facts.is_told
        name = hashlib.sha256(etag.encode()).hexdigest() if is_told else etag
        with self._alone(folder):
            copy = folder / name
            if not copy.exists():
                copy = self._fetched(folder, etag if is_told else "")
            if copy.name != name:
                raise Changed
            os.utime(copy, (time.time(), copy.stat().st_mtime))  # its use; when it was fetched stays
            return copy

    @contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(locked(folder / ".lock", within=LONGEST_WAIT))
            except TimeoutError:
                raise StoreAway(
                    _("%(address)s is just being fetched for somebody else. Work goes on when it is here.")
                    % {"address": self.address}
                ) from None
            yield

    def _fetched(self, folder: Path, etag: str) -> Path:
        """Called by the checksum of `etag`, or else of what is in it."""
        _forget_old_copies(folder.parent)
        answer, aside = fetch(self.address), folder / f".{uuid.uuid4().hex}"
        if etag and facts_of(answer).etag != etag:
            answer.close()
            raise Changed
        digest, size, end = hashlib.sha256(), 0, time.monotonic() + LONGEST
        try:
            with closing(answer), aside.open("wb") as file, speaking(self.address):
                while piece := answer.read1(PIECE):
                    size += len(piece)
                    _check_size(self.address, size)
                    _check_time(self.address, end)
                    digest.update(piece)
                    file.write(piece)
            named = hashlib.sha256(etag.encode()) if etag else digest
            return aside.replace(folder / named.hexdigest())
        finally:
            aside.unlink(missing_ok=True)

    # ---- The one object, and nothing beside it

    def is_folder(self, path: str) -> bool:
        return not tidy(path)

    def list(self, path: str) -> Iterator[StoredObject]:
        found = self.stat(tidy(path) or self.file)
        if found:
            yield found

    def entries(
        self, path: str, *, begin: str = "", limit: int = 100, hidden: bool = True, prefix: str = ""
    ) -> Entries:
        found = [Entry(one.path, one.name, False, True, one.size, one.modified) for one in self.list(path)]
        found = [one for one in found if one.name.startswith(prefix)]
        return Entries(items=found, before=None, after=None, first=0, total=len(found))

    def put(self, path: str, chunks: Iterable[bytes], *, if_absent: bool = False, owner: str = "") -> bool:
        raise _read_only()

    def free_path(self, path: str) -> None:
        raise _read_only()

    def make_folder(self, path: str) -> None:
        raise _read_only()

    def move(self, source: str, path: str, *, replace: bool) -> None:
        raise _read_only()

    def delete(self, path: str) -> None:
        raise _read_only()

    def delete_folder(self, path: str) -> None:
        raise _read_only()

    def is_of(self, path: str, owner: str) -> bool:
        return False


def _read_only() -> PathRefused:
    return PathRefused(_("Nothing can be written to a web address. Choose a datastore for it."))


def _forget_old_copies(folder: Path) -> None:
    for copy, times in _times(folder.glob("*/*")):
        if copy.name != ".lock" and max(times.st_atime, times.st_mtime) < time.time() - KEPT:
            copy.unlink(missing_ok=True)


def _times(copies: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """Of those that nobody has removed meanwhile."""
    for copy in copies:
        try:
            times = copy.stat()
        except FileNotFoundError:
            continue
        yield copy, times
