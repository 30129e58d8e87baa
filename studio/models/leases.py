import uuid
from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

LEASE = timedelta(seconds=15)
HEARTBEAT = timedelta(seconds=5)


def lease_end() -> Any:
    """15 s from now by the database's clock, so that no machine's own clock decides who holds a row."""
    return Now() + LEASE


class LeasedQuerySet(models.QuerySet[Any]):
    def lease_free(self) -> Self:
        """Rows that nobody holds, or whose holder has been silent for 15 s."""
        return self.filter(Q(lease=None) | Q(lease_until__lt=Now()))

    def lease_lost(self) -> Self:
        return self.filter(lease__isnull=False, lease_until__lt=Now())


class Leased(models.Model):
    """A row that one process works on at a time.

    `lease` is new with every claim. Whoever writes the result of the work does so `WHERE lease = mine`,
    so a process that was paused for a minute and goes on changes nothing.
    """

    lease = models.UUIDField(null=True, editable=False)
    leased_by = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @staticmethod
    def taken_by(worker: str) -> dict[str, Any]:
        """The fields that take the lease for `worker`."""
        return {"lease": uuid.uuid4(), "leased_by": worker, "lease_until": lease_end()}

    RELEASED: dict[str, Any] = {"lease": None, "leased_by": "", "lease_until": None}


def renew(model: type[Leased], leases: set[uuid.UUID]) -> None:
    if leases:
        model._default_manager.filter(lease__in=leases).update(lease_until=lease_end())


def end_leases(worker: str) -> None:
    """Of all rows that `worker`, which is gone, held: the sweep need not wait for its silence."""
    for model in Leased.__subclasses__():
        model._default_manager.filter(leased_by=worker).update(lease_until=Now())
