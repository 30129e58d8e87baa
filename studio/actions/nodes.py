"""A node at work: its slots, the scorer that each keeps for a job, and its heartbeat."""

import logging
import os
import queue
import signal
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _

from scoring.errors import EnvironmentBuildError, InputError, ModelLoadError, ScoringCanceled, ScoringError
from scoring.plan import file_kind
from scoring.processes import LocalSlice, Scorer
from scoring.settings import ScoringSettings
from studio.actions import (
    compute,
    endpoints,
    isolating,
    minibatches,
    parts,
    provisioning,
    scorers,
    scratch,
    trials,
)
from studio.actions.inputs import input_object
from studio.actions.leases import Holder
from studio.actions.log_shipping import ScorerLog
from studio.errors import StudioError, Unavailable
from studio.models import Cluster, Deployment, Job, MiniBatch, Node
from studio.models.leases import Leased
from studio.models.states import MoveRefused
from studio.stores import open_store, reason

logger = logging.getLogger(__name__)

NICE = 10  # of the nodes of low priority
STAYS = 1.0  # seconds that a slot scores for one job before it looks whether another has fewer running


@dataclass(frozen=True, kw_only=True)
class KeptForJob:
    """What a slot keeps for a job from one of its mini-batches to the next."""

    job: Job
    log: ScorerLog  # what the model prints
    scorer: Callable[..., AbstractContextManager[Scorer]]  # scorers.leased() with what the job needs


