import fcntl
import signal
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from studio.actions.machine import Machine
from studio.embedded.home import make_folder


class Command(BaseCommand):
    help = (
        "Start and stop the nodes of this machine's clusters as they are needed, until it is stopped itself."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        machine = Machine(folder=make_folder(settings.STUDIO_HOME / "logs"))

        def stop(number: int, frame: FrameType | None) -> None:
            machine.stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        with (settings.STUDIO_HOME / "machine.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CommandError("Another process already looks after the nodes of this machine.") from None
            machine.run(say_ready=lambda: self.stdout.write("The nodes are ready."))
