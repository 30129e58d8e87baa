"""Where a studio on one machine keeps its state, its secrets and its sockets."""

import fcntl
import hashlib
import math
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ETIMEDOUT
from pathlib import Path

from studio import env
from studio.errors import StudioError

PROJECT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.05  # between two looks whether a lock is free


class StartError(StudioError):
    """The studio cannot start here; the message says why and what to do."""


def is_root() -> bool:
    return os.geteuid() == 0


def studio_home() -> Path:
    """STUDIO_HOME, made absolute from the project's folder so that every terminal finds the same one."""
    default = "/var/lib/scoring-studio" if is_root() else str(PROJECT / ".studio")
    try:
        chosen = Path(env.text("STUDIO_HOME", default)).expanduser()
    except RuntimeError:
        raise env.SettingError("STUDIO_HOME starts with an unknown “~”; write the whole path.") from None
    return (PROJECT / chosen).resolve()


def make_folder(folder: Path, mode: int = 0o700) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
    except OSError as problem:
        raise StartError(
            f"The folder {folder} cannot be made or used ({problem.strerror}). Choose one that this user may "
            f"write: STUDIO_HOME=/path/to/folder."
        ) from None
    return folder


def prepare_home(home: Path) -> Path:
    # As root, PostgreSQL runs as another user, who must be able to pass through to its own folder.
    return make_folder(home, 0o711 if is_root() else 0o700)


def runtime_dir(home: Path) -> Path:
    """A short folder for unix sockets, whose paths end at 107 characters.

    Worked out from STUDIO_HOME alone, so that a second terminal finds it. Not under XDG_RUNTIME_DIR: that
    differs between terminals (su, cron, ssh) and is deleted when its user signs out, under a running studio.
    """
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    if is_root():
        base = Path("/run") if os.access("/run", os.W_OK) else Path("/tmp")
        folder, mode = base / f"scoring-studio-{name}", 0o711
    else:
        folder, mode = Path("/tmp") / f"scoring-studio-{os.geteuid()}-{name}", 0o700
    try:
        folder.mkdir(mode=mode, exist_ok=True)
        found = folder.lstat()
    except OSError as problem:
        raise StartError(f"The folder {folder} for sockets cannot be made ({problem.strerror}).") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StartError(
            f"{folder} is not a folder of this user, so sockets in it cannot be trusted. Delete it and start again."
        )
    if stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)
    return folder


def secret(home: Path, name: str) -> str:
    """A random secret of this home, made the first time that anything asks for it."""
    file = home / "secrets" / name
    try:
        if file.exists():
            return file.read_text(encoding="ascii")
        prepare_home(home)
        make_folder(file.parent)
        with locked(file.parent / ".lock"):
            if not file.exists():
                write_private(file, secrets.token_urlsafe(48))
            return file.read_text(encoding="ascii")
    except OSError as problem:
        raise StartError(
            f"{file} cannot be read ({problem.strerror}). Run this as the user that started the studio, "
            f"or choose a folder of your own: STUDIO_HOME=/path/to/folder."
        ) from None


def write_private(file: Path, contents: str) -> None:
    """The whole file or nothing, readable by its owner only."""
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(
        os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as stream:
        stream.write(contents)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)


@contextmanager
def locked(file: Path, *, within: float = math.inf) -> Iterator[None]:
    """Raises TimeoutError where another process, or another thread, has it for so many seconds."""
    end = time.monotonic() + within
    with file.open("a") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError(ETIMEDOUT, os.strerror(ETIMEDOUT)) from None
                time.sleep(POLL_SECONDS)
        yield


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Refuses a second studio on one home. The kernel drops the lock when its holder dies, however it dies."""
    file = prepare_home(home) / "lock"
    try:
        stream = file.open("a+", encoding="ascii")
    except OSError as problem:
        raise StartError(
            f"{file} cannot be opened ({problem.strerror}); it belongs to another user."
        ) from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.seek(0)
            holder = stream.read().strip()
            raise StartError(
                f"A studio is already running on {home}{f' (process {holder})' if holder else ''}. "
                f"Stop it first, or give this one a folder of its own: STUDIO_HOME=/path/to/folder."
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
