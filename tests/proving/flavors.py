"""Real models of every flavor: trained, logged, built, loaded and scored, and compared with mlflow.pyfunc."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import uv
import yaml

from scoring.environment import Environment, EnvironmentSpec, build_environment
from scoring.errors import EnvironmentBuildError, ScoringError
from scoring.processes import LocalSlice, Scorer
from scoring.settings import THREAD_VARIABLES
from tests.proving.catalog import FLAVORS, Flavor
from tests.proving.compared import bit_equal, difference, read_table

HERE = Path(__file__).parent
FILES = {"csv": "data.csv", "parquet": "data.parquet"}
ENVIRONMENT_FILES = ("python_env.yaml", "conda.yaml", "requirements.txt")
TOLERANCE = 1e-9
TIMEOUT = 900  # seconds


@dataclass
class Comparison:
    chunks: int
    bit_equal: bool
    labels_equal: bool
    largest: float  # relative difference of floats to one call on the whole frame

    @property
    def as_the_whole(self) -> bool:
        return self.labels_equal and self.largest <= TOLERANCE

    @property
    def apart(self) -> str:
        labels = "" if self.labels_equal else "labels differ, "
        return labels + (f"{self.largest:.0e}" if self.largest else "equal")

    @property
    def holds(self) -> bool:
        return self.bit_equal and self.as_the_whole


@dataclass
class Result:
    flavor: Flavor
    versions: dict[str, str] = field(default_factory=dict)
    build: float = 0.0
    load: float = 0.0
    compared: dict[str, Comparison] = field(default_factory=dict)
    failure: str = ""

    @property
    def holds(self) -> bool:
        return not self.failure and all(one.holds for one in self.compared.values())


def prove(*, only: str, work: Path | None) -> list[Result]:
    if "PIP_FIND_LINKS" in os.environ:  # what pip finds there uv is to find as well
        os.environ.setdefault("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"].replace(" ", ","))
    results = []
    with _folder(work) as root:
        for flavor in FLAVORS:
            if only in flavor.name:
                results.append(_proven(flavor, root))
                print(_row(results[-1]), flush=True)
    return results


@contextmanager
def _folder(work: Path | None) -> Iterator[Path]:
    if work:
        work.mkdir(parents=True, exist_ok=True)
        yield work.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="scoring-proof-") as made:
        yield Path(made)


def _proven(flavor: Flavor, root: Path) -> Result:
    result = Result(flavor)
    try:
        _prove(result, root)
    except (ScoringError, subprocess.SubprocessError) as error:
        lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
        result.failure = lines[-1] if lines else type(error).__name__
        if isinstance(error, EnvironmentBuildError):
            print(error.log, file=sys.stderr)
    return result


def _prove(result: Result, root: Path) -> None:
    flavor = result.flavor
    folder = root / flavor.name.replace(",", "").replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    trainer = _built(EnvironmentSpec.of(python=python, lines=flavor.pins), root)
    _run(trainer, "training.py", flavor.train, str(folder), str(flavor.rows), cwd=folder)
    model = folder / "model"
    begun = time.perf_counter()
    environment = _built(_spec_of(model), root)
    result.build = time.perf_counter() - begun
    result.versions = _versions(environment, ("mlflow", *flavor.shown))
    with Scorer.start(
        python=environment.python,
        model=model,
        scratch=folder / "scratch",
        variables={},
        memory_limit=None,
        log=folder / "scorer.log",
    ) as scorer:
        result.load = scorer.load().seconds
        for kind, name in FILES.items():
            result.compared[kind] = _compared(scorer, environment, folder, kind, name)


def _compared(scorer: Scorer, environment: Environment, folder: Path, kind: str, name: str) -> Comparison:
    part, errors = folder / f"{kind}.arrow", folder / f"{kind}.errors.arrow"
    given = [LocalSlice(path=folder / name, kind=kind)]
    report = scorer.score(slices=given, part=part, errors=errors, timeout=TIMEOUT)
    if report.slices[0].errors:
        raise ScoringError(f"{report.slices[0].errors} rows were refused: {report.slices[0].first_error}")
    scored, chunks = read_table(part)
    out = folder / f"{kind}-reference"
    _run(environment, "reference.py", str(folder / "model"), str(folder / name), json.dumps(chunks), str(out))
    in_chunks, _ = read_table(out.with_name(f"{out.name}.chunks.arrow"))
    whole, _ = read_table(out.with_name(f"{out.name}.whole.arrow"))
    labels_equal, largest = difference(scored, whole)
    return Comparison(len(chunks), bit_equal(scored, in_chunks), labels_equal, largest)


def _spec_of(model: Path) -> EnvironmentSpec:
    files = {name: (model / name).read_text() for name in ENVIRONMENT_FILES if (model / name).exists()}
    described = yaml.safe_load((model / "MLmodel").read_text())
    return EnvironmentSpec.from_model_files(files, logged_with=str(described.get("mlflow_version", "")))


def _built(spec: EnvironmentSpec, root: Path) -> Environment:
    return build_environment(
        spec=spec, root=root / "environments", uv=Path(uv.find_uv_bin()), log=lambda line: None
    )


def _run(environment: Environment, script: str, *arguments: str, cwd: Path | None = None) -> None:
    """With one thread, as a scorer has it, and without what MLflow would send home."""
    fixed = {**dict.fromkeys(THREAD_VARIABLES, "1"), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0"}
    subprocess.run(
        [environment.python, "-s", "-W", "ignore", HERE / script, *arguments],
        env={**os.environ, **fixed, "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def _versions(environment: Environment, packages: tuple[str, ...]) -> dict[str, str]:
    code = "import sys, importlib.metadata as m; print(*(m.version(n) for n in sys.argv[1:]))"
    said = subprocess.run(
        [environment.python, "-c", code, *packages], check=True, capture_output=True, text=True
    )
    return dict(zip(packages, said.stdout.split(), strict=True))


HEAD = """# Proof

