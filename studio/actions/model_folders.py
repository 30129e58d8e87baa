"""An MLflow model folder as people bring it: the files of a folder, or a zip of it. Everything about it is refused
here, before a file of it is stored."""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import yaml
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from studio.actions.model_files import DESCRIPTION, YAML
from studio.errors import StudioError

MOST_ENTRIES = 10_000
MOST_DIRECTORY = 16 << 20  # bytes of a zip's table of contents, which is read as a whole
BIGGEST_RATIO = 100
BIGGEST_DESCRIPTION = 5 << 20
PIECE = 1 << 20
LEFT_BEHIND = ("__MACOSX/",)  # what macOS adds to a zip
TAIL = 65_557 + 76  # where a zip's end may lie: its record, the longest comment, the records of a large one
# What reading a damaged member raises; RuntimeError and NotImplementedError are zipfile's for how it is packed.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


class FolderRefused(StudioError):
    """This cannot be registered as a model: why, and what to bring instead."""


@dataclass
class Member:
    """One file of the model: its path inside of it, its size, and how it is opened."""

    path: str
    size: int
    source: Any

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.source, UploadedFile):
            yield from self.source.chunks(PIECE)
            return
        archive, entry = self.source
        try:
            with archive.open(entry) as file:
                yield from _no_longer_than(self.size, file)
        except UNREADABLE as error:
            raise FolderRefused(
                _("“%(path)s” in the zip file is damaged. Zip the folder again.") % {"path": shown(self.path)}
            ) from error


def members_of_folder(files: Sequence[tuple[str, UploadedFile]]) -> list[Member]:
    """`files` are pairs of a path, as the browser gives it, and the file."""
    if not files:
        raise FolderRefused(_("Choose the model’s folder."))
    found = [Member(_checked_path(path), file.size or 0, file) for path, file in files]
    return _model([member for member in found if not _is_left_behind(member.path)], _("folder"))


def members_of_zip(file: UploadedFile) -> list[Member]:
    if not file.size:
        raise FolderRefused(_("The zip file is empty."))
    _check_end(file)
    try:
        archive = zipfile.ZipFile(file)
    except (*UNREADABLE, struct.error) as error:
        raise FolderRefused(_("The zip file is damaged or cut off. Zip the folder again.")) from error
    entries = archive.infolist()
    _check_count(len(entries))
    for entry in entries:
        _check_entry(entry)
    files = [entry for entry in entries if not entry.is_dir()]
    _check_sizes(sum(entry.file_size for entry in files), file.size)
    found = [Member(_checked_path(entry.filename), entry.file_size, (archive, entry)) for entry in files]
    return _model([member for member in found if not _is_left_behind(member.path)], _("zip file"))


def _check_end(file: UploadedFile) -> None:
    """How many entries a zip says it has is read from its end first: its contents may be too long to be read."""
    file.seek(max(0, (file.size or 0) - TAIL))
    tail = file.read()
    file.seek(0)
    begins_as_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise FolderRefused(
            _("The zip file is cut off: its end is missing. Upload it again.")
            if begins_as_zip
            else _("This is not a zip file. Zip the model’s folder, or choose the folder itself.")
        )
    count, length = struct.unpack("<HL", tail[at + 10 : at + 16])
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if large >= 0 and len(tail) >= large + 48:
        # zipfile believes this record wherever it stands.
        many, long = struct.unpack("<QQ", tail[large + 32 : large + 48])
        count, length = max(count, many), max(length, long)
    _check_count(count)
    if length > MOST_DIRECTORY:
        raise FolderRefused(_("The zip file’s table of contents is too long. Zip the model’s folder alone."))


def _check_count(count: int) -> None:
    if count > MOST_ENTRIES:
        raise FolderRefused(
            _("The zip file has %(count)s entries; a model may have %(most)s. Zip the model’s folder alone.")
            % {"count": f"{count:,}", "most": f"{MOST_ENTRIES:,}"}
        )


