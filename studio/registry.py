"""MLflow's REST API, for what a page asks or changes while somebody waits.

MLflow's own client costs 180 MB and three seconds to import, so it stays in the control worker, which needs it to
follow the registry and to upload files.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _

from studio.errors import NotFound, StudioError, Unavailable

logger = logging.getLogger(__name__)

CONNECT, READ = 3, 15  # seconds; a file may take longer as a whole, not between two of its pieces
STORING = 300  # seconds after the last byte of a file until MLflow has stored it
PIECE = 1 << 16
MISSING = "RESOURCE_DOES_NOT_EXIST"
EXISTS = "RESOURCE_ALREADY_EXISTS"


class RegistryRefused(StudioError):
    """MLflow answers that this cannot be: its reason."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class OpenFile:
    """A file of a model on its way from MLflow; `pieces` may be walked once."""

    pieces: Iterator[bytes]
    size: int | None


@cache
def _session() -> requests.Session:
    session = requests.Session()
    # A proxy that the environment names is not for MLflow on this machine.
    session.trust_env = urlsplit(settings.MLFLOW_TRACKING_URI).hostname not in (
        "127.0.0.1",
        "localhost",
        "::1",
    )
    return session


def _place() -> tuple[str, tuple[str, str] | None]:
    """The address without its login, and the login: so no error can tell it."""
    parts = urlsplit(settings.MLFLOW_TRACKING_URI)
    if not parts.username:
        return settings.MLFLOW_TRACKING_URI, None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, (requests.compat.unquote(parts.username), requests.compat.unquote(parts.password or ""))


def _ask(method: str, path: str, **options: Any) -> requests.Response:
    address, login = _place()
    try:
        answer = _session().request(
            method, f"{address}{path}", auth=login, timeout=(CONNECT, READ), allow_redirects=False, **options
        )
    except requests.RequestException as error:
        logger.warning("MLflow does not answer", extra={"action": "registry_failed"}, exc_info=True)
        raise Unavailable(away(_why(error))) from error
    if answer.status_code >= 300:
        with answer:
            _refuse(answer)
    return answer


def away(reason: str) -> str:
    return _("MLflow at %(address)s does not answer: %(reason)s") % {
        "address": settings.MLFLOW_ADDRESS,
        "reason": reason,
    }


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return _("it took too long.")
    if isinstance(error, requests.ConnectionError):
        return _("no connection.")
    return f"{type(error).__name__}."


def _refuse(answer: requests.Response) -> None:
    try:
        said = answer.json()
        code, message = str(said.get("error_code", "")), str(said.get("message", ""))
    except (ValueError, AttributeError):
        code = message = ""
    if code == MISSING or answer.status_code == 404:
        message = message or f"HTTP {answer.status_code}"
        raise NotFound(_("MLflow no longer has it: %(reason)s") % {"reason": _short(message)})
    if answer.status_code >= 500 or not code:
        raise Unavailable(away(_short(message) or f"HTTP {answer.status_code}"))
    raise RegistryRefused(_("MLflow refuses: %(reason)s") % {"reason": _short(message)}, code)


def _short(message: str) -> str:
    lines = message.strip().splitlines()
    return lines[0][:300] if lines else ""


