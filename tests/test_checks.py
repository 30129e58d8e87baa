"""The checks that `make check` runs find what they are for."""

import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest

from studio.actions.tokens import new_secret
from tests import dependencies, secrets_scan


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    person = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", "-C", str(folder), *person, *words], check=True)


def commit(folder: Path, text: str) -> None:
    (folder / "notes.txt").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "notes")


SECRETS = [
    "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "AK" + "IA" + "Q" * 16,
    "AccountKey" + "=" + "x" * 86 + "==",
    "gh" + "p_" + "a" * 36,
    "ey" + "J" + "a" * 12 + ".ey" + "J" + "b" * 12 + "." + "c" * 24,
    new_secret(),
]


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))  # one of them is another each time
def test_a_secret_that_was_removed_again_is_found_in_the_history(repository: Path, secret: str) -> None:
    commit(repository, f"key = {secret}\n")
    commit(repository, "nothing here\n")
    found = list(secrets_scan.findings(repository))
    assert len(found) == 1
    assert "notes.txt" in found[0]
    assert secret not in found[0]


def test_what_only_looks_like_a_token_of_a_studio_is_none(repository: Path) -> None:
    commit(repository, f"{new_secret()[:-6]}000000 sst_… sst_wrong\n")
    assert not list(secrets_scan.findings(repository))


def test_a_folder_without_a_history_is_no_clean_one(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nothing was looked at"):
        list(secrets_scan.findings(tmp_path / "none"))


def test_a_requirement_without_version_or_reason_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").write_text("good==1.0  # why\nopen>=1  # why\nsilent==1.0\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    monkeypatch.setattr(dependencies, "ROOT", tmp_path)
    assert [line.split("“")[1].split("”")[0] for line in dependencies.unpinned()] == [
        "open>=1  # why",
        "silent==1.0",
    ]


def test_every_test_that_security_md_names_is_there() -> None:
    root = dependencies.ROOT
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", (root / "SECURITY.md").read_text()))
    assert len(named) > 10
    assert not [file for file in named if not (root / file).is_file()]


def test_a_copyleft_licence_is_named() -> None:
    assert list(dependencies.not_permissive({"lgpl[]": distribution("paramiko")}))
    assert not list(dependencies.not_permissive({"django[]": distribution("django")}))
