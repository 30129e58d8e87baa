from celery import shared_task

from studio.actions import sweep as action


@shared_task(name="sweep.sweep")
def sweep() -> None:
    action.sweep()
