"""What people and programs may ask of the embedded MLflow through the studio, and what of it is on record."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from studio.actions.events import record
from studio.errors import StudioError
from studio.roles import Person

SERVICES = "experiments|runs|metrics|artifacts|registered-models|model-versions|logged-models"
# The rest of MLflow's API has the server call addresses, start programs or hold keys: webhooks, gateway, jobs.
CALL = re.compile(rf"api/2\.0/mlflow/(?P<call>(?:{SERVICES})(?:/[^/]+)*)")
FILE = re.compile(r"api/2\.0/mlflow-artifacts/artifacts(?:/.*)?", re.DOTALL)
FACTS = {"version", "health", "api/3.0/mlflow/server-info"}
LOOKS_UP = re.compile(r".*/(?:search|get-latest-versions)")  # sends what it looks for
ON_RECORD = re.compile(
    r"(?:experiments|registered-models|model-versions)/.*|.*/(?:delete|restore)|logged-models/[^/]+"
)
# What notebooks log; others would have MLflow read this machine.
SOURCES = {"mlflow-artifacts", "models", "runs"}
LONGEST = 200  # of a subject
NAMES = ("name", "experiment_id", "run_id")


class CallRefused(StudioError):
    """The studio does not pass this on."""


def call_of(path: str) -> str | None:
    """The name of a call; empty for a file; None for what is not passed on."""
    if any(part in (".", "..") for part in path.split("/")):
        return None
    if path in FACTS:
        return path
    if FILE.fullmatch(path):
        return ""
    found = CALL.fullmatch(path)
    return found["call"] if found else None


def only_looks(method: str, call: str) -> bool:
    return method in ("GET", "HEAD") or (method == "POST" and bool(LOOKS_UP.fullmatch(call)))


def check_call(*, call: str, sent: Any) -> None:
    """Places of files are MLflow's own, or it would read and write this machine's. Raises CallRefused."""
    if not isinstance(sent, dict):
        raise CallRefused(_("MLflow’s API takes a JSON object."))
    if call == "experiments/create" and (sent.get("artifact_location") or sent.get("artifactLocation")):
        raise CallRefused(
            _("Experiments keep their files with the studio’s MLflow. Leave artifact_location out.")
        )
    source = urlsplit(str(sent.get("source")))
    is_own = source.scheme in SOURCES and not source.netloc
    if call == "model-versions/create" and not is_own:
        raise CallRefused(
            _("Only models that were logged in the studio’s MLflow are registered this way. Log it first.")
        )


def note_call(*, user: Person, method: str, call: str, sent: Any) -> None:
    """After MLflow has done it: changes of experiments and of the registry, and what was deleted."""
    if not ON_RECORD.fullmatch(call):
        return
    known = sent if isinstance(sent, dict) else {}
    subject = next((str(known[name]) for name in NAMES if known.get(name)), call)
    record(actor=user, action="mlflow.call", subject=subject, call=f"{method} {call}")


def note_file(*, user: Person, method: str, path: str) -> None:
    """A file of a run or a model that was stored, perhaps over another one, or deleted."""
    record(actor=user, action="mlflow.call", subject=path[-LONGEST:], call=f"{method} file")
