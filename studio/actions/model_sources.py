"""What MLflow's runs have logged, to choose a model from; and the files of a registered version."""

import json
import posixpath
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from studio import registry
from studio.actions.model_files import DESCRIPTION
from studio.errors import NotFound
from studio.models import ModelVersion

PAGE = 25
HISTORY = "mlflow.log-model.history"  # what MLflow 2 notes on a run for each model
MOST_FOLDERS = 20  # of a run that are looked into for a model
PREVIEW = 200 << 10  # bytes of a text that are shown
TEXTS = tuple(f".{ending}" for ending in "yaml yml txt json py md csv cfg toml ini log lgb html xml".split())


@dataclass
class Experiment:
    id: str
    name: str
    updated_at: datetime | None


@dataclass
class Run:
    id: str
    name: str
    status: str
    started_at: datetime | None
    user: str
    metrics: list[tuple[str, float]]
    experiment_id: str
    artifact_uri: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class LoggedModel:
    """A model that a run has logged: `key` names it in an address, `source` to MLflow."""

    key: str
    name: str
    kind: str
    created_at: datetime | None
    status: str
    source: str
    model_id: str = ""

    @property
    def is_ready(self) -> bool:
        return self.status in ("", "LOGGED_MODEL_READY", "READY")


@dataclass
class Found:
    """A page of a list, and the mark of its next one."""

    rows: list[Any]
    next: str


def experiments(*, words: str, token: str) -> Found:
    said = registry.search_experiments(words=words, limit=PAGE, token=token)
    rows = [
        Experiment(found["experiment_id"], found["name"], _time(found.get("last_update_time")))
        for found in said.get("experiments", [])
    ]
    return Found(rows, said.get("next_page_token", ""))


def experiment(*, id: str) -> Experiment:
    found = registry.get_experiment(experiment_id=id)
    return Experiment(found["experiment_id"], found["name"], _time(found.get("last_update_time")))


def runs(*, experiment_id: str, words: str, token: str) -> Found:
    said = registry.search_runs(experiment_id=experiment_id, words=words, limit=PAGE, token=token)
    return Found([_run(found) for found in said.get("runs", [])], said.get("next_page_token", ""))


def run(*, id: str) -> Run:
    return _run(registry.get_run(run_id=id))


def _run(found: dict[str, Any]) -> Run:
    info, data = found["info"], found.get("data", {})
    tags = {tag["key"]: tag.get("value", "") for tag in data.get("tags", [])}
    metrics = [(metric["key"], metric.get("value", 0.0)) for metric in data.get("metrics", [])]
    return Run(
        id=info["run_id"],
        name=info.get("run_name") or tags.get("mlflow.runName", "") or info["run_id"],
        status=info.get("status", ""),
        started_at=_time(info.get("start_time")),
        user=tags.get("mlflow.user", "") or info.get("user_id", ""),
        metrics=sorted(metrics),
        experiment_id=info["experiment_id"],
        artifact_uri=info.get("artifact_uri", ""),
        tags=tags,
    )


def logged_models(*, run: Run, words: str = "") -> list[LoggedModel]:
    """MLflow 3 keeps a model beside its run; MLflow 2 among the run's files."""
    beside = [
        _logged(found)
        for found in registry.search_logged_models(experiment_id=run.experiment_id, run_id=run.id)
    ]
    wanted = words.casefold()
    return [model for model in [*beside, *_among_files(run)] if wanted in model.name.casefold()]


def _logged(found: dict[str, Any]) -> LoggedModel:
    info = found["info"]
    model_id = info["model_id"]
    tags = {tag["key"]: tag.get("value", "") for tag in info.get("tags", [])}
    return LoggedModel(
        key=model_id,
        name=info.get("name") or model_id,
        kind=info.get("model_type") or tags.get("mlflow.modelType", ""),
        created_at=_time(info.get("creation_timestamp_ms")),
        status=str(info.get("status", "")),
        source=f"models:/{model_id}",
        model_id=model_id,
    )


def _among_files(run: Run) -> list[LoggedModel]:
    noted = _noted(run.tags.get(HISTORY, ""))
    folders = dict.fromkeys(noted) | dict.fromkeys(_folders(run.id))
    return [
        LoggedModel(
            key=f"files:{path}",
            name=path or "/",
            kind="",
            created_at=noted.get(path) or run.started_at,
            status="",
            source=posixpath.join(run.artifact_uri, path) if path else run.artifact_uri,
        )
        for path in list(folders)[:MOST_FOLDERS]
        if _has_description(run.id, path)
    ]


def _noted(history: str) -> dict[str, datetime | None]:
    try:
        noted = json.loads(history) if history else []
        return {str(one["artifact_path"]): None for one in noted if one.get("artifact_path")}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _folders(run_id: str) -> list[str]:
    listed = registry.list_run_files(run_id=run_id)
    at_root = any(file["path"] == DESCRIPTION for file in listed)
    return [""] * at_root + [file["path"] for file in listed if file.get("is_dir")]


def _has_description(run_id: str, path: str) -> bool:
    wanted = posixpath.join(path, DESCRIPTION) if path else DESCRIPTION
    return any(file["path"] == wanted for file in registry.list_run_files(run_id=run_id, path=path))


def _time(milliseconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None
    except (ValueError, OverflowError, OSError):
        return None


# ---- Files of a registered version


@dataclass
class Preview:
    """The beginning of a text; `text` is None for what is none."""

    text: str | None
    is_cut: bool = False


def open_artifact(*, version: ModelVersion, path: str) -> registry.OpenFile:
    """Raises NotFound for what is not among the files that the version has."""
    _listed(version, path)
    return registry.open_file(name=version.registered_model.name, version=version.version, path=path)


def preview_artifact(*, version: ModelVersion, path: str) -> Preview:
    file = _listed(version, path)
    if not is_text(path):
        return Preview(None)
    pieces, read = [], 0
    opened = open_artifact(version=version, path=path)
    for piece in opened.pieces:
        pieces.append(piece)
        read += len(piece)
        if read > PREVIEW:
            break
    opened.pieces.close()  # type: ignore[attr-defined]
    raw = b"".join(pieces)
    if b"\0" in raw[:PREVIEW]:
        return Preview(None)
    return Preview(raw[:PREVIEW].decode(errors="replace"), read > PREVIEW or (file["size"] or 0) > PREVIEW)


def is_text(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name.lower().endswith(TEXTS) or "." not in name


def _listed(version: ModelVersion, path: str) -> dict[str, Any]:
    found = next((file for file in version.artifacts if file["path"] == path), None)
    if found is None:
        raise NotFound(
            _("“%(path)s” is not among the files of %(model)s.") % {"path": path[:100], "model": version}
        )
    return found
