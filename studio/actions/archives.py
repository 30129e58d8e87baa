"""Zip and tar files as people bring them. Everything about one is refused before a file of it is stored."""

import gzip
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.files import File
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from studio.errors import StudioError

MOST_ENTRIES = 10_000
MOST_TOGETHER = 100_000  # files of the archives that are unpacked at once
MOST_DIRECTORY = 16 << 20  # bytes of a zip's table of contents, or of the long headers of a tar
NO_LENGTH = re.compile(rb"[0-9]{256}")  # nor a part of a name
BIGGEST_RATIO = 100
PIECE = 1 << 20
LEFT_BEHIND = ("__MACOSX/",)  # what macOS adds to a zip
TAIL = 65_557 + 76  # where a zip's end may lie: its record, the longest comment, the records of a large one
ZIP_ENDINGS = (".zip",)
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz")
# What reading a damaged member raises; RuntimeError and NotImplementedError are zipfile's for how it is packed.
UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


class ArchiveRefused(StudioError):
    """This is not unpacked: why, and what to bring instead."""


@dataclass
class Member:
    """One file: its path inside of what was brought, its size, and what its bytes come from."""

    path: str
    size: int
    opened: Callable[[], Any]  # gives a file, as a context

    def chunks(self) -> Iterator[bytes]:
        """Raises ArchiveRefused where the archive is damaged here."""
        try:
            with self.opened() as file:
                left = self.size  # what an archive says of a member's size is only its word
                while piece := file.read(PIECE):
                    left -= len(piece)
                    if left < 0:
                        break
                    yield piece
        except UNREADABLE as error:
            raise self._damaged from error
        if left:
            raise self._damaged

    @property
    def _damaged(self) -> ArchiveRefused:
        return ArchiveRefused(
            _("“%(path)s” in the archive is damaged. Pack it again.") % {"path": shown(self.path)}
        )


def is_archive(name: str) -> bool:
    return name.lower().endswith(ZIP_ENDINGS + TAR_ENDINGS)


def members_of(file: File, *, name: str, most: int) -> list[Member]:
    """The files in an archive, whose `name` says its kind, at most `most` bytes of them. Raises ArchiveRefused."""
    if not file.size:
        raise ArchiveRefused(_("The archive is empty."))
    is_tar = name.lower().endswith(TAR_ENDINGS)
    found = _in_tar(file, most) if is_tar else _in_zip(file, most)
    members = [member for member in found if not is_left_behind(member.path)]
    if not members:
        raise ArchiveRefused(_("There is no file in the archive."))
    check_twice([member.path for member in members])
    return members


def unpacked(files: Iterable[tuple[str, File]], *, most: int) -> list[tuple[str, Any]]:
    """`files` with what is in archives in place of them, at the archive's own place. Raises ArchiveRefused."""
    found: list[tuple[str, Any]] = []
    for path, file in files:
        if not is_archive(path):
            found.append((path, file))
            continue
        folder = path.rpartition("/")[0]
        members = members_of(file, name=path, most=most)
        most -= sum(member.size for member in members)
        found += [(f"{folder}/{member.path}" if folder else member.path, member) for member in members]
        if len(found) > MOST_TOGETHER:
            raise ArchiveRefused(
                _("The archives have more than %(most)s files together. Upload some of them at a time.")
                % {"most": f"{MOST_TOGETHER:,}"}
            )
    return found


# ---- Zip


class _ShortlyRead:
    """A zip's bytes. Where its end stands twice, zipfile may believe another one than `_check_end` has looked at."""

    def __init__(self, file: File) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > MOST_DIRECTORY:
            raise zipfile.BadZipFile("too long a table of contents")
        data: bytes = self._file.read(size)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _in_zip(file: File, most: int) -> list[Member]:
    _check_end(file)
    try:
        archive = zipfile.ZipFile(_ShortlyRead(file))
    except UNREADABLE as error:
        raise _broken() from error
    entries = archive.infolist()
    _check_count(len(entries))
    for entry in entries:
        _check_entry(entry)
    files = [entry for entry in entries if not entry.is_dir()]
    _check_growth(sum(entry.file_size for entry in files), packed=file.size or 0, most=most)
    return [
        Member(checked_path(entry.filename), entry.file_size, partial(archive.open, entry)) for entry in files
    ]


def _check_end(file: File) -> None:
    """How many entries a zip says it has is read from its end first: its contents may be too long to be read."""
    file.seek(max(0, (file.size or 0) - TAIL))
    tail = file.read()
    file.seek(0)
    begins_as_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise ArchiveRefused(
            _("The zip file is cut off: its end is missing. Upload it again.")
            if begins_as_zip
            else _("This is not a zip file. Choose one, or the files themselves.")
        )
    count, length = struct.unpack("<HL", tail[at + 10 : at + 16])
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if large >= 0 and len(tail) >= large + 48:
        # zipfile believes this record wherever it stands.
        many, long = struct.unpack("<QQ", tail[large + 32 : large + 48])
        count, length = max(count, many), max(length, long)
    _check_count(count)
    if length > MOST_DIRECTORY:
        raise ArchiveRefused(_("The zip file’s table of contents is too long. Pack fewer files."))


