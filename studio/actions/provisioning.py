"""What a node has to have before it scores: the model's files, its environment, and proof that it loads."""

import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import uv
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _

from scoring.environment import Environment, EnvironmentSpec, build_environment, find_environment, last_used
from scoring.errors import EnvironmentBuildError, ModelLoadError, ScoringCanceled, ScoringError
from scoring.locking import exclusive, lock_of
from scoring.parents import is_forked
from scoring.processes import Scorer
from scoring.reports import storable
from scoring.settings import THREAD_VARIABLES
from studio.actions import endpoints, scorers
from studio.actions.leases import Holder
from studio.actions.models import public
from studio.actions.scratch import scratch
from studio.errors import Unavailable
from studio.models import Cluster, Deployment
from studio.models.states import MoveRefused

logger = logging.getLogger(__name__)
MOST_PRINTED = 64 << 10  # bytes, from the end of what the model has printed

MAX_ATTEMPTS = 3  # nodes that may die over one deployment before it is taken for the cause
AWAY = re.compile(
    r"ConnectionError|Connection refused|Max retries exceeded|timed out|\b50[234] error|error code 50[234]"
)
# Half the time of MLflow's command line, which imports all that it could do besides.
FETCH = """
import sys
from mlflow.artifacts import download_artifacts
download_artifacts(artifact_uri=sys.argv[1], dst_path=sys.argv[2])
"""
Stop = Callable[[], bool]


def environment_is_built(spec: dict[str, Any]) -> bool:
    return bool(find_environment(spec=EnvironmentSpec.from_dict(spec), root=_folder("environments")))


def ensure_environment(*, spec: dict[str, Any], log: Callable[[str], None], stop: Stop) -> Environment:
    return build_environment(
        spec=EnvironmentSpec.from_dict(spec),
        root=_folder("environments"),
        uv=Path(uv.find_uv_bin()),
        log=log,
        stop=stop,
    )


def expected_pythons(*, cluster: Cluster, most: int) -> list[Path]:
    """Of the environments of its deployments that were used last on this machine, where their scorers are forked."""
    root = _folder("environments")
    deployed = cluster.deployments.ready().values_list("environment", flat=True)
    keys = {EnvironmentSpec.from_dict(spec).key for spec in deployed}
    specs = last_used(root=root, most=most, among=keys)
    forked = [spec for spec in specs if is_forked(requirements=spec.requirements, variables={})]
    return [found.python for spec in forked if (found := find_environment(spec=spec, root=root))]


def ensure_model(*, uri: str, key: str, stop: Stop) -> Path:
    """Folder with the files of a model, fetched from MLflow once for each node.

    Raises Unavailable when MLflow does not answer, ModelLoadError when it does and has no such files.
    """
    folder = _folder("models")
    ready = folder / key
    with exclusive(lock_of(folder, key), stop=stop):
        if ready.exists():
            os.utime(ready)  # when it was used last
            return ready
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as aside:
            _download(uri, Path(aside), stop)
            os.replace(aside, ready)
            Path(aside).mkdir()
    return ready


def _download(uri: str, folder: Path, stop: Stop) -> None:
    # MLflow's client weighs 180 MB, so a process of its own fetches the files and ends.
    command = [sys.executable, "-c", FETCH, uri, str(folder)]
    passed = {
        name: value for name, value in os.environ.items() if name.endswith(("_PROXY", "_CERT", "_BUNDLE"))
    }
    environment = {
        **passed,
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "MLFLOW_TRACKING_URI": settings.MLFLOW_TRACKING_URI,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    }
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        while child.poll() is None:
            if stop():
                child.kill()
                child.wait()
                raise ScoringCanceled("Nobody waits for the model any more.")
            time.sleep(0.05)
        if child.returncode:
            output.seek(0)
            _explain(uri, public(output.read().decode(errors="replace")))


def _explain(uri: str, said: str) -> None:
    # MLflow may be back by the time it is asked whether it was away.
    if AWAY.search(said) or not mlflow_answers():
        raise Unavailable(
            _("MLflow at %(address)s does not answer. Work goes on when it is back.")
            % {"address": settings.MLFLOW_ADDRESS}
        )
    last = said.strip().splitlines()[-1:] or ["no reason given"]
    raise ModelLoadError(f"The files of {uri} cannot be fetched from MLflow: {last[0]}", traceback=said)


def mlflow_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{settings.MLFLOW_ADDRESS}/health", timeout=3) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


class DeploymentLog:
    """Lines for the deployment's page, written at most once a second."""

    def __init__(self, deployment: Deployment):
        self.deployment = deployment
        self.lines: list[str] = []
        self._written = 0.0

    def __call__(self, line: str) -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S', time.gmtime())}  {storable(line.rstrip())}")
        if time.monotonic() - self._written > 1:
            self.flush()

    def flush(self) -> None:
        self._written = time.monotonic()
        try:
            endpoints.write_log(deployment=self.deployment, text="\n".join(self.lines))
        except (OperationalError, InterfaceError):  # a line of a log is not worth the build
            close_old_connections()


class _Unwanted:
    """Says stop when the node stops, and when the deployment was deleted or given to another node."""

    def __init__(self, deployment: Deployment, stop: Stop):
        self._row = Deployment.objects.filter(pk=deployment.pk, lease=deployment.lease)
        self._stop = stop
        self._asked = time.monotonic()
        self._lost = False

    def __call__(self) -> bool:
        if not self._lost and time.monotonic() - self._asked > 1:
            self._asked = time.monotonic()
            try:
                self._lost = not self._row.exists()
            except (OperationalError, InterfaceError):  # who is away has not said no
                close_old_connections()
        return self._lost or self._stop()


