"""Builds the Python environment that a model asks for, once per machine and set of packages."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from scoring.errors import EnvironmentBuildError, ScoringCanceled
from scoring.locking import exclusive
from scoring.requirements import EnvironmentSpec as EnvironmentSpec

POLL_SECONDS = 0.1
READY = "ready.json"
PASSED_VARIABLES = re.compile(
    r"PATH|HOME|LANG|TMPDIR|UV_\w+|PIP_\w+|SSL_\w+|\w*_CA_BUNDLE|\w+_PROXY|(http|https|no|all)_proxy|XDG_CACHE_HOME"
)
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
    if built := find_environment(spec=spec, root=root):
        return built
    waiting = partial(log, "Waiting for another process that builds the same environment.")
    with exclusive(root / f"{spec.key}.lock", stop=stop, waiting=waiting):
        if built := find_environment(spec=spec, root=root):
            return built
        aside = Path(tempfile.mkdtemp(prefix=f".{spec.key}-", dir=root))
        try:
            notes = _build(spec, aside / "env", uv, log, stop)
            (aside / "env" / READY).write_text(json.dumps({"spec": spec.to_dict(), "notes": notes}))
            target = root / spec.key
            if target.exists():  # without its mark: something ended half-way
                shutil.rmtree(target)
            (aside / "env").rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return Environment(path=target, python=target / "bin" / "python", notes=notes)


def find_environment(*, spec: EnvironmentSpec, root: Path) -> Environment | None:
    path = root / spec.key
    try:
        notes = json.loads((path / READY).read_text())["notes"]
    except (OSError, ValueError, KeyError):
        return None
    python = path / "bin" / "python"
    # A link to a Python that an upgrade has taken away: not ready, so it is built again.
    return Environment(path=path, python=python, notes=notes) if python.exists() else None


def _build(
    spec: EnvironmentSpec, path: Path, uv: Path, log: Callable[[str], None], stop: Callable[[], bool]
) -> list[str]:
    python, notes = _python_at_hand(spec.python, uv)
    notes = [*spec.notes, *notes]
    for note in notes:
        log(note)
    _run([uv, "venv", "--relocatable", "--no-python-downloads", "--python", python, path], log, stop)
    listed = path / "requirements.txt"
    listed.write_text("\n".join(spec.requirements) + "\n")
    install: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--python",
        path / "bin" / "python",
        "--only-binary",
        ":all:",
    ]
    _run([*install, "--requirement", listed], log, stop)
    return notes


def _python_at_hand(wanted: str, uv: Path) -> tuple[str, list[str]]:
    """An interpreter of the wanted minor version, else the next newer one, else the newest older one."""
    minors = _pythons_at_hand(uv)
    match = _VERSION.match(wanted)
    if not minors or not match:
        raise EnvironmentBuildError(f"Python {wanted} is not on this machine, and no other one either.")
    minor = int(match[1])
    nearest = min(minors, key=lambda m: (m < minor, abs(m - minor)))
    path, version = minors[nearest]
    if nearest == minor:
        return path, []
    return path, [f"Python {wanted} is not on this machine; Python {version} is used instead."]


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
    listed = subprocess.run(command, capture_output=True, text=True, env=_environment(), timeout=60)
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


def _run(command: Sequence[str | Path], log: Callable[[str], None], stop: Callable[[], bool]) -> None:
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        start_new_session=True,
    )
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    try:
        text = _follow(process, process.stdout, log, stop)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        process.stdout.close()
    if process.returncode:
        raise EnvironmentBuildError(f"The environment cannot be built: {_reason(text)}", log=text)


def _follow(
    process: subprocess.Popen[bytes], output: IO[bytes], log: Callable[[str], None], stop: Callable[[], bool]
) -> str:
    """All that the process says until its end, each line logged as soon as it is whole."""
    said, logged = b"", 0
    while True:
        code = process.poll()
        said += output.read() or b""
        lines = said.split(b"\n")
        complete = lines if code is not None else lines[:-1]
        for line in complete[logged:]:
            if line.strip():
                log(line.decode("utf-8", "replace").rstrip())
        logged = len(complete)
        if code is not None:
            return said.decode("utf-8", "replace")
        if stop():
            raise ScoringCanceled("Building the environment was canceled.")
        time.sleep(POLL_SECONDS)


def _reason(said: str) -> str:
    """uv draws its error as a tree over several lines; this is the same as one sentence."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", said)
    lines = [re.sub(r"^[\s×╰─▶├│❯]+", "", line).strip() for line in text.splitlines()]
    marks = [i for i, line in enumerate(text.splitlines()) if re.match(r"\s*(×|error:)", line)]
    kept = [line for line in lines[marks[0] if marks else 0 :] if line]
    sentence = " ".join(kept) or "the installer said nothing"
    sentence = re.sub(r"^error: (No solution found when resolving dependencies\S* cause: )?", "", sentence)
    return sentence if len(sentence) <= 600 else sentence[:599] + "…"


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if PASSED_VARIABLES.fullmatch(name)}
    return {**passed, "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
