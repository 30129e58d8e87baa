"""*Register*: from a form to a new version in MLflow. The files are stored first, then the control worker hands them
over; so a web process and a worker on different machines do it, and a worker that dies is followed by another."""

import logging
import posixpath
import tempfile
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from studio import registry
from studio.actions import events
from studio.actions import models as following
from studio.actions.archives import ArchiveRefused, Member
from studio.actions.data import default_datastore
from studio.actions.leases import Holder
from studio.actions.model_sources import LoggedModel, Run
from studio.actions.scratch import scratch
from studio.actions.storing import storing
from studio.errors import FieldErrors, StudioError, Unavailable
from studio.models import Datastore, Registration
from studio.models.states import MoveRefused
from studio.permissions import check_can_register_model
from studio.queue import enqueue
from studio.stores import PathRefused, open_store, reason

logger = logging.getLogger(__name__)

TASK = "models.register"
GIVE_UP = timedelta(hours=1)  # of MLflow being away, or of workers that die over it
GRACE = timedelta(seconds=3)
EXPERIMENT = "registered-from-files"
MARK = "scoring_studio.registration"  # a tag by which a second try finds what the first one has done
FOLDER = "azureml/registrations"


def register_files(
    *,
    user: User,
    key: uuid.UUID,
    name: str,
    description: str,
    tags: dict[str, str],
    members: Sequence[Member],
    label: str,
) -> Registration:
    """Store a model's files and hand them over to be registered. Raises FieldErrors; nothing is left behind then."""
    check_can_register_model(user)
    known = Registration.objects.filter(key=key).first()
    if known:
        return known
    datastore, folder = default_datastore(), f"{FOLDER}/{uuid.uuid4()}"
    files = {"datastore": datastore.name, "folder": folder, "label": label}
    try:
        with storing(datastore=datastore, folder=folder) as place:
            for member in members:
                place.store.write(f"{folder}/{member.path}", member.chunks())
            with transaction.atomic():
                made = _record(user, key, Registration.Source.FILES, name, description, tags, files)
                if made.files.get("folder") == folder:  # else the same form was sent twice at once
                    place.keep()
            return made
    except (ArchiveRefused, PathRefused) as refusal:
        raise FieldErrors({"files": str(refusal)}) from refusal
    except OSError as error:
        full = _("The files cannot be stored: %(reason)s. Nothing was registered.") % {
            "reason": reason(error)
        }
        raise FieldErrors({"files": full}) from error


def register_logged_model(
    *,
    user: User,
    key: uuid.UUID,
    name: str,
    description: str,
    tags: dict[str, str],
    run: Run,
    model: LoggedModel,
) -> Registration:
    check_can_register_model(user)
    files = {"run_id": run.id, "model_id": model.model_id, "source": model.source}
    label = f"{run.name} / {model.name}"
    return _record(user, key, Registration.Source.RUN, name, description, tags, {**files, "label": label})


def _record(
    user: User,
    key: uuid.UUID,
    source: str,
    name: str,
    description: str,
    tags: dict[str, str],
    files: dict[str, str],
) -> Registration:
    fields: dict[str, Any] = {"name": name, "description": description, "tags": tags, "files": files}
    try:
        with transaction.atomic():
            made = Registration.objects.create(key=key, source=source, created_by=user, **fields)
            events.record(actor=user, action="models.register", subject=name, source=source)
            enqueue(TASK, registration_id=made.pk)
            return made
    except IntegrityError:
        known = Registration.objects.filter(key=key, created_by=user).first()
        if known is None:
            raise
        return known


# ---- In the control worker


def register(*, registration_id: int, holder: Holder) -> None:
    claimed = _claim(registration_id, holder)
    if claimed is None:
        return
    with holder.holding(claimed):
        try:
            version = _register(claimed)
        except Unavailable as error:
            _later(claimed, str(error))
        except MoveRefused:
            return
        except StudioError as error:
            _fail(claimed, str(error))
        except Exception as error:
            logger.exception("a model cannot be registered", extra={"action": "registration_failed"})
            _fail(claimed, _("It could not be registered: %(reason)s.") % {"reason": _said(error)})
        else:
            _succeed(claimed, version)


def _claim(registration_id: int, holder: Holder) -> Registration | None:
    mine = Registration.taken_by(holder.name)
    free = Registration.objects.unfinished().lease_free().filter(pk=registration_id)
    if not free.update(**mine):
        return None
    claimed = Registration.objects.select_related("created_by").get(pk=registration_id)
    if timezone.now() - claimed.created_at > GIVE_UP:
        why = claimed.error or _("The control worker has ended each time it was at it.")
        _fail(claimed, _("Not registered within an hour: %(reason)s Register it again.") % {"reason": why})
        return None
    if claimed.status == Registration.Status.WAITING:
        claimed.move_to(Registration.Status.REGISTERING, held=claimed.lease)
    return claimed