class NodeAtWork(Holder):
    """One node process. Its threads call work() whenever the cluster is woken."""

    interval = 1.0  # how often a canceled job is looked for; the heartbeat itself is every fifth time

    def __init__(self, *, cluster_name: str):
        self.row: Node = compute.join_cluster(cluster_name=cluster_name)
        super().__init__("node")
        self.name = self.row.name
        self.slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(1, self.row.slots + 1):
            self.slots.put(number)
        self.kept: dict[tuple[int, int], KeptForJob] = {}  # by slot and job id
        self.dropped: set[int] = set()  # ids of jobs that nobody wants any more
        self.running: dict[int, int] = {}  # slot -> job id
        self._trying = threading.Lock()
        self._creating = threading.Lock()
        self._ticks = 0
        self._idle_since = time.monotonic()
        self._is_draining = False

    def work(self) -> None:
        """Try first rows while somebody waits for them, score until no mini-batch is eligible, then create
        deployments until none waits."""
        if self._trying.acquire(blocking=False):
            try:
                self._try_all()
            finally:
                self._trying.release()
        try:
            slot = self.slots.get_nowait()
        except queue.Empty:
            slot = None
        if slot is not None:
            try:
                self._score_all(slot)
            finally:
                self.slots.put(slot)
        if self._creating.acquire(blocking=False):
            try:
                self._create_all()
            finally:
                self._creating.release()

    def _takes_work(self) -> bool:
        return not self.stopping.is_set() and compute.takes_work(node=self.row)

    def _try_all(self) -> None:
        """Beside the slots, so that nobody waits behind a long job; one at a time."""
        while self._takes_work():
            trial = trials.claim_trial(node=self.row)
            if trial is None:
                return
            memory = self.row.cluster.slot_memory
            trials.run_trial(trial=trial, holder=self, memory=memory, stop=self.stopping.is_set)

    def _create_all(self) -> None:
        while self._takes_work():
            deployment = endpoints.claim_deployment(cluster=self.row.cluster, worker=self.name)
            if deployment is None:
                return
            provisioning.create_on_node(deployment=deployment, holder=self, stop=self.stopping.is_set)
            if Deployment.objects.creating().filter(pk=deployment.pk).exists():
                return  # it waits for a service that is away; the sweep brings it back

    def _score_all(self, slot: int) -> None:
        """For STAYS seconds those of one job: to look at all jobs takes as long as to score a thousand rows."""
        minibatch: MiniBatch | None = None
        chosen = 0.0
        try:
            while not self.stopping.is_set():
                if minibatch is None:
                    chosen = time.monotonic()
                    minibatch = minibatches.claim_minibatch(node=self.row, slot=slot)
                if minibatch is None:
                    return
                rests, minibatch = self._score(slot, minibatch, stays_until=chosen + STAYS)
                if rests:
                    return
            if minibatch is not None:
                minibatches.give_back(minibatch=minibatch)
        finally:
            self._forget([key for key in self.kept.copy() if key[0] == slot])

    def _forget(self, keys: Iterable[tuple[int, int]]) -> None:
        for key in keys:
            kept = self.kept.pop(key, None)
            if kept:  # the node may be leaving meanwhile
                kept.log.close()

    def _score(self, slot: int, minibatch: MiniBatch, *, stays_until: float) -> tuple[bool, MiniBatch | None]:
        """Score one mini-batch and note the outcome: whether the slot should rest, and where it stays with the job
        (until that time of the monotonic clock), the next one, if there is one."""
        self.running[slot] = minibatch.job_id
        try:
            with self.holding(minibatch):
                part, report = self._attempt(self._keep(slot, minibatch), minibatch)
                return False, self._record(minibatch, part, report, stays_until)
        except ScoringCanceled:
            minibatches.give_back(minibatch=minibatch)
        except Unavailable as away:
            minibatches.give_back(minibatch=minibatch, at_once=False, reason=str(away))
            return True, None
        except (ScoringError, StudioError) as error:
            self._failed(minibatch, error)
        except OSError as error:
            full = _("What was scored cannot be stored: %(reason)s. Make room, and retry the job.")
            self._failed(minibatch, ScoringError(full % {"reason": reason(error)}))
        except (OperationalError, InterfaceError):
            # Not the model's failure: the lease runs out, and the sweep gives the mini-batch to the next slot.
            logger.exception("the database was away", extra={"action": "database_away"})
            close_old_connections()
            return True, None
        except Exception as error:
            logger.exception("a mini-batch met a bug of the studio", extra={"action": "minibatch_bug"})
            sentence = (
                f"The studio itself failed here ({type(error).__name__}). Try again; report it if it recurs."
            )
            self._failed(minibatch, ScoringError(sentence, traceback=traceback.format_exc()))
        finally:
            self.running.pop(slot, None)
        return False, None

    def _record(
        self, minibatch: MiniBatch, part: dict[str, Any], report: dict[str, Any], stays_until: float
    ) -> MiniBatch | None:
        leaves = self.stopping.is_set() or self._is_draining or time.monotonic() > stays_until
        try:
            if not leaves:
                return minibatches.record_and_claim(
                    minibatch=minibatch, part=part, report=report, node=self.row
                )
            minibatches.record_minibatch(minibatch=minibatch, part=part, report=report)
        except MoveRefused:
            logger.info("this mini-batch belongs to another node now", extra={"action": "lease_lost"})
            parts.discard_part(minibatch=minibatch, part=part)
        return None

    @staticmethod
    def _failed(minibatch: MiniBatch, error: ScoringError | StudioError) -> None:
        try:
            minibatches.fail_attempt(
                minibatch=minibatch,
                error=str(error),
                error_input=getattr(error, "file", "") or minibatch.slices[0]["path"],
                traceback=getattr(error, "traceback", ""),
                is_final=isinstance(error, InputError | StudioError),
                is_of_every_minibatch=isinstance(error, ModelLoadError | EnvironmentBuildError),
            )
        except MoveRefused:
            logger.info("this mini-batch belongs to another node now", extra={"action": "lease_lost"})

    def _attempt(self, kept: KeptForJob, minibatch: MiniBatch) -> tuple[dict[str, Any], dict[str, Any]]:
        job = kept.job
        slices = local_slices(job=job, minibatch=minibatch)
        with tempfile.TemporaryDirectory(dir=scratch.scratch(), prefix="minibatch-") as folder:
            ask = partial(self._ask, kept, Path(folder))
            scored = isolating.score(minibatch=minibatch, slices=slices, aside=Path(folder), ask=ask)
            _check_same(slices, local_slices(job=job, minibatch=minibatch))
            part = parts.store_part(minibatch=minibatch, part=scored.part, errors=scored.errors)
        return part, scored.report.to_dict()

    def _ask(
        self, kept: KeptForJob, folder: Path, slices: Sequence[LocalSlice], first: int
    ) -> isolating.Scored:
        job = kept.job
        part, errors = folder / "asked.part.arrow", folder / "asked.errors.arrow"
        with kept.scorer() as scorer:
            if job.waiting_for:
                self._wait(job, "")
            report = scorer.score(
                slices=slices,
                first=first,
                part=part,
                errors=errors,
                timeout=job.settings["timeout"],
                pass_through=job.settings.get("pass_through", []),
                class_probabilities=job.settings.get("class_probabilities", False),
                at_once=not job.spec.get("is_divisible", True),
                stop=partial(self._is_unwanted, job.pk),
            )
        return isolating.Scored(part=part, errors=errors, report=report)

    def _keep(self, slot: int, minibatch: MiniBatch) -> KeptForJob:
        """With the model and its environment on this node; for the job's further mini-batches on this slot, too."""
        key = (slot, minibatch.job_id)
        if key not in self.kept:
            self.kept[key] = self._kept_for(slot, minibatch.job)
        minibatch.job = self.kept[key].job
        return self.kept[key]

    def _kept_for(self, slot: int, job: Job) -> KeptForJob:
        stop = partial(self._is_unwanted, job.pk)
        if not provisioning.environment_is_built(job.spec["environment"]):
            self._wait(job, _("The model's environment is being built on %(node)s."))
        model = provisioning.ensure_model(uri=job.spec["model_uri"], key=job.spec["model_key"], stop=stop)
        environment = provisioning.ensure_environment(
            spec=job.spec["environment"], log=logger.info, stop=stop
        )
        file = scratch.scorer_logs() / f"{job.name}-{self.name}-slot{slot}.log"
        scorer = partial(
            scorers.leased,
            environment=environment,
            requirements=job.spec["environment"]["requirements"],
            model=model,
            variables=job.settings["environment_variables"],
            memory=self.row.cluster.slot_memory,
            label=job.model_label,
            log=file,
            stop=stop,
            starting=partial(self._wait, job, _("The model is being loaded on %(node)s.")),
        )
        return KeptForJob(
            job=job, log=ScorerLog(job=job, node=self.name, slot=slot, file=file), scorer=scorer
        )

    def _is_unwanted(self, job_id: int) -> bool:
        return self.stopping.is_set() or job_id in self.dropped

    def _wait(self, job: Job, reason: str) -> None:
        """What a job waits for on this node, as its page says it."""
        job.waiting_for = reason % {"node": self.name} if reason else ""
        Job.objects.filter(pk=job.pk).update(waiting_for=job.waiting_for)

    @contextmanager
    def holding(self, row: Leased) -> Iterator[uuid.UUID]:
        """Whatever a node does, it holds a row for it: it has been idle since it let go of the last one."""
        with super().holding(row) as lease:
            try:
                yield lease
            finally:
                self._idle_since = time.monotonic()

    def _is_idle(self) -> bool:
        with self._lock:
            return not any(self._held.values())

    def beat(self) -> None:
        """Every second: which jobs are canceled, what scorers print. Every fifth: the leases, and how this node is."""
        if self.running:
            self.dropped |= minibatches.jobs_to_drop(job_ids=set(self.running.copy().values()))
        self._ticks += 1
        if self._ticks % 5 == 1:
            super().beat()
            self._report()
        scorers.pool().look_after()
        for kept in self.kept.copy().values():
            kept.log.ship()
        if self._is_draining and self._is_idle():
            self.stopping.set()
            os.kill(os.getpid(), signal.SIGTERM)  # to Celery's worker, which ends the process in good order

    def _report(self) -> None:
        me = psutil.Process()
        family = [me, *me.children(recursive=True)]
        goes_on = compute.node_beats(
            node=self.row,
            busy=len(self.running),
            cpu_percent=psutil.cpu_percent(),
            memory=sum(_resident(process) for process in family),
            idle_for=time.monotonic() - self._idle_since if self._is_idle() else None,
            loaded=scorers.pool().labels(),
        )
        self._is_draining = not goes_on

    def leave(self) -> None:
        self.stopping.set()
        self._forget(list(self.kept))
        scorers.pool().close()
        compute.node_leaves(node=self.row)


