"""Following MLflow's registry into the mirror tables that the pages read."""

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils.translation import gettext as _

from studio.actions.model_files import describe_files, files_of, sizes_of, texts_of
from studio.errors import Unavailable
from studio.models import Deployment, ModelVersion, RegisteredModel, RegistryState
from studio.models.locks import Turn, taking_turns
from studio.queue import enqueue

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

FULL_PASS = timedelta(minutes=1)
MOMENT = timedelta(seconds=1)


@cache
def registry() -> "MlflowClient":
    """MLflow's client. Its import takes seconds, so it happens once, in the process that follows the registry."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow

    mlflow.set_tracking_uri(settings.MLFLOW_TRACKING_URI)
    return mlflow.MlflowClient(settings.MLFLOW_TRACKING_URI)


def follow_registry(*, now: datetime, full: bool = False) -> None:
    """Bring the mirror up to date: what changed since the last pass, and all of it once a minute.

    Raises Unavailable when MLflow does not answer; the mirror then stays as it was, and the pages say so.
    """
    with taking_turns(Turn.REGISTRY) as mine:
        if mine:
            _follow_in_turn(now, full)


def follow_soon(*, now: datetime) -> None:
    """Somebody looks at the models: ask for a pass, unless the last one was a moment ago.

    So MLflow is asked often while it matters to somebody, and seldom otherwise.
    """
    seen_at = RegistryState.current().seen_at
    if seen_at is None or now - seen_at > MOMENT:
        enqueue("models.follow_registry", expires=5)


def _follow_in_turn(now: datetime, full: bool) -> None:
    client = registry()
    from mlflow.exceptions import MlflowException

    state = RegistryState.current()
    full = full or state.full_pass_at is None or now - state.full_pass_at > FULL_PASS
    try:
        newest = _full_pass(client) if full else _changes(client, since=state.followed_until)
    except (MlflowException, OSError) as error:  # what requests raises is an OSError
        logger.warning("MLflow cannot be followed", extra={"action": "registry_failed"}, exc_info=True)
        sentence = _("MLflow at %(address)s does not answer: %(reason)s") % {
            "address": settings.MLFLOW_ADDRESS,
            "reason": _first_line(error),
        }
        RegistryState.report(error=sentence)
        raise Unavailable(sentence) from error
    RegistryState.report(followed_until=newest or state.followed_until, full_pass_at=now if full else None)


def _full_pass(client: "MlflowClient") -> datetime | None:
    """Everything, in a few large pages; also finds what was deleted, and aliases, which change no date."""
    versions: dict[str, list[Any]] = defaultdict(list)
    for version in _versions(client, ""):
        versions[version.name].append(version)
    newest, names = None, set()
    for found in _changed_models(client, since=None):
        newest = newest or _time(found.last_updated_timestamp)
        names.add(found.name)
        _mirror_model(client, found, versions[found.name])
    gone = RegisteredModel.objects.exclude(name__in=names)
    _forget(ModelVersion.objects.filter(registered_model__in=gone))
    gone.filter(versions=None).delete()
    return newest


def _changes(client: "MlflowClient", *, since: datetime | None) -> datetime | None:
    newest = None
    for found in _changed_models(client, since=since):
        newest = newest or _time(found.last_updated_timestamp)
        _mirror_model(client, found, _versions(client, found.name))
    return newest


def _changed_models(client: "MlflowClient", *, since: datetime | None) -> Iterator[Any]:
    """Registered models from the latest change on back to `since` (itself included: clocks tick in milliseconds)."""
    order = ["last_updated_timestamp DESC"]
    for found in _pages(lambda token: client.search_registered_models(None, 200, order, token)):
        if since and _time(found.last_updated_timestamp) < since:
            return
        yield found


def _versions(client: "MlflowClient", name: str) -> Iterator[Any]:
    """The versions of one registered model, or of all."""
    quote = '"' if "'" in name else "'"
    wanted = f"name={quote}{name}{quote}" if name else None
    return _pages(lambda token: client.search_model_versions(wanted, 1000, None, token))


def _pages(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    token = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return


def _mirror_model(client: "MlflowClient", found: Any, versions: Iterable[Any]) -> None:
    fields = {
        "description": found.description or "",
        "tags": dict(found.tags),
        "aliases": {alias: int(version) for alias, version in dict(found.aliases).items()},
        "created_at": _time(found.creation_timestamp),
        "updated_at": _time(found.last_updated_timestamp),
    }
    model = RegisteredModel.objects.filter(name=found.name).prefetch_related("versions").first()
    known = {} if model is None else {version.version: version for version in model.versions.all()}
    seen, ready = set(), {}
    for version in versions:
        seen.add(int(version.version))
        if version.status == "READY":
            ready[int(version.version)] = _mirrored(client, version, known.get(int(version.version)))
    # At once, since what a version's files say takes a while to read: nobody sees a model without its versions.
    with transaction.atomic():
        if model is None:
            model = RegisteredModel.objects.create(name=found.name, **fields)
        elif any(getattr(model, name) != value for name, value in fields.items()):
            RegisteredModel.objects.filter(pk=model.pk).update(**fields)
        for number, changed in ready.items():
            if "created_at" in changed:
                _store(model, number, changed)
            elif changed:
                model.versions.filter(version=number).update(**changed)
        if set(known) - seen:
            _forget(model.versions.exclude(version__in=seen))


def _forget(versions: Any) -> None:
    """Drop mirror rows of what MLflow no longer has; one that a deployment uses stays until that is deleted."""
    versions.exclude(pk__in=Deployment.objects.values("model_version")).delete()


def _mirrored(client: "MlflowClient", version: Any, mirrored: ModelVersion | None) -> dict[str, Any]:
    """The fields of a version's row that differ from `mirrored`, which may be missing; its files are read once."""
    editable = {"tags": dict(version.tags), "description": version.description or ""}
    if mirrored is None or mirrored.is_unread or mirrored.created_at != _time(version.creation_timestamp):
        return editable | _described(client, version)
    return {name: value for name, value in editable.items() if getattr(mirrored, name) != value}


