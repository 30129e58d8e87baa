"""What a node at work makes of a job, and what the job leaves."""

from pathlib import Path

from studio.actions.finalizing import finalize_job
from studio.actions.nodes import NodeAtWork
from studio.models import Job, MiniBatch


def worked(node: NodeAtWork, job: Job) -> MiniBatch:
    """The mini-batch of a job whose work is done."""
    node.slots[0].score_all()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    return job.minibatches.get()


def outputs(job: Job) -> dict[str, Path]:
    assert job.output_datastore is not None
    folder = Path(job.output_datastore.options["root"]) / job.output_path
    return {path.name: path for path in sorted(folder.iterdir())}
