import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from studio.actions import account, compute, datastores
from studio.models import Cluster


class Command(BaseCommand):
    help = "Make what a fresh studio needs: administrator, datastore, local cluster. Prints one line of JSON."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        password = account.set_up_administrator()
        datastores.set_up_default_datastore(root=settings.STUDIO_HOME / "datastore")
        compute.set_up_local_cluster()
        clusters = Cluster.objects.local().values_list("name", flat=True)
        self.stdout.write(json.dumps({"password": password or "", "clusters": list(clusters)}))
