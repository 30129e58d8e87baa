"""The real services that tests run against: the embedded PostgreSQL and Valkey, and MLflow when a test asks for it."""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from studio.embedded.home import only_one, runtime_dir
from studio.embedded.mlflow import Mlflow
from studio.embedded.postgres import Postgres
from studio.embedded.processes import Child, stop
from studio.embedded.valkey import Valkey


def temporary_home() -> Path:
    """Not pytest's tmp_path: as root that is closed to the user that PostgreSQL runs as."""
    home = Path(tempfile.mkdtemp(prefix="scoring-studio-test-"))
    home.chmod(0o755)
    return home.resolve()


_given: set[int] = set()


def free_port() -> int:
    """Another one each time, below those that the system gives to connections, one of which could take it before it is
    listened at."""
    while True:
        port = random.SystemRandom().randint(20_000, 32_000)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Services:
    """Starts each service when its address is first asked for; `stop` ends them all.

    Only where PostgreSQL waits for the disk, as in a studio, do its data outlive the machine.
    """

    def __init__(self, home: Path, *, waits_for_disk: bool = True) -> None:
        self.home, self.waits_for_disk = home, waits_for_disk
        self._running: list[tuple[subprocess.Popen[bytes], Child]] = []
        self._postgres: Postgres | None = None
        self._broker_url = ""
        self._mlflow_uri = ""

    @property
    def postgres(self) -> Postgres:
        if not self._postgres:
            postgres = Postgres(self.home)
            child = postgres.child()
            options = [] if self.waits_for_disk else ["-c", "fsync=off", "-c", "full_page_writes=off"]
            self.start(replace(child, command=[*child.command, *options]))
            self._postgres = postgres
        return self._postgres

    def database_url(self, name: str = "studio") -> str:
        self.postgres.create_database(name)
        return self.postgres.url(name)

    @property
    def broker_url(self) -> str:
        if not self._broker_url:
            valkey = Valkey(self.home)
            self.start(valkey.child())
            self._broker_url = valkey.url()
        return self._broker_url

    @property
    def mlflow_uri(self) -> str:
        if not self._mlflow_uri:
            self.postgres.create_database("mlflow")
            mlflow = Mlflow(self.home, port=free_port(), database=self.postgres.url("mlflow"))
            self.start(mlflow.child())
            self._mlflow_uri = mlflow.uri()
        return self._mlflow_uri

    def start(self, child: Child) -> subprocess.Popen[bytes]:
        log = self.home / f"{child.name}.log"
        with log.open("ab") as output:
            process = child.start(output)
        self._running.append((process, child))
        end = time.monotonic() + child.ready_within
        while child.is_ready and not child.is_ready():
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(
                    f"{child.name} did not start:\n{log.read_text(errors='replace')[-4000:]}"
                )
            time.sleep(0.02)
        return process

    def stop(self) -> None:
        while self._running:
            stop(*self._running.pop())


@contextmanager
def running_services(*, waits_for_disk: bool = True) -> Iterator[Services]:
    home = temporary_home()
    services = Services(home, waits_for_disk=waits_for_disk)
    try:
        with only_one(home):
            yield services
    finally:
        services.stop()
        shutil.rmtree(runtime_dir(home), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Runs the command that follows `--` with PostgreSQL and Valkey at hand; gives its exit code."""
    with running_services() as services:
        environment = {
            **os.environ,
            "STUDIO_HOME": str(services.home),
            "DATABASE_URL": services.database_url(),
            "BROKER_URL": services.broker_url,
        }
        return subprocess.run(sys.argv[sys.argv.index("--") + 1 :], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