def _store(model: RegisteredModel, number: int, fields: dict[str, Any]) -> None:
    """An odd model must not keep the others from being mirrored: what its files say is left out then."""
    try:
        with transaction.atomic():
            ModelVersion.objects.update_or_create(registered_model=model, version=number, defaults=fields)
    except (DataError, IntegrityError, TypeError, ValueError) as error:
        logger.exception("a model version cannot be mirrored", extra={"action": "model_odd"})
        why = _("What its files say cannot be stored: %(reason)s") % {"reason": type(error).__name__}
        plain = {"type": ModelVersion.Type.CUSTOM, "why_custom": why, "created_at": fields["created_at"]}
        ModelVersion.objects.update_or_create(registered_model=model, version=number, defaults=plain)


def _described(client: "MlflowClient", version: Any) -> dict[str, Any]:
    """What never changes of a version, from the registry and from its files."""
    fields: dict[str, Any] = {
        "run_id": version.run_id or "",
        "source": version.source or "",
        "created_at": _time(version.creation_timestamp),
        "created_by": _person(client, version)[:200],
        "is_unread": False,
        "type": ModelVersion.Type.CUSTOM,
    }
    try:
        uri = f"models:/{version.name}/{version.version}"
        files = files_of(uri)
        described = describe_files(texts_of(uri, files), [file["path"] for file in files])
        described["size"] = described["size"] or sizes_of(files)
        return fields | described | {"artifacts": files}
    except Exception as error:  # an artifact store has a hundred ways to fail; the next full pass tries again
        logger.warning("a model's files cannot be read", extra={"action": "model_unread"}, exc_info=True)
        why = _("The files of this version cannot be read: %(reason)s") % {"reason": _first_line(error)}
        return fields | {"why_custom": why, "is_unread": True, "artifacts": []}


def _person(client: "MlflowClient", version: Any) -> str:
    """Who registered the version; MLflow knows it of the run at best, and a run may have been deleted."""
    from mlflow.exceptions import MlflowException

    if version.user_id or not version.run_id:
        return version.user_id or ""
    try:
        return str(client.get_run(version.run_id).data.tags.get("mlflow.user", ""))
    except MlflowException:
        return ""


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def public(text: str) -> str:
    """What MLflow's client says, without the login that its address may hold."""
    return text.replace(settings.MLFLOW_TRACKING_URI, settings.MLFLOW_ADDRESS)


def _first_line(error: Exception) -> str:
    lines = public(str(error)).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
