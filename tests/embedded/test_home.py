import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from studio.embedded import home as homes
from studio.embedded.home import PROJECT, StartError, only_one, runtime_dir, secret, studio_home


def test_home_is_absolute_whatever_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_HOME", "state/here")
    assert studio_home() == PROJECT / "state" / "here"


def test_home_defaults_by_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_HOME", raising=False)
    expected = Path("/var/lib/scoring-studio") if os.geteuid() == 0 else PROJECT / ".studio"
    assert studio_home() == expected.resolve()


def test_socket_paths_stay_short_for_a_long_home(tmp_path: Path) -> None:
    long = tmp_path / ("a long folder name " * 8) / ("and another one " * 8)
    folder = runtime_dir(long)
    assert len(str(folder / "postgres" / ".s.PGSQL.5432.lock")) < 100
    assert " " not in str(folder)
    assert runtime_dir(long) == folder
    assert runtime_dir(tmp_path) != folder
    folder.rmdir()
    runtime_dir(tmp_path).rmdir()


def test_runtime_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = runtime_dir(tmp_path)
    folder.chmod(0o777)
    assert stat.S_IMODE(runtime_dir(tmp_path).stat().st_mode) in {0o700, 0o711}
    folder.rmdir()


def test_runtime_folder_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runtime_dir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    with pytest.raises(StartError, match="Delete it and start again"):
        runtime_dir(tmp_path)
    folder.unlink()


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = secret(tmp_path, "key")
    assert len(first) >= 48
    assert secret(tmp_path, "key") == first
    assert secret(tmp_path, "other") != first
    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600


def test_secret_is_the_same_for_processes_that_ask_together(tmp_path: Path) -> None:
    program = "import sys, pathlib; from studio.embedded.home import secret\n"
    program += "print(secret(pathlib.Path(sys.argv[1]), 'key'))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    asking = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert len({one.communicate()[0] for one in asking}) == 1


def test_home_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="STUDIO_HOME=/path/to/folder"):
        homes.prepare_home(tmp_path / "file" / "home")


def test_two_at_once_are_refused_with_the_holder(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from studio.embedded.home import only_one, StartError\n"
        "try:\n  with only_one(pathlib.Path(sys.argv[1])): print('got it')\n"
        "except StartError as problem: print(problem)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with only_one(tmp_path):
        refused = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert "already running" in refused
    assert f"process {os.getpid()}" in refused
    assert "STUDIO_HOME=" in refused
    allowed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert allowed == "got it\n"
