from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from studio.actions import compute, nodes
from studio.models import Cluster


class Command(BaseCommand):
    help = "Join this machine to a cluster as a node, until it is stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cluster", required=True, help="name of the cluster")

    def handle(self, *args: Any, **options: Any) -> None:
        from celery.signals import worker_shutting_down

        from studio.celery import app

        try:
            node = nodes.become(cluster_name=options["cluster"])
        except Cluster.DoesNotExist:
            known = ", ".join(Cluster.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no cluster “{options['cluster']}”. Clusters: {known}.") from None
        except compute.ClusterIsStopped as refusal:
            raise CommandError(str(refusal)) from None
        worker_shutting_down.connect(lambda **_: node.stopping.set(), weak=False)
        # Two threads more than slots: a deployment is created and first rows are tried while every slot scores.
        arguments = ["worker", "-Q", node.row.cluster.queue, "-n", f"{node.name}@%h", "-l", "INFO"]
        arguments += ["--pool", "threads", "-c", str(node.row.slots + 2)]
        arguments += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        try:
            app.worker_main(arguments)
        finally:
            node.leave()