def _check_entry(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    named = {"path": shown(entry.filename)}
    if stat.S_ISLNK(kind):
        raise FolderRefused(
            _("“%(path)s” in the zip file is a link. Zip the folder with the files that it links to.") % named
        )
    if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise FolderRefused(_("“%(path)s” in the zip file is neither a file nor a folder.") % named)
    if entry.flag_bits & 0x1:
        raise FolderRefused(_("The zip file is encrypted. Zip the folder without a password."))


def _check_sizes(unpacked: int, packed: int) -> None:
    _check_size(unpacked)
    if unpacked > BIGGEST_RATIO * packed:
        raise FolderRefused(
            _(
                "Unpacked, the zip file would grow more than %(times)s times, to %(size)s. That is no usual model; "
                "choose the folder itself if it is one."
            )
            % {"times": BIGGEST_RATIO, "size": filesizeformat(unpacked)}
        )


def _check_size(size: int) -> None:
    if size > settings.MODEL_MAX_BYTES:
        raise FolderRefused(
            _("The model has %(size)s; at most %(most)s can be uploaded. Register it from a notebook.")
            % {"size": filesizeformat(size), "most": filesizeformat(settings.MODEL_MAX_BYTES)}
        )


def _checked_path(path: str) -> str:
    """The path with `/` between its parts. One that leads out of its folder is refused, never mended."""
    slashed = path.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if slashed.startswith("/") or re.match(r"^[A-Za-z]:", slashed) or ".." in parts or not parts:
        raise FolderRefused(
            _("“%(path)s” leads out of the model’s folder. Nothing was stored. Zip the folder itself.")
            % {"path": shown(path)}
        )
    return "/".join(parts)


def _is_left_behind(path: str) -> bool:
    return path.startswith(LEFT_BEHIND) or path.rsplit("/", 1)[-1] == ".DS_Store"


def _model(members: list[Member], thing: str) -> list[Member]:
    """Without the one folder that may be around the model; once it is sure that it is one."""
    if not members:
        raise FolderRefused(_("There is no file in the %(thing)s.") % {"thing": thing})
    _check_size(sum(member.size for member in members))
    paths = [member.path for member in members]
    tops = {path.partition("/")[0] for path in paths}
    if DESCRIPTION not in paths and len(tops) == 1:
        top = f"{tops.pop()}/"
        for member in members:
            member.path = member.path.removeprefix(top)
        paths = [member.path for member in members]
    if DESCRIPTION not in paths:
        _no_description(paths, thing)
    _check_twice(paths)
    _check_description(next(member for member in members if member.path == DESCRIPTION))
    return members


def _no_description(paths: list[str], thing: str) -> None:
    deeper = next((path for path in sorted(paths) if path.endswith(f"/{DESCRIPTION}")), "")
    if deeper:
        raise FolderRefused(
            _("The MLmodel file lies in “%(folder)s”. Choose that folder: the model’s own.")
            % {"folder": shown(deeper.rpartition("/")[0])}
        )
    raise FolderRefused(
        _(
            "There is no MLmodel file in the %(thing)s, so it is no MLflow model. Choose the folder that "
            "mlflow.<flavor>.save_model has written."
        )
        % {"thing": thing}
    )


def _check_twice(paths: list[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise FolderRefused(_("Two files have the path “%(path)s”.") % {"path": shown(path)})
        seen.add(path)
    for path in paths:
        parts = path.split("/")
        if any("/".join(parts[:place]) in seen for place in range(1, len(parts))):
            raise FolderRefused(_("“%(path)s” lies in what is a file too.") % {"path": shown(path)})


def _check_description(member: Member) -> None:
    if member.size > BIGGEST_DESCRIPTION:
        raise FolderRefused(
            _("The MLmodel file is larger than %(most)s.") % {"most": filesizeformat(BIGGEST_DESCRIPTION)}
        )
    try:
        described = yaml.load(b"".join(member.chunks()), Loader=YAML)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FolderRefused(_("The MLmodel file cannot be read: it is not YAML.")) from error
    if not isinstance(described, dict) or not isinstance(described.get("flavors"), dict):
        raise FolderRefused(_("The MLmodel file names no flavors, so nothing could load the model."))


def _no_longer_than(size: int, file: BinaryIO | Any) -> Iterator[bytes]:
    """What a zip says of a member's size is only its word."""
    left = size
    while piece := file.read(PIECE):
        left -= len(piece)
        if left < 0:
            raise zipfile.BadZipFile
        yield piece


def shown(path: str) -> str:
    return path if len(path) <= 100 else f"{path[:97]}…"


def sizes(members: Iterable[Member]) -> int:
    return sum(member.size for member in members)
