"""Data assets: what people register as input."""

import re
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.plan import is_hidden
from studio.actions import events
from studio.actions.addresses import find_address, keep_address, nothing_at
from studio.actions.archives import ArchiveRefused, unpacked
from studio.actions.datastores import default_datastore
from studio.actions.storing import storing
from studio.errors import ChangedMeanwhile, FieldErrors, NotAllowed, NotFound
from studio.models import DataAsset, DataAssetVersion, Datastore, Event
from studio.permissions import (
    check_can_add_data_version,
    check_can_archive_data_asset,
    check_can_create_data_asset,
    check_can_delete_data_asset,
    check_can_edit_data_asset,
)
from studio.stores import PathRefused, StoreAway, open_store, reason, tidy
from studio.stores.public import AddressRefused


def upload_data_asset(
    *,
    user: User,
    name: str,
    description: str,
    type: str,
    files: Iterable[tuple[str, File]],
    unpack: bool = False,
) -> DataAssetVersion:
    """Store uploaded files and register them as the next version of `name`.

    `files` are pairs of a path inside the asset and the file; with `unpack` archives among them give what is in
    them. Raises FieldErrors; nothing is registered then, and what was stored is removed.
    """
    check_can_create_data_asset(user)
    named = to_store(files, unpack=unpack)
    _check_upload(name=name, type=type, paths=[path for path, _file in named])
    datastore, folder = default_datastore(), f"uploads/{uuid.uuid4()}"
    try:
        with storing(datastore=datastore, folder=folder) as place:
            stored = [place.store.write(f"{folder}/{path}", file.chunks()) for path, file in named]
            with transaction.atomic():
                place.keep()
                return _register(
                    user=user,
                    name=name,
                    description=description,
                    type=type,
                    datastore=datastore,
                    path=stored[0].path if type == DataAsset.Type.FILE else folder,
                    sizes={path: item.size for (path, _file), item in zip(named, stored, strict=True)},
                )
    except (PathRefused, ArchiveRefused) as refusal:
        raise FieldErrors({"files": str(refusal)}) from refusal
    except OSError as error:
        full = _("The files cannot be stored: %(reason)s. Nothing was registered.") % {
            "reason": reason(error)
        }
        raise FieldErrors({"files": full}) from error


def to_store(files: Iterable[tuple[str, File]], *, unpack: bool) -> list[tuple[str, Any]]:
    """Pairs of a safe path and what has chunks(): a file, or one in an archive. Raises FieldErrors."""
    named = [(safe_name(path), file) for path, file in files]
    if not unpack:
        return named
    try:
        return unpacked(named, most=settings.UNPACKED_MAX_BYTES)
    except ArchiveRefused as refusal:
        raise FieldErrors({"files": str(refusal)}) from refusal
    except OSError as error:  # another tab has stored, and so forgotten, the same file
        unread = _("The files cannot be read: %(reason)s. Choose them again.") % {"reason": reason(error)}
        raise FieldErrors({"files": unread}) from error


def register_data_asset(
    *, user: User, name: str, description: str, type: str, datastore: Datastore, path: str
) -> DataAssetVersion:
    """Register what lies in a datastore as the next version of `name`. Raises FieldErrors."""
    check_can_create_data_asset(user)
    store = open_store(datastore)
    try:
        found = list(store.list(path))
    except PathRefused as refusal:
        raise FieldErrors({"path": str(refusal)}) from refusal
    except OSError as error:
        raise FieldErrors(
            {"path": _("This cannot be read: %(reason)s.") % {"reason": reason(error)}}
        ) from error
    if not found:
        raise FieldErrors({"path": _("There is no file at “%(path)s” in this datastore.") % {"path": path}})
    is_file = store.stat(path) is not None
    if type == DataAsset.Type.FILE and not is_file:
        raise FieldErrors(
            {
                "path": _(
                    "This is a folder. Choose the type “Folder” (uri_folder), or give the path of a file."
                )
            }
        )
    if type == DataAsset.Type.FOLDER and is_file:
        raise FieldErrors(
            {"path": _("This is a file. Choose the type “File” (uri_file), or give the path of a folder.")}
        )
    return _register(
        user=user,
        name=name,
        description=description,
        type=type,
        datastore=datastore,
        path=tidy(path),
        sizes={item.path.removeprefix(tidy(path)).lstrip("/") or item.name: item.size for item in found},
    )


def register_address(*, user: User, name: str, description: str, type: str, address: str) -> DataAssetVersion:
    """Register the file at a public https address as the next version of `name`, once it was tried.

    Raises FieldErrors.
    """
    check_can_create_data_asset(user)
    if type == DataAsset.Type.FOLDER:
        raise FieldErrors({"type": _("An address gives one file. Choose the type “File” (uri_file).")})
    try:
        found = find_address(address).datastore
        stored = open_store(found).stat(found.options["file"])
    except (AddressRefused, StoreAway) as refusal:
        raise FieldErrors({"address": str(refusal)}) from refusal
    except OSError as error:
        cannot = _("This cannot be read: %(reason)s.") % {"reason": reason(error)}
        raise FieldErrors({"address": cannot}) from error
    if stored is None:
        raise FieldErrors({"address": str(nothing_at(found.location))})
    with transaction.atomic():
        return _register(
            user=user,
            name=name,
            description=description,
            type=type,
            datastore=keep_address(user=user, found=found),
            path=stored.path,
            sizes={stored.path: stored.size},
        )


