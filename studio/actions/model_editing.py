"""Changes to what MLflow's registry holds. MLflow is changed first, as it is the truth; the mirror follows at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from studio import registry
from studio.actions import events
from studio.errors import NotFound
from studio.models import ModelVersion, RegisteredModel
from studio.permissions import check_can_delete_model, check_can_delete_model_version, check_can_edit_model
from studio.queue import enqueue


def delete_model(*, user: User, model: RegisteredModel) -> None:
    """With all its versions. One that MLflow has lost already goes from the mirror too."""
    with transaction.atomic():
        versions = list(model.versions.select_for_update())  # so that none is deployed meanwhile
        check_can_delete_model(user, model)
        with _maybe_gone():
            registry.delete_model(name=model.name)
        name, count = model.name, len(versions)
        model.delete()
        events.record(actor=user, action="models.delete", subject=name, versions=count)
        enqueue("models.follow_registry", full=True)


def delete_version(*, user: User, version: ModelVersion) -> None:
    with transaction.atomic():
        model = RegisteredModel.objects.select_for_update().get(pk=version.registered_model_id)
        rows = ModelVersion.objects.select_for_update(of=("self",)).select_related("registered_model")
        version = rows.get(pk=version.pk)
        check_can_delete_model_version(user, version)
        with _maybe_gone():
            registry.delete_version(name=model.name, version=version.version)
        kept = {alias: number for alias, number in model.aliases.items() if number != version.version}
        RegisteredModel.objects.filter(pk=model.pk).update(aliases=kept)
        subject = str(version)
        version.delete()
        events.record(actor=user, action="models.delete_version", subject=subject)
        enqueue("models.follow_registry", full=True)


@contextmanager
def _maybe_gone() -> Iterator[None]:
    try:
        yield
    except NotFound:
        pass  # somebody has deleted it in MLflow: what was wanted


def edit_model(*, user: User, model: RegisteredModel, description: str, tags: dict[str, str]) -> None:
    check_can_edit_model(user, model)
    _describe(model.name, None, model.description, description)
    _tag(model.name, None, model.tags, tags)
    with transaction.atomic():
        RegisteredModel.objects.filter(pk=model.pk).update(description=description, tags=tags)
        change = _change(model, description=description, tags=tags)
        events.record(actor=user, action="models.edit", subject=model.name, **change)


def edit_version(*, user: User, version: ModelVersion, description: str, tags: dict[str, str]) -> None:
    check_can_edit_model(user, version.registered_model)
    name = version.registered_model.name
    tags = {key: value for key, value in version.tags.items() if key not in version.shown_tags} | tags
    _describe(name, version.version, version.description, description)
    _tag(name, version.version, version.tags, tags)
    with transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk).update(description=description, tags=tags)
        change = _change(version, description=description, tags=tags)
        events.record(actor=user, action="models.edit_version", subject=str(version), **change)


def set_aliases(*, user: User, version: ModelVersion, aliases: list[str]) -> list[str]:
    """The version has these aliases from now on; gives those that have moved here from another version."""
    model = version.registered_model
    check_can_edit_model(user, model)
    now, wanted = set(version.aliases), set(aliases)
    for alias in sorted(wanted - now):
        registry.set_alias(name=model.name, version=version.version, alias=alias)
    for alias in sorted(now - wanted):
        with _maybe_gone():
            registry.remove_alias(name=model.name, alias=alias)
    moved = sorted(alias for alias in wanted - now if alias in model.aliases)
    with transaction.atomic():
        locked = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        kept = {alias: number for alias, number in locked.aliases.items() if alias not in now | wanted}
        here = dict.fromkeys(wanted, version.version)
        RegisteredModel.objects.filter(pk=model.pk).update(aliases=kept | here)
        change = {"before": {"aliases": sorted(now)}, "after": {"aliases": sorted(wanted)}}
        events.record(actor=user, action="models.set_aliases", subject=str(version), **change)
    return moved


def _change(row: RegisteredModel | ModelVersion, **values: Any) -> dict[str, Any]:
    """What of the row these values change: `row` is as it was."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    return {"before": {name: getattr(row, name) for name in changed}, "after": changed}


def _describe(name: str, version: int | None, before: str, now: str) -> None:
    if now != before:
        registry.describe(name=name, version=version, description=now)


def _tag(name: str, version: int | None, before: dict[str, str], now: dict[str, str]) -> None:
    for key, value in now.items():
        if before.get(key) != value:
            registry.set_tag(name=name, version=version, key=key, value=value)
    for key in before.keys() - now.keys():
        registry.remove_tag(name=name, version=version, key=key)
