"""A whole studio, started as `make run` starts it: one node of two slots on this machine."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.engine.data import Data
from bench.engine.home import bench_home, environment, plain_environment
from bench.engine.peers import PROGRAMS, run
from studio.embedded.home import PROJECT, runtime_dir
from tests.services import free_port

SLOTS = 2
READY_WITHIN = 600.0
CALL = "import json, {module} as inside; print(json.dumps(inside.{name}(**json.loads({given!r}))))"


@dataclass
class Studio:
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.environment['STUDIO_PORT']}"

    def run_jobs(self, model: str, path: str, runs: int = 1, **overrides: Any) -> list[dict[str, float]]:
        """What inside.run_jobs measures of each; `overrides` are settings of a job, or `datastore`."""
        timed: list[dict[str, float]] = self.ask("run_jobs", model=model, path=path, runs=runs, **overrides)
        return timed

    def add_datastore(self, name: str, kind: str, options: dict[str, Any], secrets: dict[str, str]) -> None:
        self.ask("add_datastore", name=name, kind=kind, options=options, secrets=secrets)

    def restart_node(self, *, settled: bool = True) -> None:
        self.ask("restart_node", settled=settled)

    def node(self) -> psutil.Process:
        family = psutil.Process(self.process.pid).children(recursive=True)
        return next(one for one in family if {"manage.py", "node"} <= set(one.cmdline()))

    def set_up(self, data: Data, models: Path, names: Sequence[str]) -> None:
        """Registers, deploys and tries each model, whose environments the node builds."""
        program = [environment("models"), PROGRAMS / "registering.py", models, *names]
        run(program, MLFLOW_TRACKING_URI=self.environment["MLFLOW_TRACKING_URI"])
        self.ask("set_up", folder=str(data.folder), models=list(names))

    def ask(self, name: str, module: str = "bench.engine.inside", /, **given: Any) -> Any:
        """What this function of the module gives inside the studio."""
        done = subprocess.run(
            [
                sys.executable,
                "manage.py",
                "shell",
                "-v",
                "0",
                "-c",
                CALL.format(module=module, name=name, given=json.dumps(given)),
            ],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def running_studio(*, samples: bool = False) -> Iterator[Studio]:
    """A fresh one each time, with the sample or without; its folder stays when something fails, for its logs."""
    home = bench_home() / "studio"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o755)
    port, mlflow_port = free_port(), free_port()
    given = {
        **plain_environment(),
        "STUDIO_HOME": str(home),
        "STUDIO_PORT": str(port),
        "STUDIO_MLFLOW_PORT": str(mlflow_port),
        "STUDIO_SAMPLES": str(int(samples)),
    }
    log = home / "console.log"
    with log.open("wb") as output:
        command = [sys.executable, "manage.py", "up"]
        process = subprocess.Popen(command, cwd=PROJECT, env=given, stdout=output, stderr=output)
    try:
        _wait_until_ready(process, log)
        yield Studio(process, {**given, "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{mlflow_port}"})
    finally:
        process.terminate()  # Ctrl-C would not do: it is ignored by what a shell has put into the background
        process.wait(timeout=60)
        shutil.rmtree(runtime_dir(home), ignore_errors=True)
    shutil.rmtree(home)


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + READY_WITHIN
    while "is ready after" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"The studio did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.2)
