"""Datastores: registered storage, on a disk that the studio shares with its nodes or in an object store."""

import uuid
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from studio.actions import events
from studio.errors import FieldErrors, NotAllowed, NotFound, StudioError
from studio.models import Datastore
from studio.permissions import (
    check_can_create_datastore,
    check_can_set_default_datastore,
    check_can_unregister_datastore,
    check_can_update_credentials,
    check_can_write_to_datastore,
)
from studio.sealing import resealed, seal
from studio.stores import PathRefused, Store, open_store, reason, store_of

SYSTEM_FOLDERS = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
)
PROBE = b"Scoring Studio tests its access to this datastore.\n"


def default_datastore() -> Datastore:
    return Datastore.objects.default()


def set_up_default_datastore(*, root: Path) -> Datastore:
    """The datastore of a fresh studio: a folder under STUDIO_HOME, with Azure's name for it.

    A studio that has a default datastore keeps it, also when that first one was unregistered.
    """
    existing = Datastore.objects.filter(is_default=True).first()
    if existing:
        return existing
    root.mkdir(parents=True, exist_ok=True)
    return Datastore.objects.create(name="workspaceblobstore", options={"root": str(root)}, is_default=True)


# ---- Create


def create_datastore(
    *,
    user: User,
    name: str,
    description: str,
    kind: str,
    options: dict[str, Any],
    secrets: dict[str, str] | None = None,
) -> Datastore:
    """Register a place once the studio has tried it; `options` and `secrets` are what the kind's store takes.

    A local folder is made where only its last part is missing. Raises FieldErrors, of `name` or the `place`.
    """
    check_can_create_datastore(user)
    is_local, made = kind == Datastore.Kind.LOCAL, False
    if is_local:
        root = checked_root(options["root"])
        made, options = _made(root), {"root": str(root)}
    try:
        options = _check_usable(kind, options, secrets or {})
        with transaction.atomic():
            # Two new places are held against each other one after the other.
            Datastore.objects.select_for_update().filter(is_default=True).first()
            new = Datastore(
                name=name,
                kind=kind,
                description=description,
                options=options,
                secrets=seal(secrets or {}),
                created_by=user,
            )
            _check_apart(new)
            new.save(force_insert=True)
            events.record(actor=user, action="datastore.create", subject=name, folder=new.location)
    except IntegrityError as error:
        _unmake(options, made)
        taken = _("There is a datastore “%(name)s” already. Choose another name.") % {"name": name}
        raise FieldErrors({"name": taken}) from error
    except StudioError:
        _unmake(options, made)
        raise
    return new


def checked_root(folder: str) -> Path:
    """The folder, links followed, where a datastore may lie. Raises FieldErrors."""
    if not folder.startswith("/") or "\0" in folder:
        raise _refused(_("Give the whole path of a folder on this machine, such as “/data/visits”."))
    try:
        root = Path(folder).resolve()
        exists, parent_exists = root.is_dir(), root.parent.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise _refused(_("There can be no folder of this name.")) from error
    _check_foreign(root)
    if not exists and root.exists():
        raise _refused(_("This is a file. Give the path of a folder."))
    if not exists and not parent_exists:
        raise _refused(
            _("There is no folder “%(parent)s” on this machine, so “%(name)s” cannot be made in it.")
            % {"parent": root.parent, "name": root.name}
        )
    return root


def _check_foreign(root: Path) -> None:
    """What belongs to the system, to the studio or to programs is no place for data that people can change."""
    own = Path(settings.STUDIO_HOME).resolve()
    if root.is_relative_to(own / "datastore") or root.is_relative_to(own / "datastores"):
        return
    if any(root.is_relative_to(system) for system in SYSTEM_FOLDERS) or len(root.parts) < 2:
        raise _refused(_("This folder belongs to the operating system. Choose one that is only for data."))
    code = Path(settings.BASE_DIR).resolve()
    if any(root.is_relative_to(place) for place in (own, code)):
        raise _refused(_("This folder belongs to the studio itself. Choose one that is only for data."))
    if any(place.is_relative_to(root) for place in (own, code, Path.home())):
        raise _refused(
            _(
                "This folder holds more than data: the studio, or everything of its user. Choose a folder inside of it."
            )
        )
    if any(part.startswith(".") for part in root.parts):
        raise _refused(
            _("A folder whose name starts with a dot holds what programs keep. Choose another one.")
        )


def _check_apart(new: Datastore) -> None:
    """Each object lies in one datastore only, so that no two jobs can hold the same place under two names."""
    holder, folder = _place(new)
    for other in Datastore.objects.filter(kind=new.kind):
        theirs, inside = _place(other)
        if holder == theirs and (folder.is_relative_to(inside) or inside.is_relative_to(folder)):
            raise _refused(
                _(
                    "This place and “%(folder)s” of the datastore %(name)s lie in each other. Choose another one."
                )
                % {"name": other.name, "folder": other.location}
            )


def _place(datastore: Datastore) -> tuple[str, PurePath]:
    """What it lies in, and where in that; links of this machine's disks followed."""
    holder, folder = datastore.place
    return holder, Path(folder).resolve() if datastore.is_local else folder