def local_slices(*, job: Job, minibatch: MiniBatch) -> list[LocalSlice]:
    """The files of a mini-batch on this machine; one that is not as it was planned is `refused`."""
    store, local = open_store(job.input_datastore), []
    dialect = ScoringSettings.from_dict(job.settings).dialect
    for planned in minibatch.slices:
        path = input_object(datastore=job.input_datastore, root=job.input_path, relative=planned["path"])
        present, refused = store.stat(path), ""
        if present is None or present.etag != planned["etag"]:
            changed = _("has disappeared") if present is None else _("has changed")
            refused = f"{planned['path']} {changed} since the job was planned. Create the job again."
        local.append(
            LocalSlice(
                path=store.local_file(path),
                kind=file_kind(planned["path"]),
                name=planned["path"],
                start=planned["start"],
                end=planned["end"],
                dialect=dialect,
                refused=refused,
            )
        )
    return local


def _check_same(before: list[LocalSlice], after: list[LocalSlice]) -> None:
    """Raises ScoringError for a file that changed while it was read; the next attempt refuses it alone."""
    for old, new in zip(before, after, strict=True):
        if new.refused and not old.refused:
            raise ScoringError(new.refused, file=new.name)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


_current: NodeAtWork | None = None


def become(*, cluster_name: str) -> NodeAtWork:
    """Make this process a node of the cluster. Raises Cluster.DoesNotExist, ClusterIsStopped."""
    global _current
    scratch.clear()
    _current = NodeAtWork(cluster_name=cluster_name)
    cluster = _current.row.cluster
    if cluster.tier == Cluster.Tier.LOW_PRIORITY:
        os.nice(NICE)
    _current.start()
    compute.wake_cluster(cluster, times=cluster.slots)  # there may be what it was started for
    return _current


def current() -> NodeAtWork:
    assert _current is not None, "this process is not a node"
    return _current