def _call(method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    sent: dict[str, Any] = {"params": body} if method == "GET" else {"json": body or {}}
    with _ask(method, f"/api/2.0/mlflow/{name}", **sent) as answer:
        try:
            said: dict[str, Any] = answer.json()
        except ValueError as error:
            raise Unavailable(away(_("its answer is not MLflow’s."))) from error
    return said


# ---- Experiments, runs and what they have logged


def search_experiments(*, words: str, limit: int, token: str = "") -> dict[str, Any]:
    asked: dict[str, Any] = {"max_results": limit, "order_by": ["last_update_time DESC"]}
    return _call("POST", "experiments/search", asked | _filter("name", words) | _token(token))


def get_experiment(*, experiment_id: str) -> dict[str, Any]:
    found: dict[str, Any] = _call("GET", "experiments/get", {"experiment_id": experiment_id})["experiment"]
    return found


def search_runs(*, experiment_id: str, words: str, limit: int, token: str = "") -> dict[str, Any]:
    asked: dict[str, Any] = {"experiment_ids": [experiment_id], "max_results": limit}
    asked |= {"order_by": ["attributes.start_time DESC"], "run_view_type": "ACTIVE_ONLY"}
    return _call("POST", "runs/search", asked | _filter("attributes.run_name", words) | _token(token))


def get_run(*, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = _call("GET", "runs/get", {"run_id": run_id})["run"]
    return found


def search_logged_models(*, experiment_id: str, run_id: str) -> list[dict[str, Any]]:
    """Those that MLflow 3 logs apart from the run's files; none on an older server."""
    asked = {"experiment_ids": [experiment_id], "filter": f"source_run_id = {_quoted(run_id)}"}
    try:
        return list(_call("POST", "logged-models/search", asked | {"max_results": 50}).get("models", []))
    except (RegistryRefused, NotFound):
        return []


def ensure_experiment(*, name: str) -> str:
    """The id of the experiment of this name, which is made if there is none."""
    for _attempt in range(2):  # between looking and making, somebody else may make it
        try:
            found = _call("GET", "experiments/get-by-name", {"experiment_name": name})["experiment"]
        except NotFound:
            pass
        else:
            if found.get("lifecycle_stage") == "deleted":
                raise RegistryRefused(_("The experiment “%(name)s” was deleted in MLflow.") % {"name": name})
            return str(found["experiment_id"])
        try:
            return str(_call("POST", "experiments/create", {"name": name})["experiment_id"])
        except RegistryRefused as refusal:
            if refusal.code != EXISTS:
                raise
    raise Unavailable(away(_("the experiment “%(name)s” comes and goes.") % {"name": name}))


def find_run(*, experiment_id: str, tag: str, value: str) -> str | None:
    """The run of the experiment that carries this tag."""
    asked = {
        "experiment_ids": [experiment_id],
        "filter": f"tags.`{tag}` = {_quoted(value)}",
        "max_results": 1,
    }
    found = _call("POST", "runs/search", asked).get("runs", [])
    return str(found[0]["info"]["run_id"]) if found else None


def create_run(*, experiment_id: str, name: str, began: int, tags: dict[str, str]) -> str:
    """`began`: milliseconds since 1970, as all times of runs."""
    asked = {"experiment_id": experiment_id, "run_name": name, "start_time": began, "tags": _pairs(tags)}
    return str(_call("POST", "runs/create", asked)["run"]["info"]["run_id"])


def log_run(*, run_id: str, params: dict[str, str], metrics: dict[str, float], at: int) -> None:
    """The same a second time changes nothing."""
    measured = [{"key": key, "value": value, "timestamp": at, "step": 0} for key, value in metrics.items()]
    _call("POST", "runs/log-batch", {"run_id": run_id, "params": _pairs(params), "metrics": measured})


def finish_run(*, run_id: str, ended: int) -> None:
    _call("POST", "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": ended})


def list_run_files(*, run_id: str, path: str = "") -> list[dict[str, Any]]:
    asked = {"run_id": run_id, **({"path": path} if path else {})}
    return list(_call("GET", "artifacts/list", asked).get("files", []))


def _filter(field: str, words: str) -> dict[str, str]:
    return {"filter": f"{field} ILIKE {_quoted(f'%{words}%')}"} if words else {}


def _token(token: str) -> dict[str, str]:
    return {"page_token": token} if token else {}


def _quoted(text: str) -> str:
    """As a word of MLflow's filters, which know no escape: a text with both quotes loses the double ones."""
    if "'" not in text:
        return f"'{text}'"
    return '"' + text.replace('"', "") + '"'


# ---- Registered models


def create_model(*, name: str, description: str, tags: dict[str, str]) -> bool:
    """Whether the name is new."""
    try:
        _call(
            "POST",
            "registered-models/create",
            {"name": name, "description": description, "tags": _pairs(tags)},
        )
    except RegistryRefused as refusal:
        if refusal.code != EXISTS:
            raise
        return False
    return True


def create_version(
    *, name: str, source: str, run_id: str, model_id: str, description: str, tags: dict[str, str]
) -> int:
    asked = {"name": name, "source": source, "description": description, "tags": _pairs(tags)}
    known = {key: value for key, value in (("run_id", run_id), ("model_id", model_id)) if value}
    made = _call("POST", "model-versions/create", {**asked, **known})
    return int(made["model_version"]["version"])


def find_version(*, name: str, tag: str, value: str) -> int | None:
    """The version of `name` that carries this tag."""
    asked = {"filter": f"name = {_quoted(name)} AND tags.`{tag}` = {_quoted(value)}", "max_results": 1}
    found = _call("GET", "model-versions/search", asked).get("model_versions", [])
    return int(found[0]["version"]) if found else None


def delete_model(*, name: str) -> None:
    _call("DELETE", "registered-models/delete", {"name": name})


def delete_version(*, name: str, version: int) -> None:
    _call("DELETE", "model-versions/delete", {"name": name, "version": str(version)})


def set_alias(*, name: str, version: int, alias: str) -> None:
    _call("POST", "registered-models/alias", {"name": name, "version": str(version), "alias": alias})


def remove_alias(*, name: str, alias: str) -> None:
    _call("DELETE", "registered-models/alias", {"name": name, "alias": alias})


def describe(*, name: str, version: int | None, description: str) -> None:
    _call("PATCH", f"{_kind(version)}/update", {**_named(name, version), "description": description})


def set_tag(*, name: str, version: int | None, key: str, value: str) -> None:
    _call("POST", f"{_kind(version)}/set-tag", {**_named(name, version), "key": key, "value": value})


def remove_tag(*, name: str, version: int | None, key: str) -> None:
    _call("DELETE", f"{_kind(version)}/delete-tag", {**_named(name, version), "key": key})


def _kind(version: int | None) -> str:
    return "registered-models" if version is None else "model-versions"


def _named(name: str, version: int | None) -> dict[str, str]:
    return {"name": name} if version is None else {"name": name, "version": str(version)}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


# ---- Files


def open_file(*, name: str, version: int, path: str) -> OpenFile:
    """A file of a model version, wherever its artifacts lie: MLflow reads it for us."""
    asked = {"name": name, "version": str(version), "path": path}
    answer = _ask("GET", "/model-versions/get-artifact", params=asked, stream=True)
    length = answer.headers.get("Content-Length", "")
    return OpenFile(pieces(answer), int(length) if length.isdigit() else None)


def pieces(answer: requests.Response) -> Iterator[bytes]:
    with answer:
        try:
            yield from answer.iter_content(PIECE)
        except requests.RequestException as error:
            raise Unavailable(away(_why(error))) from error


# ---- What others ask of it, through the studio


def pass_on(*, method: str, path: str, query: str, headers: dict[str, str], body: Any) -> requests.Response:
    """MLflow's own answer, whatever it says, not read yet. Raises Unavailable."""
    address, login = _place()
    try:
        return _session().request(
            method,
            f"{address}/{quote(path)}{f'?{query}' if query else ''}",
            headers=headers,
            data=body,
            auth=login,
            stream=True,
            timeout=(CONNECT, STORING),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        logger.warning("MLflow does not answer", extra={"action": "registry_failed"}, exc_info=True)
        raise Unavailable(away(_why(error))) from error
