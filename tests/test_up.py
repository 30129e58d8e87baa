"""`manage.py up`, the whole studio: started, hurt, stopped, killed and started again."""

import http.cookiejar
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from studio.embedded.home import runtime_dir
from studio.embedded.processes import launched
from tests.services import free_port, temporary_home

PROJECT = Path(__file__).parents[1]
GIVEN = ("DATABASE_URL", "BROKER_URL", "MLFLOW_TRACKING_URI", "SECRET_KEY", "STUDIO_ADMIN_PASSWORD")


@dataclass
class Up:
    home: Path
    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    printed: str = ""

    def read_until(self, words: str) -> str:
        """Everything printed up to the line that holds these words."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed += line
            if words in line:
                return self.printed
        raise AssertionError(self.printed)

    def rest(self) -> str:
        assert self.process.stdout
        self.printed += self.process.stdout.read()
        self.process.wait(60)
        return self.printed

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def home() -> Iterator[Path]:
    folder = temporary_home()
    yield folder / "a studio's home"
    shutil.rmtree(runtime_dir(folder / "a studio's home"), ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in GIVEN}
    ports = {"STUDIO_PORT": str(free_port()), "STUDIO_MLFLOW_PORT": str(free_port())}
    return {**plain, **ports, "STUDIO_HOME": str(home), "STUDIO_SAMPLES": "0"}


@pytest.fixture
def started() -> Iterator[list[Up]]:
    all_of_them: list[Up] = []
    yield all_of_them
    for one in all_of_them:
        one.process.kill()
        one.process.communicate()


def up(started: list[Up], home: Path, environment: dict[str, str]) -> Up:
    process = subprocess.Popen(
        launched([sys.executable, "manage.py", "up"], orphan_signal=signal.SIGTERM),
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started.append(Up(home, process, environment))
    return started[-1]


def signs_in(address: str, password: str) -> bool:
    """As a person does: any address leads to the sign-in page, and from there back to it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with opener.open(address) as page:
        sign_in = page.url
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert "sign-in" in sign_in
    assert token
    form = {"csrfmiddlewaretoken": token[1], "username": "admin", "password": password}
    with opener.open(sign_in, urllib.parse.urlencode(form).encode()) as answer:
        return "sign-in" not in answer.url


def gone(processes: list[psutil.Process], within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes):
            return True
        time.sleep(0.05)
    return False


def test_start_crash_stop_start_again_kill(
    started: list[Up], home: Path, environment: dict[str, str]
) -> None:
    first = up(started, home, environment)
    said = first.read_until("Ctrl-C")
    address, mlflow = (
        f"http://127.0.0.1:{environment[name]}" for name in ("STUDIO_PORT", "STUDIO_MLFLOW_PORT")
    )
    assert f"Address    {address}\n" in said
    assert f'mlflow.set_tracking_uri("{mlflow}")' in said
    shown = re.search(r"Sign in    admin / (\S+)   \(shown only this once\)", said)
    assert shown
    password = shown[1]
    assert signs_in(address, password)

    # Another terminal finds the running studio by itself.
    people = [sys.executable, "manage.py", "shell", "-v", "0", "-c"]
    people.append("from django.contrib.auth.models import User; print(User.objects.get().username)")
    asked = subprocess.run(people, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert asked.stdout == "admin\n", asked.stderr

    second = up(started, home, {**environment, "STUDIO_PORT": str(free_port())})
    refused = second.rest()
    assert second.process.returncode == 1
    assert f"already running on {home} (process {first.process.pid})" in refused
    assert "Traceback" not in refused

    web = next(each for each in first.family() if "gunicorn" in " ".join(each.cmdline()))
    web.kill()
    first.read_until("web ended unexpectedly (killed by SIGKILL); starting it again in 1 s")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            assert signs_in(address, password)
            break
        except OSError:
            time.sleep(0.2)

    family = first.family()
    first.process.send_signal(signal.SIGINT)
    assert first.rest().endswith("Stopped.\n")
    assert first.process.returncode == 0
    assert gone(family, within=1)

    again = up(started, home, environment)
    said = again.read_until("Ctrl-C")
    assert "admin, with the password shown at first start" in said
    assert signs_in(address, password)
    family = again.family()
    assert len(family) > 10
    again.process.kill()
    assert gone(family, within=10), [each for each in family if each.is_running()]

    # The way back in for someone who has lost the password.
    third = up(started, home, {**environment, "STUDIO_ADMIN_PASSWORD": "another-way-in"})
    assert "admin, with the password in STUDIO_ADMIN_PASSWORD" in third.read_until("Ctrl-C")
    assert signs_in(address, "another-way-in")
    assert not signs_in(address, password)
    third.process.send_signal(signal.SIGTERM)
    assert third.rest().endswith("Stopped.\n")
    assert third.process.returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("STUDIO_PORT", "eighty", "STUDIO_PORT is “eighty”; write a whole number from 1 to 65535"),
        (
            "DATABASE_URL",
            "mysql://host/studio",
            "DATABASE_URL starts with “mysql:”; it must start with postgresql",
        ),
        (
            "STUDIO_BIND",
            "203.0.113.7",
            "STUDIO_BIND is “203.0.113.7”, which is not an address of this machine",
        ),
        ("STUDIO_HOME", "/proc/studio", "STUDIO_HOME=/path/to/folder"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_the_fix(
    started: list[Up], home: Path, environment: dict[str, str], name: str, value: str, sentence: str
) -> None:
    studio = up(started, home, {**environment, name: value})
    said = studio.rest()
    assert sentence in said
    assert "Traceback" not in said
    assert studio.process.returncode == 1
