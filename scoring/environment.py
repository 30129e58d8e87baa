"""Builds the Python environment that a model asks for, once per machine and set of packages."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scoring.compiled import packages_of, take_over
from scoring.errors import EnvironmentBuildError
from scoring.installer import run, variables
from scoring.locking import exclusive, lock_of
from scoring.relaxation import Resolver, explained
from scoring.requirements import EnvironmentSpec as EnvironmentSpec

READY = "ready.json"
TAKEN_OVER_FROM = 3  # environments: to look through one takes a fifth of a second
_VERSION = re.compile(r"3\.(\d+)")
_INTERPRETER = re.compile(r"python3\.(\d+)|cpython-3\.(\d+)\.\d+-.*")


@dataclass(frozen=True, kw_only=True)
class Environment:
    path: Path
    python: Path
    notes: list[str]


def _never() -> bool:
    return False


def build_environment(
    *,
    spec: EnvironmentSpec,
    root: Path,
    uv: Path,
    log: Callable[[str], None],
    stop: Callable[[], bool] = _never,
) -> Environment:
    """Returns at once when it is there; else builds it beside and renames it, one process at a time."""
    root.mkdir(parents=True, exist_ok=True)
    built = find_environment(spec=spec, root=root) or _built(spec, root, uv, log, stop)
    os.utime(built.path / READY)  # when it was used last
    return built


def _built(
    spec: EnvironmentSpec, root: Path, uv: Path, log: Callable[[str], None], stop: Callable[[], bool]
) -> Environment:
    waiting = partial(log, "Waiting for another process that builds the same environment.")
    with exclusive(lock_of(root, spec.key), stop=stop, waiting=waiting):
        if built := find_environment(spec=spec, root=root):
            return built
        aside = Path(tempfile.mkdtemp(prefix=f".{spec.key}-", dir=root))
        try:
            notes = _build(spec, aside / "env", uv, log, stop)
            _take_over_compiled(aside / "env", root)
            (aside / "env" / READY).write_text(json.dumps({"spec": spec.to_dict(), "notes": notes}))
            target = root / spec.key
            if target.exists():  # without its mark: something ended half-way
                shutil.rmtree(target)
            (aside / "env").rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return Environment(path=target, python=target / "bin" / "python", notes=[*spec.notes, *notes])


def _take_over_compiled(environment: Path, root: Path) -> None:
    """From the studio's own packages and from the environments that were used last."""
    packages = packages_of(environment)
    others = (packages_of(root / spec.key) for spec in last_used(root=root, most=TAKEN_OVER_FROM))
    for source in (Path(sysconfig.get_path("purelib")), *others):
        if packages and source:
            take_over(packages=packages, source=source)


def find_environment(*, spec: EnvironmentSpec, root: Path) -> Environment | None:
    path = root / spec.key
    try:
        notes = json.loads((path / READY).read_text())["notes"]
    except (OSError, ValueError, KeyError):
        return None
    python = path / "bin" / "python"
    # A link to a Python that an upgrade has taken away: not ready, so it is built again.
    return Environment(path=path, python=python, notes=[*spec.notes, *notes]) if python.exists() else None


def last_used(*, root: Path, most: int, among: Collection[str] | None = None) -> list[EnvironmentSpec]:
    """What was built for the environments that were used last on this machine, the latest first; with `among`, only
    those of these keys."""
    built = (mark for mark in root.glob(f"[!.]*/{READY}") if among is None or mark.parent.name in among)
    marks = sorted(built, key=lambda mark: mark.stat().st_mtime, reverse=True)
    found = []
    for mark in marks[:most]:
        with contextlib.suppress(OSError, ValueError, KeyError):  # of an older studio: it says no spec
            found.append(EnvironmentSpec.from_dict(json.loads(mark.read_text())["spec"]))
    return found


def _build(
    spec: EnvironmentSpec, path: Path, uv: Path, log: Callable[[str], None], stop: Callable[[], bool]
) -> list[str]:
    """What is to be said of this environment, whatever the model."""
    python, version, notes = _python_at_hand(spec.python, uv)
    for note in (*spec.notes, *notes):
        log(note)
    create: list[str | Path] = [
        uv,
        "venv",
        "--relocatable",
        "--no-python-downloads",
        "--python",
        python,
        path,
    ]
    run(create, log=log, stop=stop)
    listed = path / "requirements.txt"
    listed.write_text("\n".join(spec.requirements) + "\n")
    install: list[str | Path] = [uv, "pip", "install", "--python", path / "bin" / "python"]
    try:
        run([*install, "--only-binary", ":all:", "--requirement", listed], log=log, stop=stop)
    except EnvironmentBuildError as failure:
        log("Looking for what has to change so that it can be built.")
        resolver = Resolver(uv=uv, python=path / "bin" / "python", stop=stop)
        raise explained(failure, spec.requirements, version, resolver) from None
    return notes


def _python_at_hand(wanted: str, uv: Path) -> tuple[str, str, list[str]]:
    """An interpreter of the wanted minor version, else the next newer one, else the newest older one.

    Its path, its minor version as in 3.11, and what is to be said about it.
    """
    minors = _pythons_at_hand(uv)
    match = _VERSION.match(wanted)
    if not minors or not match:
        raise EnvironmentBuildError(f"Python {wanted} is not on this machine, and no other one either.")
    minor = int(match[1])
    nearest = min(minors, key=lambda m: (m < minor, abs(m - minor)))
    path, version = minors[nearest]
    if nearest == minor:
        return path, f"3.{nearest}", []
    return (
        path,
        f"3.{nearest}",
        [f"Python {wanted} is not on this machine; Python {version} is used instead."],
    )


def _pythons_at_hand(uv: Path) -> dict[int, tuple[str, str]]:
    """Minor version to path and whole version of an interpreter that this machine has."""
    command: list[str | Path] = [
        uv,
        "python",
        "list",
        "--only-installed",
        "--no-python-downloads",
        "--output-format",
        "json",
    ]
    listed = subprocess.run(command, capture_output=True, text=True, env=variables(), timeout=60)
    try:
        found = json.loads(listed.stdout)
    except ValueError:
        raise EnvironmentBuildError("No Python can be found on this machine.", log=listed.stderr) from None
    minors: dict[int, tuple[str, str]] = {}
    for entry in found:
        match = _VERSION.match(entry["version"])
        if match and entry.get("implementation") == "cpython" and entry.get("path"):
            minors.setdefault(int(match[1]), (entry["path"], entry["version"]))
    return minors


def likely_pythons() -> list[str]:
    """Minor versions whose interpreters seem to be here, the newest first, told by their names alone.

    Asking each interpreter takes seconds; the build does, and says so where it has to use another one.
    """
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    minors = {sys.version_info.minor}
    for folder in {*map(Path, filter(None, os.environ.get("PATH", "").split(os.pathsep))), managed}:
        try:
            # A version manager's shim has a name for each version, whether it answers to it or not.
            names = os.listdir(folder) if folder.name != "shims" else []
        except OSError:
            continue
        found = (_INTERPRETER.fullmatch(name) for name in names)
        minors |= {int(match[1] or match[2]) for match in found if match}
    return [f"3.{minor}" for minor in sorted(minors, reverse=True)]
