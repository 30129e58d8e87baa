"""`manage.py machine` with real nodes and a real database: starts them, restarts and drains them, ends with them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from studio.actions import compute
from studio.actions.machine import EVERY
from studio.embedded.home import PROJECT
from studio.models import Cluster, Node
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


class Machine:
    """Starts processes that look after the nodes of one STUDIO_HOME, and knows what they have printed."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home / "machine.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        address, _slash, options = os.environ["DATABASE_URL"].rpartition("/studio")
        database = f"{address}/{connection.settings_dict['NAME']}{options}"
        environment = {"STUDIO_HOME": str(self.home), "DATABASE_URL": database, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "manage.py", "machine"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=PROJECT, env={**os.environ, **environment}, stdout=log, stderr=log
            )
        self.started.append(process)
        return process


@pytest.fixture
def machine(transactional_db: None, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    for one in made.started:
        one.kill()
        one.wait()


def eventually(ask: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def live() -> list[psutil.Process]:
    return [psutil.Process(node.pid) for node in Node.objects.taking_work() if psutil.pid_exists(node.pid)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_nodes_come_and_go_as_they_are_wanted_and_end_in_good_order(machine: Machine) -> None:
    person = factories.user()
    cluster = factories.cluster("gpu", slots=1, idle_seconds=3, tier=Cluster.Tier.LOW_PRIORITY)
    process = machine.start()
    eventually(lambda: "The nodes are ready" in machine.log.read_text())  # it has looked: none is wanted
    assert live() == []

    compute.start_cluster(user=person, cluster=cluster)  # warm for three seconds
    (node,) = eventually(live)
    assert node.nice() == 15
    eventually(lambda: gone([node]))  # idle for long enough
    assert process.poll() is None

    Cluster.objects.update(min_nodes=1)
    (node,) = eventually(live)
    node.kill()
    (again,) = eventually(lambda: [one for one in live() if one.pid != node.pid])

    compute.stop_cluster(user=person, cluster=cluster)
    eventually(lambda: gone([again]))
    time.sleep(2 * EVERY)
    assert live() == []
    cluster.refresh_from_db()
    assert cluster.problem == ""

    log = machine.home / "logs" / "node-gpu-1.log"
    said = len(log.read_text())
    compute.start_cluster(user=person, cluster=cluster)
    nodes = eventually(live)
    eventually(lambda: " ready." in log.read_text()[said:])  # before that a signal ends it without a word
    process.send_signal(signal.SIGTERM)
    eventually(lambda: gone(nodes))
    assert process.wait(20) == 0
    assert Node.objects.latest("pk").stopped_at


def test_one_for_each_machine_and_nodes_do_not_outlive_it(machine: Machine) -> None:
    factories.cluster("gpu", slots=1, min_nodes=1)
    process = machine.start()
    nodes = eventually(live)
    assert machine.start().wait(20) == 1
    assert "Another process already looks after the nodes" in machine.log.read_text()
    process.kill()
    eventually(lambda: gone(nodes))
    assert process.wait(20) == -signal.SIGKILL
