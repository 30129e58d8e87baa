"""Jobs that have run, with what they wrote."""

from pathlib import Path

from django.urls import reverse
from django.utils import timezone

from studio.models import Job
from tests import factories

Status = Job.Status


def address(name, job, **query):
    return reverse(f"jobs:{name}", args=[job.name], query=query)


def finished(store, files=None, status=Status.COMPLETED, **fields):
    """A job that has ended, with what it wrote."""
    files = files or {"predictions.csv": "row,prediction,file_name\n0,1.5,a.csv\n1,,a.csv\n"}
    fields.setdefault("outputs", [name for name in files if name != "secret.csv"])
    job = factories.job(status, datastore=store, started_at=timezone.now(), **fields)
    folder = Path(store.options["root"], job.output_path)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return job