def _check_entry(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if stat.S_ISLNK(kind):
        raise _link(entry.filename)
    if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise _odd(entry.filename)
    if entry.flag_bits & 0x1:
        raise ArchiveRefused(_("The zip file is encrypted. Pack it without a password."))


# ---- Tar


class _Sober:
    """A tar's bytes, unpacked where it is zipped. tarfile reads headers of any length into memory; nothing in an
    honest one is read in pieces larger than ours."""

    def __init__(self, file: File) -> None:
        self.is_listed = False  # only its files are read from then on
        self._headers_left = MOST_DIRECTORY
        file.seek(0)
        is_zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        self._stream: Any = gzip.GzipFile(fileobj=file, mode="rb") if is_zipped else file

    def read(self, size: int) -> bytes:
        if not 0 <= size <= PIECE:
            raise tarfile.ReadError("too large a header")
        data: bytes = self._stream.read(size)
        if size > tarfile.BLOCKSIZE and not self.is_listed:
            self._check_header(data)
        return data

    def _check_header(self, data: bytes) -> None:
        """Before Python 3.11.10 tarfile looks for lengths in one for as long as the square of its digits takes
        (CVE-2024-6232)."""
        self._headers_left -= len(data)
        if self._headers_left < 0 or NO_LENGTH.search(data):
            raise tarfile.ReadError("no honest header")

    def seek(self, place: int) -> int:
        self._stream.seek(place)
        return place

    def tell(self) -> int:
        place: int = self._stream.tell()
        return place


def _in_tar(file: File, most: int) -> list[Member]:
    """The whole archive is read once to find what is in it, and no further than it may be long."""
    members: list[Member] = []
    unpacked_size, count = 0, 0
    with _reading():
        stream: Any = _Sober(file)
        archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - its members are read later
        for entry in archive:
            count += 1
            _check_count(count)
            if entry.issym() or entry.islnk():
                raise _link(entry.name)
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():
                raise _odd(entry.name)
            if entry.size < 0:
                raise _broken()
            unpacked_size += entry.size
            _check_growth(unpacked_size, packed=file.size or 0, most=most)
            members.append(Member(checked_path(entry.name), entry.size, partial(archive.extractfile, entry)))
        stream.is_listed = True
        stream.seek(archive.offset)
        end = stream.read(tarfile.BLOCKSIZE)
        if len(end) < tarfile.BLOCKSIZE or end.strip(b"\0"):
            raise _broken()  # tarfile takes a damaged header for the end
        stream.read(2 * tarfile.RECORDSIZE)  # gzip's own checksum stands behind what fills the last record
    return members


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise _broken() from error


# ---- What both are held against


def _broken() -> ArchiveRefused:
    return ArchiveRefused(_("The archive is damaged or cut off. Pack it again."))


def _link(path: str) -> ArchiveRefused:
    return ArchiveRefused(
        _("“%(path)s” in the archive is a link. Pack the files that it links to.") % {"path": shown(path)}
    )


def _odd(path: str) -> ArchiveRefused:
    return ArchiveRefused(
        _("“%(path)s” in the archive is neither a file nor a folder.") % {"path": shown(path)}
    )


def _check_count(count: int) -> None:
    if count > MOST_ENTRIES:
        raise ArchiveRefused(
            _("The archive has more than %(most)s entries. Pack fewer files.") % {"most": f"{MOST_ENTRIES:,}"}
        )


def _check_growth(unpacked_size: int, *, packed: int, most: int) -> None:
    if unpacked_size > most:
        raise ArchiveRefused(
            _("Unpacked, the archive has more than %(most)s, the most that is unpacked here.")
            % {"most": filesizeformat(most)}
        )
    if unpacked_size > BIGGEST_RATIO * packed:
        raise ArchiveRefused(
            _(
                "Unpacked, the archive would grow more than %(times)s times, to %(size)s. Hardly any data does; choose "
                "the files themselves if yours do."
            )
            % {"times": BIGGEST_RATIO, "size": filesizeformat(unpacked_size)}
        )


def checked_path(path: str) -> str:
    """The path with `/` between its parts. One that leads out of its folder is refused, never mended."""
    slashed = path.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    leaves = slashed.startswith("/") or re.match(r"^[A-Za-z]:", slashed) or ".." in parts or not parts
    if leaves or "\0" in path:
        raise ArchiveRefused(
            _("“%(path)s” leads out of its folder. Nothing was stored. Pack the folder itself.")
            % {"path": shown(path)}
        )
    return "/".join(parts)


def check_twice(paths: list[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise ArchiveRefused(_("Two files have the path “%(path)s”.") % {"path": shown(path)})
        seen.add(path)
    for path in paths:
        parts = path.split("/")
        if any("/".join(parts[:place]) in seen for place in range(1, len(parts))):
            raise ArchiveRefused(_("“%(path)s” lies in what is a file too.") % {"path": shown(path)})


def is_left_behind(path: str) -> bool:
    return path.startswith(LEFT_BEHIND) or path.rsplit("/", 1)[-1] == ".DS_Store"


def shown(path: str) -> str:
    plain = path.encode(errors="replace").decode()
    return plain if len(plain) <= 100 else f"{plain[:97]}…"
