"""Real SFTP servers on loopback: OpenSSH's sshd, and its sftp-server behind a login with a password.

sshd looks a password up where only root may look, and for the machine's users only. So it runs without rights and takes
a key. Passwords are tried on the SSH server of paramiko, behind which the same sftp-server works.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwnam, getpwuid
from typing import Any

import paramiko
import psutil

from studio.embedded.processes import Account, launched
from tests.services import free_port, temporary_home

UNPACKED = Path(sys.prefix, "openssh")  # by tests/sshd.sh
SSHD, SFTP_SERVER = (
    str(next((one for one in (Path(path), UNPACKED / path[1:]) if one.exists()), path))
    for path in ("/usr/sbin/sshd", "/usr/lib/openssh/sftp-server")
)
UNPRIVILEGED = "daemon"  # of every Debian; systemd says of nobody that the account is locked
PASSWORD = "a-password-that-no-page-shows"
CONFIG = """
ListenAddress 127.0.0.1
HostKey {home}/host_key
AuthorizedKeysFile {home}/client_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
Subsystem sftp internal-sftp
"""


@dataclass
class SftpServer:
    """One that can be stopped and started, at one address and with one key of its own."""

    home: Path = field(default_factory=temporary_home)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def user(self) -> str:
        """Whose rights files are written with: not root's, which may do everything."""
        return getpwuid(os.getuid()).pw_name if os.getuid() else UNPRIVILEGED

    @property
    def host_key(self) -> str:
        return " ".join((self.home / "host_key.pub").read_text().split()[:2])

    @property
    def private_key(self) -> str:
        return (self.home / "client_key").read_text()

    def prepare(self) -> None:
        for name in ("host_key", "client_key"):
            self.make_key(name)
        shutil.copy(SSHD, self.home)  # the user may not reach where it lies
        (self.home / "config").write_text(CONFIG.format(home=self.home))
        self.own(self.home, *self.home.iterdir())

    def make_key(self, name: str, kind: str = "ed25519", *, passphrase: str = "") -> Path:
        path = self.home / name
        path.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
        self.own(path)
        return path

    def own(self, *paths: Path) -> None:
        if not os.getuid():
            for path in paths:
                os.chown(path, getpwnam(self.user).pw_uid, getpwnam(self.user).pw_gid)

    def folder(self, name: str) -> Path:
        made = self.home / name
        made.mkdir()
        self.own(made)
        return made

    def options(self, folder: Path) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "folder": str(folder),
            "host_key": self.host_key,
        }

    def start(self, *more: str, largest: str = "unlimited") -> None:
        """With further lines of sshd_config, and a limit to the size of a file (in KB/2)."""
        given = [part for option in more for part in ("-o", option)]
        command = [str(self.home / "sshd"), "-D", "-e", "-f", str(self.home / "config"), "-p", str(self.port)]
        # A file that may not grow is an error, not the end.
        limited = ["/bin/sh", "-c", f'trap "" XFSZ; ulimit -f {largest} && exec "$@"', "sh", *command, *given]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(launched(limited, account=_account()), stderr=log)
        end = time.monotonic() + 30
        while not _listens(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"sshd did not start:\n{(self.home / 'log').read_text()[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """With everyone's connections."""
        if self.process:
            self.hang_up()
            self.process.terminate()
            self.process.wait()
            self.process = None

    def hang_up(self) -> None:
        assert self.process
        for one in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                one.kill()

    def connections(self) -> int:
        assert self.process
        return len(psutil.Process(self.process.pid).children())


@contextmanager
def sftp_server() -> Iterator[SftpServer]:
    server = SftpServer()
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)


def _account() -> Account | None:
    """Where root starts it."""
    entry = getpwnam(UNPRIVILEGED)
    return None if os.getuid() else Account(UNPRIVILEGED, entry.pw_uid, entry.pw_gid)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# ---- With a password


@contextmanager
def password_server(*, methods: str = "password", user: str = "ada") -> Iterator[dict[str, Any]]:
    """Gives the options of its root folder; `methods` are the ways to log in that it offers."""
    key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=_serve, args=[listening, key, methods, user], daemon=True)
        thread.start()
        yield {
            "host": "127.0.0.1",
            "port": port,
            "user": user,
            "host_key": f"{key.get_name()} {key.get_base64()}",
        }
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def _serve(listening: socket.socket, key: paramiko.PKey, methods: str, user: str) -> None:
    open_ones = []
    while True:
        try:
            client, _address = listening.accept()
        except OSError:
            break
        transport = paramiko.Transport(client)
        open_ones.append(transport)
        transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", _Subsystem)
        with suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=_Doorkeeper(methods, user))
    for transport in open_ones:
        transport.close()


class _Doorkeeper(paramiko.ServerInterface):
    def __init__(self, methods: str, user: str) -> None:
        self.methods, self.user = methods, user

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_password(self, username: str, password: str) -> int:
        if "password" in self.methods and (username, password) == (self.user, PASSWORD):
            return paramiko.AUTH_SUCCESSFUL
        return paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        if "keyboard-interactive" not in self.methods or username != self.user:
            return paramiko.AUTH_FAILED
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return paramiko.AUTH_SUCCESSFUL if responses == [PASSWORD] else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Subsystem(paramiko.SubsystemHandler):
    """OpenSSH's sftp-server at the other end of the channel."""

    def start_subsystem(self, name: str, transport: paramiko.Transport, channel: paramiko.Channel) -> None:
        with subprocess.Popen(
            [SFTP_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdin
            assert process.stdout
            back = threading.Thread(target=self._send_back, args=[process.stdout, channel], daemon=True)
            back.start()
            with suppress(OSError, EOFError):
                while data := channel.recv(1 << 16):
                    process.stdin.write(data)
                    process.stdin.flush()
            process.stdin.close()
            process.terminate()
            back.join()

    @staticmethod
    def _send_back(output: Any, channel: paramiko.Channel) -> None:
        with suppress(OSError, EOFError):
            while data := output.read1(1 << 16):
                channel.sendall(data)
