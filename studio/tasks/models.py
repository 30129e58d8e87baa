from celery import shared_task
from django.utils import timezone

from studio.actions import models, registrations
from studio.actions.leases import CONTROL
from studio.errors import Unavailable
from studio.tasks.jobs import room


@shared_task(name="models.follow_registry")
def follow_registry(*, full: bool = False) -> None:
    try:
        models.follow_registry(now=timezone.now(), full=full)
    except Unavailable:
        return  # noted in RegistryState, which the pages show; the next tick tries again


@shared_task(name="models.register")
def register(*, registration_id: int) -> None:
    with room() as found:
        if found:
            registrations.register(registration_id=registration_id, holder=CONTROL)
