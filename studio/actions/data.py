"""Data assets: what people register as input."""

import re
import uuid
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from scoring.plan import is_hidden
from studio.actions import events
from studio.actions.datastores import default_datastore
from studio.errors import ChangedMeanwhile, FieldErrors, NotFound
from studio.models import DataAsset, DataAssetVersion, Datastore, Event
from studio.permissions import (
    check_can_create_data_asset,
    check_can_delete_data_asset,
    check_can_edit_data_asset,
)
from studio.stores import PathRefused, open_store, reason, tidy


def upload_data_asset(
    *, user: User, name: str, description: str, type: str, files: Iterable[tuple[str, UploadedFile]]
) -> DataAssetVersion:
    """Store uploaded files and register them as the next version of `name`.

    `files` are pairs of a path inside the asset and the file. Raises FieldErrors; nothing is registered then, and
    what was stored is removed.
    """
    check_can_create_data_asset(user)
    named = [(safe_name(path), file) for path, file in files]
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
            sizes={path: item.size for (path, _file), item in zip(named, stored, strict=True)},
        )
    except PathRefused as refusal:
        store.delete_folder(folder)
        raise FieldErrors({"files": str(refusal)}) from refusal
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
    is_file = store.stat(path) is not None
    if type == DataAsset.Type.FILE and not is_file:
        raise FieldErrors(
            {"path": _("This is a folder. Choose the type “Folder”, or give the path of a file.")}
        )
    if type == DataAsset.Type.FOLDER and is_file:
        raise FieldErrors(
            {"path": _("This is a file. Choose the type “File”, or give the path of a folder.")}
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
