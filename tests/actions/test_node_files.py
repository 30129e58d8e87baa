"""`manage.py environments`: what this machine keeps for nodes, and what of it nothing needs."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from scoring.environment import READY, EnvironmentSpec
from studio.actions import node_files
from studio.models import Deployment, Job
from tests import factories


def environment(*lines: str) -> dict[str, Any]:
    return EnvironmentSpec.of(python="3.11", lines=lines).to_dict()


def kept(home: Path, spec: dict[str, Any]) -> Path:
    folder = home / "environments" / EnvironmentSpec.from_dict(spec).key
    (folder / "lib").mkdir(parents=True)
    (folder / READY).write_text("x" * 2048)
    return folder


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    settings.STUDIO_HOME = tmp_path
    return tmp_path


def say(*arguments: str) -> str:
    out = io.StringIO()
    call_command("environments", *arguments, stdout=out)
    return out.getvalue()


def test_each_is_listed_with_what_needs_it(db: None, home: Path) -> None:
    used, queued, left = (kept(home, environment(f"a=={i}")) for i in range(3))
    os.utime(used / READY, (0, 0))
    deployment = factories.deployment(
        Deployment.Status.FAILED, endpoint=factories.endpoint("e"), name="d", environment=environment("a==0")
    )
    (home / "models" / deployment.model_key).mkdir(parents=True)
    spec = {"environment": environment("a==1"), "model_key": "m"}
    factories.job(Job.Status.QUEUED, deployment=deployment, spec=spec, name="waiting")
    spec = {"environment": environment("a==2"), "model_key": "m"}
    factories.job(Job.Status.COMPLETED, deployment=deployment, spec=spec, name="finished")
    said = say()
    assert "Environments: 3, 6.0 KB" in said
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith("  ")}
    assert "used 1970-01-01" in lines[used.name]
    assert lines[used.name].endswith("  e/d")
    assert lines[queued.name].endswith("  waiting")
    assert lines[left.name].endswith("  needed by nothing")
    assert lines[deployment.model_key].endswith("  e/d")


def test_unused_ones_are_removed_when_it_was_agreed(
    db: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, left = kept(home, environment("a==0")), kept(home, environment("a==1"))
    (home / "models" / "gone").mkdir(parents=True)
    factories.deployment(environment=environment("a==0"))
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert "Nothing was removed." in say("--remove-unused")
    assert left.exists()
    monkeypatch.setattr("builtins.input", lambda question: "y")
    said = say("--remove-unused")
    assert str(left) in said
    assert str(used) not in said.partition("To be removed")[2]
    assert "Removed: 2 of 2" in said
    assert used.exists()
    assert not left.exists()
    assert not (home / "models" / "gone").exists()
    assert "There is nothing to remove." in say("--remove-unused", "--yes")


def test_one_that_is_needed_by_now_stays(db: None, home: Path) -> None:
    left = kept(home, environment("a==0"))
    [found] = node_files.environments_here()
    assert found.needed_by == []
    factories.deployment(environment=environment("a==0"))
    assert not node_files.remove_unneeded(found)
    assert left.exists()


def test_nobody_to_ask_is_said(db: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(home, environment("a==0"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="--yes"):
        say("--remove-unused")
