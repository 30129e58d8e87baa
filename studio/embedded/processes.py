"""One child process: how it is started, known to be ready, and ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from scoring.scorer.priority import set_niceness

LAUNCHER = str(Path(__file__).with_name("launch.py"))
# Niceness of what works behind the pages: all of a core, or a tenth of it while a page is made.
BACKGROUND = 10
# Only the studio's own processes are given these; the services beside it have no use for them.
SECRETS = ("SECRET_KEY", "DATABASE_URL", "BROKER_URL", "STUDIO_ADMIN_PASSWORD", "STUDIO_OIDC_CLIENT_SECRET")


@dataclass(frozen=True)
class Account:
    """The unprivileged user that a child runs as when the studio itself runs as root."""

    name: str
    user: int
    group: int


@dataclass(frozen=True)
class Child:
    name: str
    command: Sequence[str]
    # Ready is what `is_ready` says, or these words in the log, or, without either, being started.
    is_ready: Callable[[], bool] | None = None
    ready_text: str = ""
    ready_within: float = 60
    grace: float = 10
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the supervisor itself was killed: there is no one left to wait, so it must be
    # a signal on which this child ends for certain.
    orphan_signal: signal.Signals = signal.SIGKILL
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/")
    account: Account | None = None
    niceness: int = 0
    prepare: Callable[[], None] | None = None

    def start(self, output: IO[bytes], errors: IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
        if self.prepare:
            self.prepare()
        process = subprocess.Popen(
            launched(self.command, orphan_signal=self.orphan_signal, account=self.account),
            cwd=self.folder,
            env={**plain_environment(), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors or output,
            # A session of its own, so that Ctrl-C in the terminal reaches only the supervisor.
            start_new_session=True,
            # As root the home itself is open for PostgreSQL's user to pass through; what is in it is not.
            umask=0o077,
        )
        if self.niceness:
            set_niceness(self.niceness, process.pid)
        return process


def plain_environment() -> dict[str, str]:
    secret = {
        *SECRETS,
        *(f"{name}_FILE" for name in SECRETS),
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_URI_FILE",
    }
    return {name: value for name, value in os.environ.items() if name not in secret}


def launched(
    command: Sequence[str],
    *,
    orphan_signal: signal.Signals = signal.SIGKILL,
    account: Account | None = None,
) -> list[str]:
    who = f"{account.user}:{account.group}" if account else "-"
    launcher = [sys.executable, "-I", "-S", LAUNCHER, str(os.getpid()), str(int(orphan_signal)), who]
    return [*launcher, *command]


def stop(process: "subprocess.Popen[bytes]", child: Child) -> None:
    """Asks, waits as long as the child may take, then ends it."""
    if process.poll() is None:
        process.send_signal(child.stop_signal)
        try:
            process.wait(child.grace)
        except subprocess.TimeoutExpired:
            pass
    end_group(process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Also after the child itself has ended: what it started must not outlive it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
