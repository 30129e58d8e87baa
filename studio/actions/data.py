"""Datastores and data assets: what people register as input."""

import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from studio.actions import events
from studio.errors import FieldErrors
from studio.models import DataAsset, DataAssetVersion, Datastore
from studio.permissions import check_can_create_data_asset
from studio.stores import PathRefused, open_store, reason, tidy


def default_datastore() -> Datastore:
    return Datastore.objects.get(is_default=True)


def set_up_default_datastore(*, root: Path) -> Datastore:
    """The datastore of a fresh studio: a folder under STUDIO_HOME, with Azure's name for it."""
    root.mkdir(parents=True, exist_ok=True)
    store, _made = Datastore.objects.get_or_create(
        name="workspaceblobstore", defaults={"options": {"root": str(root)}, "is_default": True}
    )
    return store


def upload_data_asset(
    *, user: User, name: str, description: str, type: str, files: Iterable[tuple[str, UploadedFile]]
) -> DataAssetVersion:
    """Store uploaded files and register them as the next version of `name`.

    `files` are pairs of a path inside the asset and the file. Raises FieldErrors; nothing is registered then, and
    what was stored is removed.
    """
    check_can_create_data_asset(user)
    named = [(_safe_name(path), file) for path, file in files]
    _check_upload(name=name, type=type, paths=[path for path, _file in named])
    datastore = default_datastore()
    store, folder = open_store(datastore), f"uploads/{uuid.uuid4()}"
    try:
        stored = [store.write(f"{folder}/{path}", file.chunks()) for path, file in named]
        return _register(
            user=user,
            name=name,
            description=description,
            type=type,
            datastore=datastore,
            path=stored[0].path if type == DataAsset.Type.FILE else folder,
            size=sum(item.size for item in stored),
            files=len(stored),
        )
    except OSError as error:
        store.delete_folder(folder)
        full = _("The files cannot be stored: %(reason)s. Nothing was registered.") % {
            "reason": reason(error)
        }
        raise FieldErrors({"files": full}) from error
    except BaseException:
        store.delete_folder(folder)
        raise


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
    if type == DataAsset.Type.FILE and store.stat(path) is None:
        raise FieldErrors(
            {"path": _("This is a folder. Choose the type “Folder”, or give the path of a file.")}
        )
    return _register(
        user=user,
        name=name,
        description=description,
        type=type,
        datastore=datastore,
        path=tidy(path),
        size=sum(item.size for item in found),
        files=len(found),
    )


def _safe_name(path: str) -> str:
    """An uploaded name is data, not a path: folders are kept, what would leave the asset's folder is not."""
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..")]
    return "/".join(part.replace("\0", "") for part in parts)


def _check_upload(*, name: str, type: str, paths: list[str]) -> None:
    errors = {}
    if not paths or not all(paths):
        errors["files"] = _("Choose at least one file.")
    elif type == DataAsset.Type.FILE and len(paths) > 1:
        errors["files"] = _("The type “File” takes one file. Choose the type “Folder” for several.")
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
    size: int,
    files: int,
) -> DataAssetVersion:
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
        if description and description != asset.description:
            DataAsset.objects.filter(pk=asset.pk).update(description=description)
        last = asset.versions.order_by("-version").first()
        try:
            version = asset.versions.create(
                version=(last.version if last else 0) + 1,
                datastore=datastore,
                path=path,
                size=size,
                files=files,
                created_by=user,
            )
        except IntegrityError as error:
            raise FieldErrors({"name": _("Somebody registered this name just now. Try again.")}) from error
        events.record(actor=user, action="data.register", subject=str(version))
    return version
