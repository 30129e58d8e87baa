"""A node at work: what it does whenever its cluster is woken, and its heartbeat."""

import logging
import os
import queue
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from scoring.errors import ScoringError
from scoring.scorer.priority import set_niceness
from studio.actions import compute, endpoints, minibatches, provisioning, scorers, scratch, trials
from studio.actions.leases import Holder
from studio.actions.slots import Slot
from studio.embedded.processes import BACKGROUND
from studio.models import Cluster, Deployment, Node
from studio.models.leases import Leased

logger = logging.getLogger(__name__)

# Whoever waits for a page goes first. Not nicer, since a node that gets too little renews its leases too late.
NICENESS = {Cluster.Tier.DEDICATED: BACKGROUND, Cluster.Tier.LOW_PRIORITY: BACKGROUND + 5}
MOST_EXPECTED = 2  # environments; what each imports takes some 200 MB


class NodeAtWork(Holder):
    """One node process. Its threads call work() whenever the cluster is woken."""

    interval = 1.0  # how often a canceled job is looked for; the heartbeat itself is every fifth time

    def __init__(self, *, cluster_name: str):
        self.row: Node = compute.join_cluster(cluster_name=cluster_name)
        super().__init__("node")
        self.name = self.row.name
        self.slots = [Slot(self, number) for number in range(1, self.row.slots + 1)]
        self.dropped: set[int] = set()  # ids of jobs that nobody wants any more
        self.is_draining = False
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for slot in self.slots:
            self._free.put(slot)
        self._trying = threading.Lock()
        self._creating = threading.Lock()
        self._ticks = 0
        self._idle_since = time.monotonic()

    def work(self) -> None:
        """Try first rows while somebody waits for them, score until no mini-batch is eligible, then create
        deployments until none waits."""
        if self._trying.acquire(blocking=False):
            try:
                self._try_all()
            finally:
                self._trying.release()
        try:
            slot = self._free.get_nowait()
        except queue.Empty:
            slot = None
        if slot is not None:
            try:
                slot.score_all()
            finally:
                self._free.put(slot)
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

    def expect_work(self, pythons: Sequence[Path]) -> None:
        """Has what scorers are forked from ready before a job asks for it, as far as the last ones tell."""
        for python in pythons:
            try:
                scorers.pool().expect(python, stop=self.stopping.is_set)
            except (ScoringError, OSError):  # whoever needs it is told why
                logger.warning("what scorers are forked from does not start", exc_info=True)

    def is_unwanted(self, job_id: int) -> bool:
        return self.stopping.is_set() or job_id in self.dropped

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
        scored_for = {slot.job_id for slot in self.slots if slot.job_id is not None}
        # A new set each time: a job that is planned anew is wanted again.
        self.dropped = minibatches.jobs_to_drop(job_ids=scored_for) if scored_for else set()
        self._ticks += 1
        if self._ticks % 5 == 1:
            super().beat()
            self._report()
        for slot in self.slots:
            slot.ship_logs()
        scorers.pool().look_after()  # which cuts long logs, so after them
        if self.is_draining and self._is_idle():
            self.stopping.set()
            os.kill(os.getpid(), signal.SIGTERM)  # to Celery's worker, which ends the process in good order

    def _report(self) -> None:
        me = psutil.Process()
        family = [me, *me.children(recursive=True)]
        goes_on = compute.node_beats(
            node=self.row,
            busy=sum(slot.job_id is not None for slot in self.slots),
            cpu_percent=psutil.cpu_percent(),
            memory=sum(_resident(process) for process in family),
            idle_for=time.monotonic() - self._idle_since if self._is_idle() else None,
            loaded=scorers.pool().labels(),
        )
        self.is_draining = not goes_on

    def leave(self) -> None:
        self.stopping.set()
        for slot in self.slots:
            slot.forget()
        scorers.pool().close()
        compute.node_leaves(node=self.row)


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
    set_niceness(NICENESS[Cluster.Tier(cluster.tier)])
    _current.start()
    pythons = provisioning.expected_pythons(cluster=cluster, most=MOST_EXPECTED)
    threading.Thread(target=_current.expect_work, args=[pythons], name="expected", daemon=True).start()
    compute.wake_cluster(cluster, times=cluster.slots)  # there may be what it was started for
    return _current


def current() -> NodeAtWork:
    assert _current is not None, "this process is not a node"
    return _current
