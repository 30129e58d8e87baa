from celery import shared_task
from django.utils import timezone

from studio.actions import models
from studio.errors import Unavailable


@shared_task(name="models.follow_registry")
def follow_registry(*, full: bool = False) -> None:
    try:
        models.follow_registry(now=timezone.now(), full=full)
    except Unavailable:
        return  # noted in RegistryState, which the pages show; the next tick tries again
