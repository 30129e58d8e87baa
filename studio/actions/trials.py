"""*Try the first rows*: asked for on a page, scored by a node while somebody looks on, forgotten after a day."""

import logging
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.errors import ScoringCanceled, ScoringError
from scoring.first_rows import cut_first_rows
from scoring.outputs import PartRef, PartSlice, read_errors, write_predictions
from scoring.plan import file_kind, to_score
from scoring.preview import Preview, first_rows
from scoring.processes import LocalSlice
from scoring.reports import storable
from scoring.settings import ScoringSettings
from studio.actions import events, provisioning, scorers
from studio.actions.compute import wake_cluster
from studio.actions.inputs import list_input, opener, unreadable
from studio.actions.jobs import waiting_reason
from studio.actions.leases import Holder
from studio.actions.scratch import scratch
from studio.errors import StudioError
from studio.models import Cluster, Datastore, Deployment, Node, Trial
from studio.models.states import MoveRefused
from studio.permissions import check_can_use_deployment
from studio.stores import tidy

logger = logging.getLogger(__name__)

ROWS = 20
MOST_COLUMNS = 200
LONGEST_VALUE = 200
MAX_DRIVES = 3  # nodes that may die over one trial before it is taken for the cause
KEPT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What the page shows. A row is {row, predictions, inputs, message}: its number in the file, the values in
    the order of the names here, and why it could not be scored, if so."""

    file: str
    predictions: list[str]
    inputs: list[str]
    rows: list[dict[str, Any]]


def request_trial(
    *, user: User, deployment: Deployment, settings: ScoringSettings, datastore: Datastore, path: str
) -> Trial:
    """Have the first rows scored; one that the person waits for already is given back. Raises NotAllowed."""
    check_can_use_deployment(user, deployment)
    same: dict[str, Any] = {
        "deployment": deployment,
        "settings": settings.to_dict(),
        "datastore": datastore,
        "path": tidy(path),
    }
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # a second click waits for the first
        waiting = Trial.objects.visible_to(user).unfinished().of(**same).first()
        if waiting:
            return waiting
        trial = Trial.objects.create(created_by=user, **same)
        subject = f"{deployment.endpoint.name}/{deployment.name}"
        events.record(actor=user, action="trial.request", subject=subject, path=trial.path)
        wake_cluster(deployment.cluster, times=1)
    return trial


def find_trial(
    *, user: User, deployment: Deployment, settings: ScoringSettings, datastore: Datastore, path: str
) -> Trial | None:
    """The person's newest trial of just this."""
    mine = Trial.objects.visible_to(user).select_related("deployment__cluster")
    found = mine.of(deployment=deployment, settings=settings.to_dict(), datastore=datastore, path=tidy(path))
    trial: Trial | None = found.first()
    return trial


def waiting_sentence(trial: Trial) -> str:
    """Why nothing has happened yet; empty once a node has it."""
    if trial.status != Trial.Status.WAITING:
        return ""
    cluster = trial.deployment.cluster
    if Node.objects.taking_work().filter(cluster=cluster).exists():
        return _("A node of the cluster %(cluster)s is about to take it.") % {"cluster": cluster.name}
    return waiting_reason(cluster)


def claim_trial(*, node: Node) -> Trial | None:
    """Take the trial that has waited longest for the cluster of `node`."""
    with transaction.atomic():
        trial = (
            Trial.objects.waiting()
            .filter(deployment__cluster=node.cluster_id)
            .order_by("created_at")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if trial is None:
            return None
        trial.move_to(Trial.Status.RUNNING, drives=F("drives") + 1, **Trial.taken_by(node.name))
    return trial


def run_trial(*, trial: Trial, holder: Holder, memory: int, stop: provisioning.Stop) -> None:
    """Score the first rows of the first file; the trial has then completed, failed or, at a stop, waits again."""
    began = time.monotonic()
    outcome: dict[str, Any] = {"status": Trial.Status.FAILED}
    with holder.holding(trial):
        try:
            result = _first_rows_scored(trial, memory, stop)
            outcome = {"status": Trial.Status.COMPLETED, "result": storable(asdict(result))}
        except ScoringCanceled:
            outcome = {"status": Trial.Status.WAITING, "drives": F("drives") - 1}
        except (ScoringError, StudioError) as error:
            outcome |= {"error": str(error), "traceback": getattr(error, "traceback", "")}
        except OSError as error:
            outcome |= {"error": unreadable(error)}
        except (OperationalError, InterfaceError):
            logger.exception("the database was away", extra={"action": "database_away"})
            close_old_connections()  # the lease runs out, and the sweep has it tried again
            return
        except Exception as error:
            logger.exception("a trial met a bug of the studio", extra={"action": "trial_bug"})
            sentence = _("The studio itself failed here (%(kind)s). Try again; report it if it recurs.")
            outcome |= {
                "error": sentence % {"kind": type(error).__name__},
                "traceback": "".join(traceback.format_exception(error)),
            }
        _end(trial, seconds=time.monotonic() - began, **outcome)


def _end(trial: Trial, *, status: str, **fields: Any) -> None:
    if status in Trial.terminal():
        fields["finished_at"] = Now()
    try:
        trial.move_to(status, held=trial.lease, **fields, **Trial.RELEASED)
    except (MoveRefused, Trial.DoesNotExist):  # its deployment was deleted, or the lease was lost
        logger.info("nobody waits for this trial any more", extra={"action": "trial_lost"})


def _first_rows_scored(trial: Trial, memory: int, stop: provisioning.Stop) -> TrialResult:
    files = list_input(datastore=trial.datastore, path=trial.path)
    name = to_score(files=files)[0].path
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="trial-") as folder:
        start = Path(folder, f"first-rows{Path(name.lower().removesuffix('.gz')).suffix}")
        wanted = ScoringSettings.from_dict(trial.settings).dialect
        with opener(trial.datastore, trial.path)(name) as stream:
            dialect = cut_first_rows(stream=stream, name=name, destination=start, rows=ROWS, dialect=wanted)
        cut = LocalSlice(path=start, kind=file_kind(start.name), name=name, dialect=dialect)
        part = _scored(trial, cut, memory, stop)
        with start.open("rb") as stream:
            given = first_rows(stream=stream, name=start.name, rows=ROWS, dialect=dialect)
        return _put_together(trial, name, part, given)


