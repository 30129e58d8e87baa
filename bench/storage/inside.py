"""What is done inside the studio, in `manage.py shell`: see bench.engine.studio."""

from typing import Any

from studio.models import Job


def last_ranges(*, datastore: str) -> list[list[list[int]]]:
    """The bytes of its input that each mini-batch of the last job over a datastore had fetched, one file each."""
    job = Job.objects.filter(input_datastore__name=datastore).latest("created_at")
    slices: list[dict[str, Any]] = [one for batch in job.minibatches.in_plan_order() for one in batch.slices]
    return [one["ranges"] for one in slices]
