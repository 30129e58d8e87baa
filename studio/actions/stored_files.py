"""What lies in a datastore, looked at and added to by hand."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from django.contrib.auth.models import User
from django.core.files import File
from django.utils.translation import gettext as _

from scoring.errors import InputError
from scoring.plan import InputFile, file_kind
from studio.actions import events
from studio.actions.archives import ArchiveRefused
from studio.actions.data import to_store
from studio.actions.inputs import FirstRows, first_rows_of
from studio.actions.storing import storing
from studio.errors import FieldErrors, NotFound, StudioError
from studio.models import Datastore
from studio.permissions import check_can_write_to_datastore
from studio.stores import AlreadyThere, PathRefused, Store, StoredObject, open_store, reason, tidy

TEXT_SHOWN = 64 << 10
NAMES_SHOWN = 3


class FilesExist(StudioError):
    """An upload would replace files, and nobody has said that it may."""


@dataclass(frozen=True)
class ObjectPreview:
    file: StoredObject
    rows: FirstRows = field(default_factory=FirstRows)
    text: str | None = None
    is_cut: bool = False  # `text` is only the start
    is_image: bool = False
    problem: str = ""


def preview_object(*, datastore: Datastore, path: str) -> ObjectPreview:
    """First rows of a table, else the start as text. Raises NotFound where there is no file."""
    file = find_object(datastore=datastore, path=path)
    try:
        kind = file_kind(file.name)
    except InputError:
        return _text(datastore, file)
    if kind == "image":
        return ObjectPreview(file=file, is_image=True)
    listed = InputFile(path=file.name, size=file.size, etag=file.etag)
    rows = first_rows_of(datastore=datastore, root=file.path, file=listed)
    return ObjectPreview(file=file, rows=rows, problem=rows.problem)


def _text(datastore: Datastore, file: StoredObject) -> ObjectPreview:
    try:
        with open_store(datastore).open(file.path) as stream:
            start = stream.read(TEXT_SHOWN + 1)
    except OSError as error:
        cannot = _("The file cannot be read: %(reason)s.") % {"reason": reason(error)}
        return ObjectPreview(file=file, problem=cannot)
    if b"\0" in start:
        binary = _("This is neither a table nor text, so it is not shown here. Download it to look at it.")
        return ObjectPreview(file=file, problem=binary)
    text = start[:TEXT_SHOWN].decode(errors="replace")
    return ObjectPreview(file=file, text=text, is_cut=len(start) > TEXT_SHOWN)


def find_object(*, datastore: Datastore, path: str) -> StoredObject:
    """Raises NotFound where no file is, or it cannot be reached."""
    try:
        file = open_store(datastore).stat(path)
    except OSError as error:
        raise NotFound(
            _("The file “%(path)s” cannot be read: %(reason)s.") % {"path": path, "reason": reason(error)}
        ) from error
    if file is None:
        raise NotFound(
            _("There is no file “%(path)s” in the datastore %(name)s; it may have been moved or deleted.")
            % {"path": path, "name": datastore.name}
        )
    return file


def open_object(*, datastore: Datastore, path: str) -> BinaryIO:
    """Raises NotFound."""
    file = find_object(datastore=datastore, path=path)
    try:
        return open_store(datastore).open(file.path)
    except OSError as error:
        raise NotFound(
            _("The file “%(path)s” cannot be read: %(reason)s.") % {"path": path, "reason": reason(error)}
        ) from error


def upload_files(
    *,
    user: User,
    datastore: Datastore,
    folder: str,
    files: Iterable[tuple[str, File]],
    replace: bool,
    unpack: bool = False,
) -> list[str]:
    """Put files into a folder, all of them or none; their paths there. With `unpack` archives give what is in them.

    Raises FilesExist unless it may `replace` what has the same name, FieldErrors.
    """
    check_can_write_to_datastore(user, datastore)
    store, home = open_store(datastore), tidy(folder)
    placed = [(_inside(home, path), file) for path, file in to_store(files, unpack=unpack)]
    named = dict(placed)
    if len(named) < len(placed):
        raise FieldErrors({"files": _("Two of the files have the same name. Rename one.")})
    staging = _inside(home, f".upload-{uuid.uuid4().hex}")
    try:
        store.check(folder)
        _check_places(store, list(named), replace)
        with storing(datastore=datastore, folder=staging):
            for number, file in enumerate(named.values()):
                store.write(f"{staging}/{number}", file.chunks())
            _put_in_place(store, staging, list(named), replace)
    except AlreadyThere as taken:
        raise FilesExist(str(taken)) from taken
    except (PathRefused, ArchiveRefused) as refusal:
        raise FieldErrors({"files": str(refusal)}) from refusal
    except OSError as error:
        cannot = _("The files cannot be stored: %(reason)s.") % {"reason": reason(error)}
        raise FieldErrors({"files": cannot}) from error
    events.record(
        actor=user, action="datastore.upload", subject=datastore.name, folder=home, files=list(named)[:100]
    )
    return list(named)


def _put_in_place(store: Store, staging: str, paths: list[str], replace: bool) -> None:
    """One after the other, since no storage moves several at once. Where one fails, those before it are taken back.

    Raises what store.move() does, and FieldErrors where some cannot be taken back: others lay there before.
    """
    placed: list[str] = []
    try:
        for number, path in enumerate(paths):
            placed.append(path)  # a move that fails may have been done
            store.move(f"{staging}/{number}", path, replace=replace)
    except (OSError, StudioError) as error:
        if isinstance(error, AlreadyThere):
            placed.pop()
        left = placed if replace else [path for path in placed if not _taken_back(store, path)]
        if not left:
            raise
        said = reason(error) if isinstance(error, OSError) else str(error)
        raise FieldErrors({"files": _cut_short(left, len(paths), said)}) from error


def _taken_back(store: Store, path: str) -> bool:
    try:
        store.delete(path)
    except (OSError, StudioError):
        return False
    return True


def _cut_short(left: list[str], count: int, said: str) -> str:
    return _(
        "Storing the files broke off: %(reason)s. Of %(count)s files these may have been stored: %(names)s. Upload "
        "them again."
    ) % {"reason": said.rstrip("."), "count": count, "names": _names(left)}


def _names(paths: list[str]) -> str:
    names = [path.rsplit("/", 1)[-1] for path in paths]
    return ", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "")


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _check_places(store: Store, paths: list[str], replace: bool) -> None:
    if any(store.is_folder(path) for path in paths):
        raise FieldErrors({"files": _("One of the files has the name of a folder that is there. Rename it.")})
    taken = [path for path in paths if store.stat(path)]
    if taken and not replace:
        raise FilesExist(
            _("There already: %(names)s. Choose to replace them, or rename your files.")
            % {"names": _names(taken)}
        )


def make_folder(*, user: User, datastore: Datastore, folder: str, name: str) -> str:
    """Raises FieldErrors. Gives the new folder's path."""
    check_can_write_to_datastore(user, datastore)
    store, path = open_store(datastore), _inside(tidy(folder), name)
    try:
        store.check(folder)
        store.make_folder(path)
    except AlreadyThere as taken:
        there = _("There is something called “%(name)s” already. Choose another name.") % {"name": name}
        raise FieldErrors({"name": there}) from taken
    except PathRefused as refusal:
        raise FieldErrors({"name": str(refusal)}) from refusal
    except OSError as error:
        cannot = _("The folder cannot be made: %(reason)s.") % {"reason": reason(error)}
        raise FieldErrors({"name": cannot}) from error
    events.record(actor=user, action="datastore.make_folder", subject=datastore.name, folder=path)
    return path
