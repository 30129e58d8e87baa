"""The nodes of this machine: started as its clusters want them, drained when they want fewer.

One thread and one loop, since the kernel ties a child to the thread that started it. What it knows of each node is the
process itself; all else is asked of the database each time.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _

from studio.actions.compute import node_ended
from studio.actions.demand import demand_here, drain_surplus
from studio.embedded import logs
from studio.embedded.home import PROJECT
from studio.embedded.processes import Child, end_group
from studio.models import Cluster, Node

logger = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks
GRACE = 20.0  # for the nodes to end in good order; the supervisor itself waits 25 s
STEADY = 60.0  # a node that has run this long has recovered: earlier crashes count no more
LONGEST_PAUSE = 60.0
ROTATE_EVERY = 60.0


@dataclass
class OwnNode:
    process: "subprocess.Popen[bytes]"
    log: Path
    log_from: int
    started: float
    is_asked_to_end: bool = False


@dataclass
class OwnCluster:
    nodes: list[OwnNode] = field(default_factory=list)
    crashes: int = 0
    start_at: float = 0.0  # not before, since the last one crashed


def node_command(cluster: str) -> list[str]:
    return [sys.executable, "manage.py", "node", "--cluster", cluster]


class Machine:
    """`command` makes the command line of a node of a cluster."""

    def __init__(self, *, folder: Path, command: Callable[[str], list[str]] = node_command):
        self.folder = folder
        self.command = command
        self.host = socket.gethostname()
        self.stopping = threading.Event()
        self.clusters: dict[str, OwnCluster] = {}
        self.ready_said = False
        self._rotated = time.monotonic()

    def run(self, *, say_ready: Callable[[], None] = lambda: None) -> None:
        """Until `stopping` is set; `say_ready` once each cluster that wants nodes has one."""
        try:
            while not self.stopping.is_set():
                if self._look() and not self.ready_said:
                    self.ready_said = True
                    say_ready()
                self.stopping.wait(EVERY if self.ready_said else 0.1)
        finally:
            self.stop()

    def _look(self) -> bool:
        try:
            return self.compare()
        except (OperationalError, InterfaceError):
            logger.warning("the database is away; what runs goes on", extra={"action": "database_away"})
            close_old_connections()
        except Exception:  # whatever it was, the next look must come
            logger.exception("the nodes could not be looked after", extra={"action": "machine_bug"})
        finally:
            self._rotate()
        return False

    def compare(self) -> bool:
        """One comparison of what is wanted with what runs; whether every cluster has what it starts with."""
        wanted = demand_here()
        rows = self._rows()
        names = {cluster.name for cluster in wanted}
        for name in self.clusters.keys() - names:
            self._end_all(self.clusters[name])  # deleted; its nodes have nothing to finish
        self.clusters = {name: own for name, own in self.clusters.items() if own.nodes or name in names}
        for cluster, count in wanted.items():
            own = self.clusters.setdefault(cluster.name, OwnCluster())
            self._bury(cluster, own, rows)
            self._adjust(cluster, own, count, rows)
        return all(self._has_one(cluster.name, count, rows) for cluster, count in wanted.items())

    def _rows(self) -> dict[int, Node]:
        """The nodes of this machine that have joined, by their process."""
        pids = [one.process.pid for own in self.clusters.values() for one in own.nodes]
        if not pids:
            return {}
        # A row of an earlier start of this machine may have the same number: it has ended, and tells nothing.
        rows = Node.objects.filter(host=self.host, pid__in=pids, stopped_at=None).order_by("pk")
        return {row.pid: row for row in rows}

    def _has_one(self, name: str, count: int, rows: dict[int, Node]) -> bool:
        own = self.clusters[name]
        return not count or bool(own.crashes) or any(one.process.pid in rows for one in own.nodes)

    def _adjust(self, cluster: Cluster, own: OwnCluster, wanted: int, rows: dict[int, Node]) -> None:
        for one in own.nodes:
            row = rows.get(one.process.pid)
            one.is_asked_to_end |= bool(row and row.is_draining)
        active = sum(1 for one in own.nodes if not one.is_asked_to_end)
        if active > wanted:
            pids = [one.process.pid for one in own.nodes]
            drain_surplus(cluster=cluster, pids=pids, host=self.host, count=active - wanted)
        elif time.monotonic() >= own.start_at:
            # A draining node still has its memory: the maximum counts it.
            for _number in range(min(wanted - active, cluster.max_nodes - len(own.nodes))):
                own.nodes.append(self._start(cluster.name, own))

    def _start(self, cluster: str, own: OwnCluster) -> OwnNode:
        taken = {one.log.name for one in own.nodes}
        numbers = iter(range(1, len(taken) + 2))
        log = next(self.folder / name for n in numbers if (name := f"node-{cluster}-{n}.log") not in taken)
        child = Child(
            name=log.stem, command=self.command(cluster), folder=PROJECT, environment=dict(os.environ)
        )
        with logs.open_log(log) as output:
            log_from = log.stat().st_size
            return OwnNode(child.start(output), log, log_from, time.monotonic())

    def _bury(self, cluster: Cluster, own: OwnCluster, rows: dict[int, Node]) -> None:
        for one in [one for one in own.nodes if one.process.poll() is not None]:
            own.nodes.remove(one)
            end_group(one.process)  # what it started must not outlive it
            if row := rows.get(one.process.pid):
                node_ended(node=row)
            if one.is_asked_to_end or cluster.is_stopped or one.process.returncode == 0:
                own.crashes = 0
                continue
            self._crashed(cluster, own, one)

    def _crashed(self, cluster: Cluster, own: OwnCluster, one: OwnNode) -> None:
        own.crashes = 1 if time.monotonic() - one.started > STEADY else own.crashes + 1
        pause = min(2.0 ** (own.crashes - 1), LONGEST_PAUSE)
        own.start_at = time.monotonic() + pause
        last = " ".join(logs.last_lines(logs.since(one.log, one.log_from), 1))
        logger.warning(
            "a node of %s ended unexpectedly (%s); starting one again in %.0f s",
            cluster.name,
            one.process.returncode,
            pause,
            extra={"action": "node_crashed"},
        )
        if own.crashes > 1:
            problem = _("Its last one ended by itself: %(line)s The log is %(log)s.") % {
                "line": last[:500],
                "log": one.log,
            }
            Cluster.objects.filter(pk=cluster.pk).update(problem=problem)

    def _end_all(self, own: OwnCluster) -> None:
        for one in own.nodes:
            if one.process.poll() is None and not one.is_asked_to_end:
                one.is_asked_to_end = True
                one.process.terminate()
        for one in [one for one in own.nodes if one.process.poll() is not None]:
            own.nodes.remove(one)
            end_group(one.process)

    def stop(self) -> None:
        """End every node: each gives back what it works on."""
        nodes: Sequence[OwnNode] = [one for own in self.clusters.values() for one in own.nodes]
        for one in nodes:
            one.process.terminate()
        end = time.monotonic() + GRACE
        while time.monotonic() < end and any(one.process.poll() is None for one in nodes):
            time.sleep(0.05)
        for one in nodes:
            end_group(one.process)

    def _rotate(self) -> None:
        if time.monotonic() - self._rotated < ROTATE_EVERY:
            return
        self._rotated = time.monotonic()
        for own in self.clusters.values():
            for one in own.nodes:
                logs.rotate(one.log)
