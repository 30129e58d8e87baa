"""Files on their way from a browser, in pieces. What has arrived stays, and an upload goes on where it broke off."""

import fcntl
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files import File
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from studio.errors import FieldErrors, NotFound, StudioError
from studio.roles import Person, check_may_run
from studio.stores import reason

PIECE = 1 << 20  # bytes that are held in memory
KEPT = 7 * 24 * 3600  # seconds after the last piece
RESERVE = 1 << 30  # bytes of the disk that uploads leave free: the database may lie on it, too
KEY = re.compile(r"[0-9a-f]{32}-(\d{1,15})")  # of which file, and its bytes


class OutOfStep(StudioError):
    """A piece that does not follow what has arrived."""


class Arriving(NamedTuple):
    key: str  # the same one for the same file of the same person
    arrived: int  # bytes


class OneOpen:
    """Of the files of a form, which may bring thousands, the one that is read; each goes on where it was left."""

    def __init__(self) -> None:
        self._open: dict[Path, IO[bytes]] = {}
        self._left: dict[Path, int] = {}

    def file(self, place: Path) -> IO[bytes]:
        if place not in self._open:
            self.close()
            self._open[place] = place.open("rb")
            self._open[place].seek(self._left.get(place, 0))
        return self._open[place]

    def close(self) -> None:
        for place, file in self._open.items():
            self._left[place] = file.tell()
            file.close()
        self._open.clear()


class ArrivedFile(File):
    def __init__(self, place: Path, among: OneOpen) -> None:
        self.place, self.name, self.mode = place, place.name, "rb"
        self._among = among

    @property
    def file(self) -> IO[bytes]:  # type: ignore[override]
        return self._among.file(self.place)

    @property
    def size(self) -> int:
        return self.place.stat().st_size

    def close(self) -> None:
        self._among.close()

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        with self.place.open("rb") as file:
            while piece := file.read(chunk_size or PIECE):
                yield piece


def begin_upload(*, user: User, name: str, size: int, modified: int, sample: bytes) -> Arriving:
    """How much of a file has arrived already: choosing the same one again goes on with it.

    It is the same one where its name, its size, the time of its last change and a `sample` of its bytes are. Raises
    StudioError where the disk has no room for what is missing.
    """
    check_may_run(user)
    said = f"{name}\0{size}\0{modified}\0".encode(errors="surrogatepass") + sample
    key = f"{hashlib.sha256(said).hexdigest()[:32]}-{size}"
    place = _folder(user) / key
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        arrived = place.stat().st_size
    except OSError as error:
        raise _cannot_keep(error) from error
    _check_room(place.parent, size - arrived)
    return Arriving(key, arrived)


def check_may_send(*, user: Person, size: int) -> None:
    """Before a form that brings so many bytes touches the disk. Raises StudioError."""
    check_may_run(user)
    _check_room(settings.FILE_UPLOAD_TEMP_DIR, size)


def _check_room(folder: Path, size: int) -> None:
    free = max(0, shutil.disk_usage(folder).free - RESERVE)
    if size > free:
        raise StudioError(
            _(
                "The studio’s disk has %(free)s left for uploads, less than this file. Put it where a datastore lies "
                "instead."
            )
            % {"free": filesizeformat(free)}
        )


def add_piece(*, user: User, key: str, start: int, read: Callable[[int], bytes]) -> Arriving:
    """Add what `read` gives behind the first `start` bytes. Where it breaks off, what came before it stays.

    Raises NotFound, OutOfStep, StudioError.
    """
    check_may_run(user)
    place, size = _place(user, key)
    if place.parent.is_dir():
        _check_room(place.parent, size - start)  # again: others fill the disk, too
    try:
        with place.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if file.seek(0, 2) != start:
                raise _out_of_step()
            while piece := read(PIECE):
                if file.tell() + len(piece) > size:
                    raise StudioError(_("More bytes came than the file has. Choose it again."))
                _write(file, piece)
            return Arriving(key, file.tell())
    except FileNotFoundError as error:
        raise _not_begun() from error
    except BlockingIOError as error:  # the request that broke off has not ended yet, or another tab is at it
        raise _out_of_step() from error
    except OSError as error:
        raise _cannot_keep(error) from error


def _cannot_keep(error: OSError) -> StudioError:
    full = _("The studio cannot keep the file: %(reason)s. What has arrived stays.")
    return StudioError(full % {"reason": reason(error)})


def _write(file: Any, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def arrived_files(*, user: User, keys: Sequence[str]) -> list[File]:
    """Raises FieldErrors where one has not arrived whole."""
    found: list[File] = []
    among = OneOpen()
    for key in keys:
        with suppress(NotFound, FileNotFoundError):
            place, size = _place(user, key)
            if place.stat().st_size == size:
                found.append(ArrivedFile(place, among))
    if len(found) < len(keys):
        missing = _("Not all files have arrived. Choose them again: what is here is not sent again.")
        raise FieldErrors({"files": missing})
    return found


def forget_uploads(*, user: User, keys: Sequence[str]) -> None:
    for key in keys:
        with suppress(NotFound):
            _place(user, key)[0].unlink(missing_ok=True)


def forget_left_uploads() -> None:
    """Files that nobody has gone on with, and those of forms whose process was killed."""
    top = settings.FILE_UPLOAD_TEMP_DIR
    for left in (*top.glob("*.upload*"), *_arriving().glob("*/*")):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - KEPT:
                left.unlink()


def _arriving() -> Path:
    folder: Path = settings.FILE_UPLOAD_TEMP_DIR / "arriving"
    return folder


def _folder(user: User) -> Path:
    """Nobody goes on with what another person sends."""
    return _arriving() / str(user.pk)


def _place(user: User, key: str) -> tuple[Path, int]:
    """And the bytes of the whole file."""
    found = KEY.fullmatch(key)
    if not found:
        raise _not_begun()
    return _folder(user) / key, int(found[1])


def _not_begun() -> NotFound:
    return NotFound(_("This upload was not begun, or was left for a week. Choose the file again."))


def _out_of_step() -> OutOfStep:
    return OutOfStep(_("This piece of the file does not follow what has arrived."))