What `make prove` saw. Each model was trained and logged in an environment of its own; then the engine built the
environment from the model's files, loaded the model and scored a CSV file and a Parquet file of the same rows.

- *Bit-equal*: the engine's predictions and those of `mlflow.pyfunc` in the same environment, with one thread, on the
  frame cast to the signature and in the same chunks, have the same types and bits.
- *Whole frame*: against one call on the whole frame, all that is no float is equal, and floats differ by at most this
  much relatively. At most 1e-9 is asked for.
- *Build* is with the wheels cached, and 0.0 where the environment of another flavor has the same packages.

"""


def page(results: list[Result]) -> str:
    held = sum(result.holds for result in results)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    tools = f"Python {platform.python_version()}, uv {version('uv')}"
    columns = (
        "flavor", "versions", "rows", "bit-equal: CSV, Parquet", "whole frame: CSV, Parquet", "build s", "load s"
    )  # fmt: skip
    lines = [
        "## Flavors\n",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, {tools}. {held} of {len(results)} hold.\n",
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
        *map(_row, results),
        "",
        *(f"- {one.flavor.name}: {one.flavor.note}." for one in results if one.flavor.note),
    ]
    return HEAD + "\n".join(lines).rstrip() + "\n"


def _row(result: Result) -> str:
    flavor = result.flavor
    known = [f"{name} {number}" for name, number in result.versions.items()]
    cells = [flavor.name, ", ".join(known or flavor.pins), f"{flavor.rows:,}"]
    if result.failure:
        cells += ["**failed**: " + result.failure.replace("|", "/")[:300], "", "", ""]
        return f"| {' | '.join(cells)} |"
    compared = result.compared.values()
    cells.append(
        ", ".join(_said(one.bit_equal, f"{one.chunks} chunk{'s' * (one.chunks > 1)}") for one in compared)
    )
    cells.append(", ".join(_said(one.as_the_whole, one.apart) for one in compared))
    return f"| {' | '.join(cells)} | {result.build:.1f} | {result.load:.1f} |"


def _said(holds: bool, detail: str) -> str:
    return f"{'yes' if holds else '**no**'} ({detail})"