def _register(claimed: Registration) -> int:
    new = registry.create_model(name=claimed.name, description=claimed.description, tags=claimed.tags)
    done = None if new else registry.find_version(name=claimed.name, tag=MARK, value=str(claimed.key))
    if done is not None:
        return done
    files = claimed.files
    run_id, source = files.get("run_id", ""), files.get("source", "")
    if claimed.is_from_files:
        run_id, source = _upload(claimed)
    if not Registration.objects.filter(pk=claimed.pk, lease=claimed.lease).exists():
        raise MoveRefused(_("Another worker has taken this registration over."))
    return registry.create_version(
        name=claimed.name,
        source=source,
        run_id=run_id,
        model_id=files.get("model_id", ""),
        description=claimed.description,
        tags={**claimed.tags, MARK: str(claimed.key)},
    )


def _upload(claimed: Registration) -> tuple[str, str]:
    """The files as those of a run, where any client and any artifact store of MLflow find them: its id and theirs."""
    import requests
    from mlflow.exceptions import MlflowException

    client = following.registry()
    store = open_store(Datastore.objects.filter(name=claimed.files["datastore"]).first())
    folder = claimed.files["folder"]
    try:
        run = _run_of(client, claimed)
        for file in store.list(folder):
            place = posixpath.dirname(posixpath.join("model", file.path.removeprefix(f"{folder}/")))
            with tempfile.TemporaryDirectory(dir=scratch()) as aside:
                client.log_artifact(run.info.run_id, str(store.local_copy(file.path, Path(aside))), place)
        client.set_terminated(run.info.run_id)
    except requests.RequestException as error:  # as the upload itself fails; it is tried again
        raise Unavailable(registry.away(_said(error))) from error
    except MlflowException as error:
        if error.get_http_status_code() >= 500:
            raise Unavailable(registry.away(_said(error))) from error
        raise StudioError(_("MLflow refuses the files: %(reason)s") % {"reason": _said(error)}) from error
    return run.info.run_id, f"{run.info.artifact_uri}/model"


def _run_of(client: Any, claimed: Registration) -> Any:
    """The run of the last try, if there was one."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    home = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
    marked = client.search_runs([home], f"tags.`{MARK}` = '{claimed.key}'", max_results=1)
    if marked:
        return marked[0]
    tags = {MARK: str(claimed.key), "mlflow.user": claimed.created_by.get_username()}
    return client.create_run(home, run_name=claimed.name[:250], tags=tags)


def _succeed(claimed: Registration, version: int) -> None:
    if not _end(claimed, Registration.Status.SUCCEEDED, version=version, error=""):
        return
    _remove_files(claimed)
    try:
        following.follow_registry(now=timezone.now())
    except Unavailable:
        pass  # noted for the pages; the next pass brings the version


def _fail(claimed: Registration, why: str) -> None:
    if _end(claimed, Registration.Status.FAILED, error=why):
        _remove_files(claimed)


def _end(claimed: Registration, status: str, **fields: Any) -> bool:
    """Whether it was still ours to end; if not, whoever has it now needs its files."""
    try:
        claimed.move_to(status, held=claimed.lease, finished_at=Now(), **fields, **Registration.RELEASED)
    except MoveRefused:
        logger.warning("a registration was taken over", extra={"action": "lease_lost"})
        return False
    return True


def _later(claimed: Registration, why: str) -> None:
    Registration.objects.filter(pk=claimed.pk, lease=claimed.lease).update(error=why, **Registration.RELEASED)


def _remove_files(claimed: Registration) -> None:
    if not claimed.is_from_files:
        return
    try:
        store = open_store(Datastore.objects.filter(name=claimed.files["datastore"]).first())
        store.delete_folder(claimed.files["folder"])
    except (StudioError, OSError):
        logger.exception("uploaded files cannot be removed", extra={"action": "registration_files_left"})


def _said(error: Exception) -> str:
    lines = following.public(str(error)).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


def recover_registrations() -> None:
    """Those that a lost message, a dead worker or an MLflow that was away has left."""
    left = Registration.objects.unfinished().lease_free().filter(created_at__lt=Now() - GRACE)
    for registration_id in left.values_list("pk", flat=True)[:20]:
        enqueue(TASK, expires=5, registration_id=registration_id)
