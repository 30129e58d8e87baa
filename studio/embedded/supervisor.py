"""Starts children in order, restarts those that crash, and stops all of them, whatever ends it.

One thread and one loop: the kernel ties a child to the thread that started it, not to the process.
"""

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from studio.embedded import logs
from studio.embedded.home import StartError, make_folder
from studio.embedded.processes import Child, end_group

RESTARTS = 5
# A child that has run this long has recovered: its earlier crashes count no more.
STEADY = 60.0
HURRY = 1.0
SAME_WISH = 0.3
ROTATE_EVERY = 60.0


class StopRequested(Exception):
    """Ctrl-C, or a signal that asks the studio to stop."""


@dataclass
class Running:
    child: Child
    log: Path
    process: "subprocess.Popen[bytes]"
    started: float
    log_from: int
    crashes: int = 0
    restart_at: float | None = None
    told: bool = False

    def is_ready(self) -> bool:
        if self.restart_at is not None or self.process.poll() is not None:
            return False
        if self.child.ready_text:
            return self.child.ready_text in logs.since(self.log, self.log_from)
        return self.child.is_ready() if self.child.is_ready else True


class Supervisor:
    def __init__(self, *, folder: Path, say: Callable[[str], None], first_pause: float = 1.0) -> None:
        self.folder = make_folder(folder)
        self.say = say
        self.first_pause = first_pause
        self._groups: list[list[Running]] = []
        self._requests = 0
        self._last_request = 0.0
        self._patience: int | None = None
        self._rotated = time.monotonic()
        self._wakeup, self._alarm = os.pipe()

    def __enter__(self) -> Self:
        for end in (self._wakeup, self._alarm):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup and its like have chosen to ignore one; that stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._request_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.say("Stopping … (Ctrl-C again: at once)")
        for group in reversed(self._groups):
            self._stop(group)

    def start(self, *children: Child) -> None:
        """A group: started together, and stopped together once all later groups have stopped."""
        group: list[Running] = []
        self._groups.append(group)
        for child in children:
            log = self.folder / f"{child.name}.log"
            process, log_from = self._spawn(child, log)
            group.append(Running(child, log, process, time.monotonic(), log_from))

    def wait(self, *names: str) -> None:
        """Until each of these (all when none is named) is ready; each is told with the seconds it took."""
        waiting = [one for one in self._all() if (not names or one.child.name in names) and not one.told]
        while waiting:
            for one in list(waiting):
                if one.is_ready():
                    one.told = True
                    waiting.remove(one)
                    self.say(f"  {one.child.name:<16} {time.monotonic() - one.started:5.1f} s")
                elif time.monotonic() - one.started > one.child.ready_within:
                    raise StartError(
                        self._account(one, f"was not ready within {one.child.ready_within:.0f} s")
                    )
            if waiting:
                self._tick(0.05)

    def run(self, child: Child) -> str:
        """A command that ends by itself; gives what it printed. Its errors go to its log."""
        log = self.folder / f"{child.name}.log"
        with logs.open_log(log) as errors, tempfile.TemporaryFile() as output:
            log_from = log.stat().st_size
            one = Running(child, log, child.start(output, errors), time.monotonic(), log_from)
            try:
                while one.process.poll() is None:
                    self._tick(0.5)
            except BaseException:
                self._stop([one])
                raise
            end_group(one.process)
            output.seek(0)
            printed = output.read().decode("utf-8", "replace")
        if one.process.returncode:
            raise StartError(self._account(one, f"failed ({ending(one.process.returncode)})", printed))
        return printed

    def watch(self) -> None:
        while True:
            self._tick(ROTATE_EVERY)

    def _all(self) -> list[Running]:
        return [one for group in self._groups for one in group]

    def _spawn(self, child: Child, log: Path) -> "tuple[subprocess.Popen[bytes], int]":
        with logs.open_log(log) as output:
            log_from = log.stat().st_size
            return child.start(output), log_from

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        # One wish may come twice: to this process and through `make`.
        if time.monotonic() - self._last_request > SAME_WISH:
            self._requests += 1
        self._last_request = time.monotonic()

    def _tick(self, seconds: float) -> None:
        """Sleeps until a signal, a restart that is due, or this long; then looks after every child."""
        now = time.monotonic()
        due = [one.restart_at - now for one in self._all() if one.restart_at is not None]
        self._sleep(min([seconds, *due]))
        if self._requests:
            raise StopRequested
        for one in self._all():
            if one.restart_at is not None:
                if time.monotonic() >= one.restart_at:
                    self._restart(one)
            elif one.process.poll() is not None:
                self._crashed(one)
        if time.monotonic() - self._rotated > ROTATE_EVERY:
            self._rotated = time.monotonic()
            for one in self._all():
                logs.rotate(one.log)

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wakeup], [], [], max(seconds, 0))[0]:
            os.read(self._wakeup, 1024)

    def _crashed(self, one: Running) -> None:
        end_group(one.process)
        if time.monotonic() - one.started > STEADY:
            one.crashes = 0
        one.crashes += 1
        what = f"ended unexpectedly ({ending(one.process.returncode)})"
        if one.crashes > RESTARTS:
            raise StartError(self._account(one, f"{what} {one.crashes} times in a row; giving up"))
        pause = self.first_pause * 2 ** (one.crashes - 1)
        one.restart_at = time.monotonic() + pause
        self.say(self._account(one, f"{what}; starting it again in {pause:.0f} s"))

    def _restart(self, one: Running) -> None:
        one.process, one.log_from = self._spawn(one.child, one.log)
        one.started = time.monotonic()
        one.restart_at = None

    def _account(self, one: Running, what: str, printed: str = "") -> str:
        lines = logs.last_lines(printed + logs.since(one.log, one.log_from))
        told = (
            [f"{one.child.name} {what}. Its last lines:", *lines] if lines else [f"{one.child.name} {what}."]
        )
        return "\n    ".join([*told, f"(all of it: {one.log})"])

    def _stop(self, group: list[Running]) -> None:
        if self._patience is None:
            self._patience = self._requests
        # One that waits for its restart has ended already, and its number may be another's by now.
        group = [one for one in group if one.restart_at is None]
        alive = [one for one in group if one.process.poll() is None]
        for one in alive:
            one.process.send_signal(one.child.stop_signal)
        asked = time.monotonic()
        while alive := [one for one in alive if one.process.poll() is None]:
            hurried = self._requests > self._patience
            for one in alive:
                if time.monotonic() - asked > (HURRY if hurried else one.child.grace):
                    end_group(one.process)
            self._sleep(0.1)
        for one in group:
            end_group(one.process)


def ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
