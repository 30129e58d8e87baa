import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from studio.embedded import logs
from studio.embedded.home import StartError
from studio.embedded.processes import Child
from studio.embedded.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., "Supervised"]


class Supervised:
    def __init__(self, home: Path, *names: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.embedded.supervised", str(home), *names],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def read_until(self, words: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError("".join(self.lines))

    def rest(self) -> str:
        assert self.process.stdout
        rest = self.process.stdout.read()
        self.process.wait(30)
        return rest

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Supervised] = []

    def start(*names: str) -> Supervised:
        started.append(Supervised(tmp_path, *names))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def gone(processes: list[psutil.Process], within: float = 5) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not any(
            process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes
        ):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_ends_well(start: Start, number: signal.Signals) -> None:
    studio = start("sleeper", "other", "family")
    studio.read_until("all ready")
    family = studio.family()
    assert len(family) == 4
    studio.process.send_signal(number)
    assert "stopped" in studio.rest()
    assert studio.process.returncode == 0
    assert gone(family)


def test_children_are_not_reached_by_ctrl_c_of_the_terminal(start: Start) -> None:
    studio = start("sleeper")
    studio.read_until("all ready")
    assert os.getpgid(studio.family()[0].pid) != os.getpgid(studio.process.pid)


def test_steps_are_told_with_seconds_in_order(start: Start) -> None:
    studio = start("other", "sleeper")
    studio.read_until("all ready")
    told = re.findall(r"^  (\w+) +\d+\.\d s$", "".join(studio.lines), re.MULTILINE)
    assert told == ["other", "sleeper"]


def test_second_ctrl_c_waits_no_longer(start: Start) -> None:
    studio = start("stubborn")
    studio.read_until("all ready")
    began = time.monotonic()
    studio.process.send_signal(signal.SIGINT)
    studio.read_until("Stopping")
    time.sleep(0.6)
    assert studio.process.poll() is None
    studio.process.send_signal(signal.SIGINT)
    assert "stopped" in studio.rest()
    assert time.monotonic() - began < 5
    assert studio.process.returncode == 0


def test_the_same_wish_twice_at_once_is_one(start: Start) -> None:
    studio = start("stubborn")
    studio.read_until("all ready")
    for _ in range(2):
        studio.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    time.sleep(2)
    assert studio.process.poll() is None


def test_kill_9_leaves_no_process(start: Start) -> None:
    studio = start("sleeper", "stubborn", "other")
    studio.read_until("all ready")
    family = studio.family()
    assert len(family) == 3
    studio.process.kill()
    studio.process.wait()
    assert gone(family)


def test_a_crashed_child_is_named_and_started_again(start: Start) -> None:
    studio = start("sleeper", "once")
    said = studio.read_until("ended unexpectedly")
    assert "once ended unexpectedly (exit code 1)" in said
    studio.read_until("all ready")
    assert "    stumbled\n" in studio.lines

    victim = next(each for each in studio.family() if "crashed" in " ".join(each.cmdline()))
    victim.kill()
    assert "once ended unexpectedly (killed by SIGKILL); starting it again" in studio.read_until(
        "ended unexp"
    )
    end = time.monotonic() + 5
    while len(studio.family()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(studio.family()) == 2


def test_what_a_crashed_child_left_behind_is_ended(start: Start) -> None:
    studio = start("family")
    studio.read_until("all ready")
    parent, orphan = sorted(studio.family(), key=lambda each: each.create_time())
    parent.kill()
    studio.read_until("ended unexpectedly")
    assert gone([orphan])


def test_a_child_that_only_crashes_stops_the_start(start: Start) -> None:
    studio = start("sleeper", "crashing")
    said = studio.rest()
    assert studio.process.returncode == 1
    assert said.count("starting it again") == 5
    assert "crashing ended unexpectedly (exit code 1) 6 times in a row; giving up" in said
    assert "    about to fail\n    the disk is full\n" in said
    assert "crashing.log" in said


def test_a_child_that_never_gets_ready_stops_the_start(start: Start) -> None:
    studio = start("silent")
    assert "silent was not ready within 2 s" in studio.rest()
    assert studio.process.returncode == 1


def test_a_second_one_on_the_same_home_is_refused(start: Start) -> None:
    first = start("sleeper")
    first.read_until("all ready")
    second = start("sleeper")
    said = second.rest()
    assert second.process.returncode == 1
    assert f"already running on {first.home} (process {first.process.pid})" in said
    first.process.kill()
    first.process.wait()
    third = start("sleeper")
    third.read_until("all ready")


def command(name: str, program: str) -> Child:
    return Child(name=name, command=[sys.executable, "-c", program])


def test_a_command_gives_what_it_printed_and_logs_the_rest(tmp_path: Path) -> None:
    supervisor = Supervisor(folder=tmp_path, say=print)
    program = "import sys; print('answer'); print('noise', file=sys.stderr)"
    assert supervisor.run(command("ask", program)) == "answer\n"
    assert (tmp_path / "ask.log").read_text() == "noise\n"


def test_a_command_that_fails_says_its_last_lines(tmp_path: Path) -> None:
    supervisor = Supervisor(folder=tmp_path, say=print)
    with pytest.raises(
        StartError, match=r"migrate failed \(exit code 1\)\. Its last lines:\n    no such table"
    ):
        supervisor.run(command("migrate", "import sys; sys.exit('no such table')"))


def test_secrets_stay_with_the_studios_own_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    monkeypatch.setenv("DATABASE_URL_FILE", "/hidden")
    supervisor = Supervisor(folder=tmp_path, say=print)
    printed = supervisor.run(command("look", "import os; print(*os.environ)"))
    assert "SECRET_KEY" not in printed
    assert "DATABASE_URL_FILE" not in printed
    assert "PATH" in printed


def test_a_large_log_is_cut_while_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "web.log"
    with logs.open_log(file) as output:
        output.write(b"old\n" * 100)
        logs.rotate(file, limit=100)
        output.write(b"new\n")
    assert file.read_text() == "new\n"
    assert file.with_name("web.log.1").read_text() == "old\n" * 100
    assert logs.since(file, offset=400) == "new\n"
    assert file.stat().st_mode & 0o077 == 0


def test_watcher_of_systems_without_a_death_signal() -> None:
    """What macOS uses, tried here: the launcher is told that it runs elsewhere than on Linux."""
    launcher = (ROOT / "studio" / "embedded" / "launch.py").read_text()
    elsewhere = launcher.replace('sys.platform == "linux"', "False")
    assert elsewhere != launcher
    program = (
        "import os, subprocess, sys, time; sleeper = [sys.executable, '-c', 'import time; time.sleep(600)']; "
        "child = subprocess.Popen([sys.executable, '-I', '-c', sys.argv[1], str(os.getpid()), '9', '-', *sleeper], "
        "start_new_session=True, stdout=subprocess.DEVNULL); print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, elsewhere], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    end = time.monotonic() + 5
    while not child.children() and time.monotonic() < end:
        time.sleep(0.02)
    family = [child, *child.children()]
    assert len(family) == 2
    parent.kill()
    parent.communicate()
    assert gone(family)
