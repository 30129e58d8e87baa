import time
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from studio.actions.leases import Holder
from studio.models import Job
from tests import factories

OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def opened() -> int:
    with connection.cursor() as cursor:
        cursor.execute(OPEN)
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_heart_renews_what_is_held_and_closes_its_connection_when_it_stops() -> None:
    before = opened()
    job = factories.job(lease=uuid.uuid4(), lease_until=timezone.now())
    holder = Holder("test")
    holder.interval = 0.01
    with holder.holding(job):
        end = time.monotonic() + 10
        while Job.objects.get(pk=job.pk).lease_until <= job.lease_until:
            assert time.monotonic() < end
            time.sleep(0.01)
    holder.stopping.set()
    assert holder._thread
    holder._thread.join()
    end = time.monotonic() + 10
    while opened() > before:  # the server takes a moment to let go
        assert time.monotonic() < end
        time.sleep(0.01)