def _check_usable(kind: str, options: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """Gives the options as they are kept."""
    try:
        store = store_of(kind, options, secrets)
    except PathRefused as refusal:
        raise _refused(str(refusal)) from refusal
    failed = next((step for step in probe(store) if step.cause), None)
    if failed:
        raise _refused(
            _("The studio cannot use this place. %(step)s: %(cause)s.")
            % {"step": failed.title, "cause": failed.cause.rstrip(".")}
        )
    return {**options, **store.settled_options()}


def _made(root: Path) -> bool:
    try:
        root.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        cannot = _("The folder cannot be made: %(reason)s.") % {"reason": reason(error)}
        raise _refused(cannot) from error
    return True


def _unmake(options: dict[str, Any], made: bool) -> None:
    if made:
        Path(options["root"]).rmdir()


def _refused(sentence: str) -> FieldErrors:
    return FieldErrors({"place": sentence})


# ---- Credentials


def update_credentials(
    *, user: User, datastore: Datastore, secrets: dict[str, str], options: dict[str, Any] | None = None
) -> None:
    """Take new ones, and `options` that go with them, once the studio has tried them. Jobs that wait for them go on.

    Raises FieldErrors.
    """
    check_can_update_credentials(user, datastore)
    kept = _check_usable(datastore.kind, {**datastore.options, **(options or {})}, secrets)
    with transaction.atomic():
        held = _held(Datastore.objects.select_for_update().filter(pk=datastore.pk).first(), datastore)
        Datastore.objects.filter(pk=held.pk).update(secrets=seal(secrets), options=kept)
        events.record(actor=user, action="datastore.update_credentials", subject=held.name)


def reseal_credentials() -> int:
    """With the first of the encryption keys; gives how many datastores have some."""
    with transaction.atomic():
        sealed = list(Datastore.objects.select_for_update().exclude(secrets=""))
        for one in sealed:
            Datastore.objects.filter(pk=one.pk).update(secrets=resealed(one.secrets))
    return len(sealed)


# ---- Test access


@dataclass(frozen=True)
class AccessStep:
    title: str
    cause: str = ""  # why it failed
    is_skipped: bool = False  # since one before it failed

    @property
    def has_passed(self) -> bool:
        return not self.cause and not self.is_skipped


def check_access(*, user: User, datastore: Datastore) -> list[AccessStep]:
    """List, write a probe, read it back, delete it. Never raises for what a disk may do."""
    check_can_write_to_datastore(user, datastore)
    return probe(open_store(datastore))


def probe(store: Store) -> list[AccessStep]:
    path = f".access-{uuid.uuid4().hex}"
    acts = (
        (_("List its files"), lambda: store.entries("", limit=1)),
        (_("Write a probe"), lambda: store.write(path, [PROBE])),
        (_("Read it back"), lambda: _read_back(store, path)),
        (_("Delete it"), lambda: store.delete(path)),
    )
    steps: list[AccessStep] = []
    for title, act in acts:
        if any(step.cause for step in steps):
            steps.append(AccessStep(title, is_skipped=True))
            continue
        try:
            act()
        except FileNotFoundError:
            steps.append(AccessStep(title, cause=store.missing))
        except (OSError, StudioError) as error:
            steps.append(AccessStep(title, cause=reason(error) if isinstance(error, OSError) else str(error)))
        else:
            steps.append(AccessStep(title))
    return steps


def _read_back(store: Store, path: str) -> None:
    with store.open(path) as stream:
        if stream.read() != PROBE:
            raise StudioError(_("what was read is not what was written"))


# ---- Default, unregister


def set_default_datastore(*, user: User, datastore: Datastore) -> None:
    """New uploads and outputs go there. Raises StudioError where the studio cannot write to it."""
    check_can_set_default_datastore(user, datastore)
    failed = next((step for step in check_access(user=user, datastore=datastore) if step.cause), None)
    if failed:
        raise StudioError(
            _("%(name)s cannot be the default. %(step)s: %(cause)s.")
            % {"name": datastore.name, "step": failed.title, "cause": failed.cause}
        )
    with transaction.atomic():
        rows = {one.pk: one for one in Datastore.objects.select_for_update().order_by("pk")}
        held = _held(rows.get(datastore.pk), datastore)
        check_can_set_default_datastore(user, held)
        before = next((one.name for one in rows.values() if one.is_default), "")
        Datastore.objects.filter(is_default=True).update(is_default=False)
        Datastore.objects.filter(pk=held.pk).update(is_default=True)
        change = {"before": {"default": before}, "after": {"default": held.name}}
        events.record(actor=user, action="datastore.set_default", subject=held.name, **change)


def unregister_datastore(*, user: User, datastore: Datastore) -> None:
    """The studio forgets it; its files stay. Raises NotAllowed while something needs it."""
    with transaction.atomic():
        held = _held(Datastore.objects.select_for_update().filter(pk=datastore.pk).first(), datastore)
        check_can_unregister_datastore(user, held)
        events.record(actor=user, action="datastore.unregister", subject=held.name, folder=held.location)
        try:
            held.delete()
        except ProtectedError as error:
            raise NotAllowed(_("A data asset has just been registered in it. Look again.")) from error


def _held(row: Datastore | None, datastore: Datastore) -> Datastore:
    if row is None:
        raise NotFound(_("The datastore “%(name)s” was unregistered meanwhile.") % {"name": datastore.name})
    return row
