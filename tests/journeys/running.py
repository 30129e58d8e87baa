"""A whole studio, started as `make run` starts it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from studio.embedded.home import runtime_dir
from studio.embedded.postgres import Postgres
from tests.services import free_port, temporary_home

PROJECT = Path(__file__).parents[2]
PASSWORD = "a-journey-begins"


@dataclass
class RunningStudio:
    home: Path
    address: str
    mlflow_uri: str
    process: subprocess.Popen[str]
    printed: str
    environment: dict[str, str]

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(Postgres(self.home).url("studio"), autocommit=True) as connection:
            return connection.execute(sql, values).fetchall()

    def run(self, code: str) -> str:
        """Python inside the studio, as `manage.py shell` runs it; what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def in_notebook(self, code: str) -> str:
        """Python as a notebook on this machine runs it: it knows MLflow's address and nothing else."""
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "DJANGO_"))
        }
        for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "MLFLOW_TRACKING_URI"):
            plain.pop(name, None)
        script = f"import mlflow\nmlflow.set_tracking_uri({self.mlflow_uri!r})\n{code}"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env=plain,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def child(self, words: str) -> psutil.Process:
        """The one process below the supervisor whose command has `words`, the oldest of its family."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return next(one for one in family if words in " ".join(one.cmdline()))

    def wait_for(self, ask: Callable[[], Any], *, seconds: float = 60, every: float = 0.1) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = ask()
            if answer:
                return answer
            time.sleep(every)
        raise AssertionError("waited in vain")

    def job(self, name: str) -> dict[str, Any]:
        fields = "status, error, rows_scored, rows_failed, files_failed, output_path, waiting_for"
        row = self.query(f"SELECT {fields} FROM studio_job WHERE name = %s", name)[0]
        return dict(zip(fields.split(", "), row, strict=True))

    def output(self, name: str, file: str = "predictions.csv") -> Path:
        return self.home / "datastore" / self.job(name)["output_path"] / file


@contextmanager
def running_studio() -> Iterator[RunningStudio]:
    home, port, mlflow_port = temporary_home(), free_port(), free_port()
    plain = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    plain.pop("MLFLOW_TRACKING_URI", None)
    environment = {
        **plain,
        "STUDIO_HOME": str(home),
        "STUDIO_PORT": str(port),
        "STUDIO_MLFLOW_PORT": str(mlflow_port),
        "STUDIO_ADMIN_PASSWORD": PASSWORD,
    }
    log = home / "console.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
            text=True,
        )
    environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{mlflow_port}"
    try:
        while "is ready after" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield RunningStudio(
            home=home,
            address=f"http://127.0.0.1:{port}",
            mlflow_uri=f"http://127.0.0.1:{mlflow_port}",
            process=process,
            printed=log.read_text(),
            environment=environment,
        )
    finally:
        process.terminate()  # where this run was sent to the background, Ctrl-C's signal is ignored
        process.wait(timeout=60)
        shutil.rmtree(runtime_dir(home), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