def _scored(trial: Trial, cut: LocalSlice, memory: int, stop: provisioning.Stop) -> PartRef:
    """As a job would: in the deployment's environment, with the trial's settings."""
    start = cut.path
    deployment = Deployment.objects.with_model().get(pk=trial.deployment_id)
    model = provisioning.ensure_model(uri=deployment.model_version.uri, key=deployment.model_key, stop=stop)
    environment = provisioning.ensure_environment(spec=deployment.environment, log=logger.info, stop=stop)
    part, errors = start.with_name("part.arrow"), start.with_name("errors.arrow")
    with scorers.leased(
        environment=environment,
        requirements=deployment.environment["requirements"],
        model=model,
        variables=trial.settings["environment_variables"],
        memory=memory,
        label=deployment.model_label,
        log=start.with_name("scorer.log"),
        stop=stop,
    ) as scorer:
        report = scorer.score(
            slices=[cut],
            part=part,
            errors=errors,
            timeout=trial.settings["timeout"],
            pass_through=trial.settings["pass_through"],
            class_probabilities=trial.settings["class_probabilities"],
            stop=stop,
        )
    slices = [PartSlice(file_name=cut.name, offset_row=0, report=report.slices[0])]
    return PartRef(part=part, errors=errors if errors.exists() else None, slices=slices)


def _put_together(trial: Trial, name: str, part: PartRef, given: Preview) -> TrialResult:
    """The rows as they were given, with what the output would say of them, passed columns aside."""
    import pyarrow.parquet as pq

    assert isinstance(part.part, Path)
    passed = trial.settings["pass_through"]
    output = part.part.with_name("predictions.parquet")
    names = write_predictions(parts=[part], destination=output, pass_through=passed).columns[
        1 + len(passed) : -1
    ]
    scored = {row[0]: row[1 + len(passed) : -1] for row in _rows(pq.read_table(output))}
    messages = {row: message for _slice, row, _stage, message in read_errors(part)}
    rows = [
        {
            "row": number,
            "inputs": [_short(value) for value in values[:MOST_COLUMNS]],
            "predictions": [_short(value) for value in scored.get(number, [None] * len(names))],
            "message": messages.get(number, ""),
        }
        for number, values in enumerate(given.rows)
    ]
    columns = [column.name for column in given.columns[:MOST_COLUMNS]]
    return TrialResult(file=name, predictions=names, inputs=columns, rows=rows)


def _rows(table: Any) -> list[list[Any]]:
    """By place: two columns may have the same name."""
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def _short(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def recover_lost_trials() -> None:
    """Those whose node has gone silent wait for another one, unless several died over them."""
    for trial in Trial.objects.filter(status=Trial.Status.RUNNING).lease_lost():
        if trial.drives < MAX_DRIVES:
            _end(trial, status=Trial.Status.WAITING)
        else:
            error = _("The node died %(times)s times while it tried these rows.") % {"times": trial.drives}
            _end(trial, status=Trial.Status.FAILED, error=error)


def forget_old_trials() -> None:
    Trial.objects.filter(created_at__lt=Now() - KEPT).delete()


def wake_for_trials() -> None:
    """Only clusters with a node: a message that nobody reads would wait in its queue."""
    alive = Node.objects.taking_work().values("cluster")
    waiting = Trial.objects.waiting().values("deployment__cluster")
    for cluster in Cluster.objects.filter(pk__in=waiting).filter(pk__in=alive):
        wake_cluster(cluster, times=1)
