"""Runs uv: with what it needs of this machine's variables, and its errors as a sentence."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from scoring.errors import EnvironmentBuildError, ScoringCanceled
from scoring.scorer.priority import pass_niceness_on

POLL_SECONDS = 0.1
PASSED_VARIABLES = re.compile(
    r"PATH|HOME|LANG|TMPDIR|UV_\w+|PIP_\w+|SSL_\w+|\w*_CA_BUNDLE|\w+_PROXY|(http|https|no|all)_proxy|XDG_CACHE_HOME"
)


def run(command: Sequence[str | Path], *, log: Callable[[str], None], stop: Callable[[], bool]) -> str:
    """All that it says. Raises EnvironmentBuildError with that as its log when it fails."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables(),
        start_new_session=True,
    )
    pass_niceness_on(process.pid)
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
    return text


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


def variables() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if PASSED_VARIABLES.fullmatch(name)}
    return {**passed, "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
