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
from studio.embedded.home import PROJECT
from studio.models import Cluster, Node
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def machine(transactional_db: None, tmp_path: Path) -> Iterator[Any]:
    address, _slash, _name = os.environ["DATABASE_URL"].rpartition("/studio")
    database = f"{address}/{connection.settings_dict['NAME']}{_name}"
    environment = {**os.environ, "STUDIO_HOME": str(tmp_path), "DATABASE_URL": database}
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "machine"]
        with (tmp_path / "machine.log").open("ab") as log:
            started.append(subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for one in started:
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


def test_nodes_come_and_go_as_they_are_wanted(machine: Any) -> None:
    person = factories.user()
    cluster = factories.cluster("gpu", slots=1, idle_seconds=5, tier=Cluster.Tier.LOW_PRIORITY)
    process = machine()
    time.sleep(3)
    assert live() == []

    compute.start_cluster(user=person, cluster=cluster)  # warm for five seconds
    (node,) = eventually(live)
    assert node.nice() == 10
    eventually(lambda: gone([node]))  # idle for long enough
    assert process.poll() is None

    Cluster.objects.update(min_nodes=1)
    (node,) = eventually(live)
    node.kill()
    (again,) = eventually(lambda: [one for one in live() if one.pid != node.pid])

    compute.stop_cluster(user=person, cluster=cluster)
    eventually(lambda: gone([again]))
    time.sleep(2)
    assert live() == []
    cluster.refresh_from_db()
    assert cluster.problem == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_nodes_end_with_it(machine: Any, number: signal.Signals) -> None:
    factories.cluster("gpu", slots=1, min_nodes=1)
    process = machine()
    nodes = eventually(live)
    second = machine()
    assert second.wait(20) == 1, "one for each machine"
    process.send_signal(number)
    eventually(lambda: gone(nodes), seconds=20)
    assert process.wait(20) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    if number == signal.SIGTERM:
        assert Node.objects.get().stopped_at
