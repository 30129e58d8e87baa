"""What the engine is measured against: each a whole process in an environment of its own.

Each function scores the CSV once and gives what it measured: a name to seconds.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.engine.home import bench_home, environment, plain_environment

PROGRAMS = Path(__file__).parent / "programs"
SAID = "BENCH "
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Figures = dict[str, float]


class PeerFailed(Exception):
    """A peer did not do its work; the message has the last lines that it printed."""


@dataclass(frozen=True)
class Peers:
    """The peers of one model on one CSV."""

    model: Path
    csv: Path

    @property
    def out(self) -> Path:
        return bench_home() / "peers-output"

    def mlflow_whole(self) -> Figures:
        """`mlflow models predict` as a user types it, its start counted."""
        command = [environment("models").with_name("mlflow"), "models", "predict"]
        given = ["-m", self.model, "-i", self.csv, "-o", self.out, "-t", "csv", "--env-manager", "local"]
        began = time.perf_counter()
        run([*command, *given])
        return {"mlflow whole": time.perf_counter() - began}

    def mlflow_loaded(self) -> Figures:
        """The same code from the moment when it is imported and the model is loaded."""
        said = run([environment("models"), PROGRAMS / "mlflow_predict.py", self.model, self.csv, self.out])
        return {"mlflow loaded": float(word(said, SAID))}

    def floor(self) -> Figures:
        """A script of two warm processes and nothing around them, whose path STUDIO_BENCH_FLOOR gives."""
        script = os.environ["STUDIO_BENCH_FLOOR"]
        said = run([environment("models"), script, self.model, self.csv, self.out], **ONE_THREAD)
        return {"floor": float(word(said, " wall ").split()[0])}

    def ray(self) -> Figures:
        return self._cold_and_warm("ray", "ray_data.py")

    def spark(self) -> Figures:
        return self._cold_and_warm("spark", "spark_udf.py")

    def _cold_and_warm(self, name: str, program: str) -> Figures:
        """Cold: from the start of the process until the first output is there. Warm: the second time in it. What it
        takes to end is not counted."""
        out = bench_home() / f"{name}-output"
        command = [environment(name), PROGRAMS / program, self.model, self.csv, out, 2]
        # Spark starts its workers' Python by this name.
        more = {"PYSPARK_PYTHON": str(environment(name))}
        began, cold, said = time.perf_counter(), 0.0, []
        with started(command, **more) as process:
            assert process.stdout
            for line in process.stdout:
                said.append(line)
                if line.startswith(SAID) and not cold:
                    cold = time.perf_counter() - began
        check(command, process.returncode, said)
        warm = [float(line.removeprefix(SAID)) for line in said if line.startswith(SAID)][1]
        return {f"{name} cold": cold, f"{name} warm": warm}


def started(command: list[object], **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=plain_environment(**more),
        cwd=bench_home(),
        text=True,
    )


def run(command: list[object], **more: str) -> str:
    with started(command, **more) as process:
        said, _nothing = process.communicate()
    check(command, process.returncode, said.splitlines())
    return said


def check(command: list[object], code: int, said: list[str]) -> None:
    if code:
        last = "\n    ".join(line.rstrip() for line in said[-15:])
        raise PeerFailed(f"{' '.join(map(str, command[:2]))} ended with exit code {code}:\n    {last}")


def word(said: str, after: str) -> str:
    """What stands behind `after` on its line."""
    return said.partition(after)[2].splitlines()[0]
