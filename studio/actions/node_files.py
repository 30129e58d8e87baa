"""What nodes keep on this machine to use again: environments and the files of models."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from scoring.environment import EnvironmentSpec
from scoring.kept import KeptFolder, kept_folders, remove_kept
from studio.models import Deployment, Job


@dataclass(frozen=True, kw_only=True)
class Kept:
    folder: KeptFolder
    kind: str  # the folder below STUDIO_HOME
    needed_by: list[str]  # the deployments, and the jobs that are not finished


def environments_here() -> list[Kept]:
    return _kept("environments")


def models_here() -> list[Kept]:
    return _kept("models")


def remove_unneeded(kept: Kept) -> bool:
    """Whether it was removed; one that is needed by now stays."""
    key = kept.folder.key
    return remove_kept(
        root=settings.STUDIO_HOME / kept.kind, key=key, is_needed=lambda: key in _needs(kept.kind)
    )


def _kept(kind: str) -> list[Kept]:
    needs = _needs(kind)
    return [
        Kept(folder=folder, kind=kind, needed_by=needs.get(folder.key, []))
        for folder in kept_folders(settings.STUDIO_HOME / kind)
    ]


def _needs(kind: str) -> dict[str, list[str]]:
    """Key to the names of those that need its folder."""
    needs: dict[str, list[str]] = {}
    for name, model_key, environment in _users():
        key = model_key if kind == "models" else EnvironmentSpec.from_dict(environment).key
        needs.setdefault(key, []).append(name)
    return needs


def _users() -> list[tuple[str, str, dict[str, Any]]]:
    """Name, model key and environment of deployments, whatever their state, and of jobs that are not finished."""
    deployments = Deployment.objects.order_by("endpoint__name", "name").values_list(
        "endpoint__name", "name", "model_key", "environment"
    )
    jobs = Job.objects.unfinished().order_by("pk").values_list("name", "spec")
    return [
        *((f"{endpoint}/{name}", key, environment) for endpoint, name, key, environment in deployments),
        *((name, spec["model_key"], spec["environment"]) for name, spec in jobs),
    ]
