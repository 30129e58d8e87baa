"""An MLflow model folder as people bring it: the files of a folder, or a zip of it. Everything about it is refused
here, before a file of it is stored."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import yaml
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from studio.actions.archives import (
    ArchiveRefused,
    Member,
    check_twice,
    checked_path,
    is_archive,
    is_left_behind,
    members_of,
    shown,
)
from studio.actions.model_files import DESCRIPTION, YAML

BIGGEST_DESCRIPTION = 5 << 20


class FolderRefused(ArchiveRefused):
    """This cannot be registered as a model: why, and what to bring instead."""


def members_of_folder(files: Sequence[tuple[str, UploadedFile]]) -> list[Member]:
    """`files` are pairs of a path, as the browser gives it, and the file."""
    if not files:
        raise FolderRefused(_("Choose the model’s folder."))
    found = [
        Member(checked_path(path), file.size or 0, partial(_from_its_start, file)) for path, file in files
    ]
    members = [member for member in found if not is_left_behind(member.path)]
    _check_size(sum(member.size for member in members))
    check_twice([member.path for member in members])
    return _model(members, _("folder"))


@contextmanager
def _from_its_start(file: UploadedFile) -> Iterator[UploadedFile]:
    file.seek(0)
    yield file


def members_of_archive(file: UploadedFile) -> list[Member]:
    """Raises ArchiveRefused."""
    return _model(members_of(file, name=file.name or "", most=settings.MODEL_MAX_BYTES), _("archive"))


def members_of_upload(files: Sequence[tuple[str, UploadedFile]]) -> list[Member]:
    """Of one archive, else of a folder."""
    [(path, file), *more] = files
    return members_of_folder(files) if more or not is_archive(path) else members_of_archive(file)


def _check_size(size: int) -> None:
    if size > settings.MODEL_MAX_BYTES:
        raise FolderRefused(
            _("The model has %(size)s; at most %(most)s can be uploaded. Register it from a notebook.")
            % {"size": filesizeformat(size), "most": filesizeformat(settings.MODEL_MAX_BYTES)}
        )


def _model(members: list[Member], thing: str) -> list[Member]:
    """Without the one folder that may be around the model; once it is sure that it is one."""
    if not members:
        raise FolderRefused(_("There is no file in the %(thing)s.") % {"thing": thing})
    paths = [member.path for member in members]
    tops = {path.partition("/")[0] for path in paths}
    if DESCRIPTION not in paths and len(tops) == 1:
        top = f"{tops.pop()}/"
        for member in members:
            member.path = member.path.removeprefix(top)
        paths = [member.path for member in members]
    if DESCRIPTION not in paths:
        _no_description(paths, thing)
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


def sizes(members: Iterable[Member]) -> int:
    return sum(member.size for member in members)