def edit_data_asset(
    *, user: User, asset: DataAsset, revision: int, description: str, tags: dict[str, str]
) -> None:
    """What may change about an asset: its versions never do. Raises ChangedMeanwhile."""
    check_can_edit_data_asset(user, asset)
    values = {"description": description, "tags": tags}
    changed = {name: value for name, value in values.items() if getattr(asset, name) != value}
    with transaction.atomic():
        same = DataAsset.objects.filter(pk=asset.pk, revision=revision)
        if not same.update(revision=F("revision") + 1, **values):
            raise ChangedMeanwhile(_meanwhile(asset))
        before = {name: getattr(asset, name) for name in changed}
        events.record(actor=user, action="data.edit", subject=asset.name, before=before, after=changed)


def archive_data_asset(*, user: User, asset: DataAsset) -> None:
    """Lists and wizards leave it out; its page, its versions and the jobs that read it stay as they are."""
    check_can_archive_data_asset(user, asset)
    _archive(user, asset, "data.archive", Now())


def restore_data_asset(*, user: User, asset: DataAsset) -> None:
    check_can_archive_data_asset(user, asset)
    _archive(user, asset, "data.restore", None)


@transaction.atomic
def _archive(user: User, asset: DataAsset, action: str, at: Now | None) -> None:
    others = DataAsset.objects.filter(pk=asset.pk, archived_at__isnull=at is not None)
    if others.update(archived_at=at):
        events.record(actor=user, action=action, subject=asset.name)


def delete_data_asset(*, user: User, asset: DataAsset) -> None:
    """The studio forgets it with all its versions; their files stay. Raises NotAllowed while a job reads it."""
    with transaction.atomic():
        # A job that is just being submitted holds its version until it is stored.
        held = list(asset.versions.select_for_update().order_by("pk"))
        check_can_delete_data_asset(user, asset)
        places = [f"{one.version}: {one.location}" for one in held]
        if not DataAsset.objects.filter(pk=asset.pk).delete()[0]:
            raise NotFound(
                _("There is no data asset “%(name)s”; it may have been deleted.") % {"name": asset.name}
            )
        events.record(actor=user, action="data.delete", subject=asset.name, versions=places)


def _meanwhile(asset: DataAsset) -> str:
    last = Event.objects.filter(action="data.edit", subject=asset.name).order_by("-pk").first()
    who = last.actor.get_username() if last and last.actor else _("Somebody else")
    return _("%(who)s changed %(asset)s meanwhile.") % {"who": who, "asset": asset.name}


def safe_name(path: str) -> str:
    """An uploaded name is data, not a path: folders are kept, what would leave the asset's folder is not."""
    printable = path.replace("\0", "").encode(errors="replace").decode()
    return "/".join(part for part in re.split(r"[/\\]", printable) if part not in ("", ".", ".."))


def _check_upload(*, name: str, type: str, paths: list[str]) -> None:
    errors = {}
    if not paths or not all(paths):
        errors["files"] = _("Choose at least one file.")
    elif type == DataAsset.Type.FILE and len(paths) > 1:
        errors["files"] = _(
            "The type “File” takes one file. Choose the type “Folder” (uri_folder) for several."
        )
    elif len(set(paths)) < len(paths):
        errors["files"] = _("Two of the files have the same name. Rename one.")
    existing = DataAsset.objects.filter(name=name).first()
    if existing and existing.type != type:
        errors["name"] = _("“%(name)s” exists and is of the other type. Choose another name or type.") % {
            "name": name
        }
    if errors:
        raise FieldErrors(errors)


def _register(
    *,
    user: User,
    name: str,
    description: str,
    type: str,
    datastore: Datastore,
    path: str,
    sizes: dict[str, int],
) -> DataAssetVersion:
    """`sizes` are the bytes of each file by its path in the asset; those that jobs leave out do not count."""
    counted = [size for inside, size in sizes.items() if not is_hidden(inside)]
    if not counted:
        hidden = _("Every file’s name starts with “.” or “_”, and jobs leave those out.")
        raise FieldErrors({"files": hidden, "path": hidden})
    with transaction.atomic():
        asset, _made = DataAsset.objects.get_or_create(
            name=name, defaults={"description": description, "type": type, "created_by": user}
        )
        if asset.type != type:
            raise FieldErrors(
                {
                    "name": _("“%(name)s” exists and is of the other type. Choose another name.")
                    % {"name": name}
                }
            )
        asset = DataAsset.objects.select_for_update().get(pk=asset.pk)
        try:
            check_can_add_data_version(user, asset)
        except NotAllowed as refusal:
            raise FieldErrors({"name": str(refusal)}) from refusal
        if description and description != asset.description:
            DataAsset.objects.filter(pk=asset.pk).update(description=description, revision=F("revision") + 1)
        last = asset.versions.order_by("-version").first()
        try:
            version = asset.versions.create(
                version=(last.version if last else 0) + 1,
                datastore=datastore,
                path=path,
                size=sum(counted),
                files=len(counted),
                created_by=user,
            )
        except IntegrityError as error:
            raise FieldErrors({"name": _("Somebody registered this name just now. Try again.")}) from error
        events.record(actor=user, action="data.register", subject=str(version))
    return version