def create_on_node(*, deployment: Deployment, holder: Holder, stop: Stop) -> None:
    """Build the environment, load the model and score its example; then the deployment has succeeded or failed."""
    try:
        _create_on_node(deployment, holder, _Unwanted(deployment, stop))
    except MoveRefused:
        logger.info(
            "this deployment was deleted, or another node has it now", extra={"action": "deployment_lost"}
        )


def _create_on_node(deployment: Deployment, holder: Holder, stop: Stop) -> None:
    log = DeploymentLog(deployment)
    with holder.holding(deployment):
        try:
            if deployment.attempts > MAX_ATTEMPTS:
                raise ModelLoadError(f"The node died {MAX_ATTEMPTS} times while it tried this model.")
            tried = _try_model(deployment, log, stop)
            log.flush()
            endpoints.deployment_succeeded(deployment=deployment, **asdict(tried))
        except MoveRefused:
            raise
        except (Unavailable, ScoringCanceled) as waiting:
            log(str(waiting))
            log.flush()
            Deployment.objects.filter(pk=deployment.pk, lease=deployment.lease).update(
                attempts=deployment.attempts - 1, **Deployment.RELEASED
            )
        except ScoringError as error:
            log(str(error))
            log.flush()
            endpoints.deployment_failed(
                deployment=deployment,
                error=str(error),
                traceback=error.traceback,
                instead=error.instead if isinstance(error, EnvironmentBuildError) else None,
            )
        except (OperationalError, InterfaceError):
            logger.exception("the database was away", extra={"action": "database_away"})
            close_old_connections()  # the lease runs out, and the sweep has it tried again
        except Exception as error:
            logger.exception("a deployment met a bug of the studio", extra={"action": "deployment_bug"})
            sentence = f"The studio itself failed here ({type(error).__name__}). Retry; if it fails again, report it."
            endpoints.deployment_failed(
                deployment=deployment, error=sentence, traceback=traceback.format_exc()
            )


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """What a trial has found, as the fields of Deployment that say it."""

    notes: list[str]
    is_divisible: bool | None
    offers_probabilities: bool


def _try_model(deployment: Deployment, log: DeploymentLog, stop: Stop) -> _Tried:
    version = deployment.model_version
    log(f"Fetching the files of {version} from MLflow.")
    model = ensure_model(uri=version.uri, key=deployment.model_key, stop=stop)
    log("Building the environment of the model.")
    environment = ensure_environment(spec=deployment.environment, log=log, stop=stop)
    log("Loading the model in its environment.")
    with tempfile.NamedTemporaryFile(dir=scratch(), suffix=".log") as output:
        try:
            tried = _tried(deployment, environment, model, Path(output.name), log, stop)
        finally:
            for line in _end_of(Path(output.name)):
                log(line)
    return replace(tried, notes=[*environment.notes, *tried.notes])


def _end_of(printed: Path) -> list[str]:
    """Its last lines; a model may print more than fits into memory."""
    with printed.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - MOST_PRINTED))
        return file.read().decode(errors="replace").splitlines()[-200:]


def _try_halves(
    scorer: Scorer, timeout: int, log: DeploymentLog, stop: Stop
) -> tuple[list[str], bool | None]:
    """A model that cannot be tried so is as good as any: it has scored its example."""
    try:
        difference = scorer.halves(timeout=timeout, stop=stop)
    except ScoringCanceled:
        raise
    except ScoringError as error:
        log(f"It could not be scored whole and in halves: {error}")
        return [], None
    if difference is None:
        log("It takes no table that could be made to score it whole and in halves.")
        return [], None
    if not difference:
        log("Scored whole and in halves, it answers the same.")
        return [], True
    note = f"The model scores parts of a file differently from the whole, so files are never divided: {difference}."
    log(note)
    return [note], False


def _tried(
    deployment: Deployment,
    environment: Environment,
    model: Path,
    output: Path,
    log: DeploymentLog,
    stop: Stop,
) -> _Tried:
    with scorers.leased(
        environment=environment,
        requirements=deployment.environment["requirements"],
        model=model,
        variables=deployment.settings["environment_variables"],
        memory=deployment.cluster.slot_memory,
        label=deployment.model_label,
        log=output,
        stop=stop,
    ) as scorer:
        assert scorer.loaded, "a leased scorer has its model loaded"
        log(f"Loaded in {scorer.loaded.seconds:.1f} s with MLflow {scorer.loaded.mlflow_version}.")
        trial = scorer.trial(
            class_probabilities=deployment.settings.get("class_probabilities", False),
            timeout=deployment.settings["timeout"],
            stop=stop,
        )
        log(
            f"Scored {trial.rows} rows of its example; it answers with {', '.join(trial.columns) or 'no columns'}."
        )
        notes, is_divisible = _try_halves(scorer, deployment.settings["timeout"], log, stop)
        notes += _of_threads(deployment.settings["environment_variables"])
        return _Tried(
            notes=[*scorer.loaded.warnings, *trial.notes, *notes],
            is_divisible=is_divisible,
            offers_probabilities=trial.offers_classes,
        )


def _of_threads(variables: Mapping[str, str]) -> list[str]:
    if not set(variables) & set(THREAD_VARIABLES):
        return []
    return [
        "The deployment sets a number of threads, so the last bits of predictions may vary from run to run."
    ]


def _folder(name: str) -> Path:
    folder: Path = settings.STUDIO_HOME / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
