import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from studio.embedded.home import PROJECT


class Command(BaseCommand):
    help = "Starts the whole studio on this machine, and stops it with Ctrl-C."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # The supervisor stays for as long as the studio runs and needs nothing of Django: it takes this
        # process over instead of keeping all that is loaded here.
        os.chdir(PROJECT)
        os.execv(sys.executable, [sys.executable, "-m", "studio.embedded"])
