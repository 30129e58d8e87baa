from celery import shared_task

from studio.actions import nodes


@shared_task(name="compute.work")
def work() -> None:
    nodes.current().work()
