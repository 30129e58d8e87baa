import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from studio.actions import account, compute, data


class Command(BaseCommand):
    help = "Make what a fresh studio needs: administrator, datastore, local cluster. Prints one line of JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        password = account.set_up_administrator()
        data.set_up_default_datastore(root=settings.STUDIO_HOME / "datastore")
        compute.set_up_local_cluster()
        self.stdout.write(json.dumps({"password": password} if password else {}))
