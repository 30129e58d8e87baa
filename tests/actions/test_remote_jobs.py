"""A node at work on a bucket: what is fetched, what is written, and what happens while it does not answer."""

from typing import Any

import pytest
from django.db import transaction

from studio.actions.finalizing import MOST_WAITING, finalize_job
from studio.actions.preparing import prepare_job
from studio.models import Datastore, Job, MiniBatch
from studio.sealing import seal
from studio.stores import StoreAway, open_store
from studio.stores.s3 import S3Bucket
from tests import factories
from tests.actions.conftest import spec_of
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.django_db
ROWS = 6000


@pytest.fixture
def visits(bucket: dict[str, Any]) -> Datastore:
    return factories.datastore(
        "",
        name="visits",
        kind="s3",
        options=bucket,
        secrets=seal({"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}),
    )


@pytest.fixture
def job(node, visits, home, save_odd_model) -> Job:
    """Queued: over one file of 300 KB that is divided, from the bucket into the bucket."""
    rows = "".join(f"list,{number}.25,{'x' * 40}\n" for number in range(ROWS))
    open_store(visits).write("in/rows.csv", [b"act,value,note\n", rows.encode()])
    made = factories.job(
        Job.Status.QUEUED,
        deployment=factories.deployment(cluster=node.row.cluster),
        datastore=visits,
        input_path="in",
        spec=spec_of(home(save_odd_model())),
    )
    settings = {**made.settings, "max_retries": 0, "split_size": 100_000}
    Job.objects.filter(pk=made.pk).update(settings=settings, output_datastore=visits)
    made.refresh_from_db()
    return made


def fetched(monkeypatch) -> list[int]:
    """Bytes of each request for some, as they are asked for."""
    asked: list[int] = []
    real = S3Bucket.body

    def body(self, path, etag, start, end):
        if path.startswith("in/"):
            asked.append(end - start)
        return real(self, path, etag, start, end)

    monkeypatch.setattr(S3Bucket, "body", body)
    return asked


def test_one_object_is_scored_by_ranges_from_a_bucket_into_it(node, job, visits, monkeypatch) -> None:
    asked = fetched(monkeypatch)
    prepare_job(job_id=job.pk, holder=node)
    assert job.minibatches.count() >= 3
    read_to_plan = sum(asked)
    node.slots[0].score_all()
    size, heads = open_store(visits).stat("in/rows.csv").size, 64 << 10  # in which a slice finds its header
    assert size <= sum(asked) - read_to_plan <= size + job.minibatches.count() * heads
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.error, job.rows_scored) == (Job.Status.COMPLETED, "", ROWS)
    with open_store(visits).open(job.output_object("predictions.csv")) as stream:
        lines = stream.read().decode().splitlines()
    assert lines[0] == "row,prediction,file_name"
    assert lines[1:] == [f"{number},{number}.25,rows.csv" for number in range(ROWS)]
    written = {
        one.path.removeprefix(f"{job.output_path}/") for one in open_store(visits).list(job.output_path)
    }
    assert {"predictions.csv", "_summary.json", "_schema.json"} <= written
    assert not [one for one in written if one.endswith(".arrow")]


def test_a_file_whose_quotes_hold_line_ends_is_divided_anew(node, job, visits) -> None:
    note = "a,b\nc" * 8
    rows = "".join(f'list,{number}.25,"{note}"\n' for number in range(ROWS))
    open_store(visits).write("in/rows.csv", [b"act,value,note\n", rows.encode()])
    prepare_job(job_id=job.pk, holder=node)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert (job.status, job.minibatches_total, job.rows_scored) == (Job.Status.PREPARING, 0, 0)
    assert "line ends between quotes" in job.waiting_for
    assert not job.minibatches.exists()
    node.dropped.add(job.pk)  # as a heartbeat did while the job was not running
    prepare_job(job_id=job.pk, holder=node)
    assert job.minibatches.count() >= 3
    node.slots[0].score_all()
    assert not job.minibatches.unfinished().exists()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.rows_scored) == (Job.Status.COMPLETED, ROWS)
    with open_store(visits).open(job.output_object("predictions.csv")) as stream:
        lines = stream.read().decode().splitlines()
    assert lines[1:] == [f"{number},{number}.25,rows.csv" for number in range(ROWS)]


def test_a_bucket_that_refuses_its_keys_is_waited_for(node, job, monkeypatch) -> None:
    away = StoreAway("The bucket refuses the datastore’s credentials.")
    real = S3Bucket.stat

    def refuse(self, path):
        raise away

    monkeypatch.setattr(S3Bucket, "stat", refuse)
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.waiting_for, job.lease) == (Job.Status.PREPARING, str(away), None)

    monkeypatch.setattr(S3Bucket, "stat", real)
    prepare_job(job_id=job.pk, holder=node)
    monkeypatch.setattr(S3Bucket, "stat", refuse)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert (job.status, job.waiting_for) == (Job.Status.RUNNING, str(away))
    assert set(job.minibatches.values_list("status", "attempts")) == {(MiniBatch.Status.WAITING, 0)}

    monkeypatch.setattr(S3Bucket, "stat", real)
    node.slots[0].score_all()
    monkeypatch.setattr(S3Bucket, "put", refuse_to_write(away))
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.waiting_for) == (Job.Status.FINALIZING, str(away))
    finished = MiniBatch.objects.values_list("finished_at", flat=True).first()
    MiniBatch.objects.update(finished_at=finished - 2 * MOST_WAITING)
    with transaction.atomic():
        finalize_job(job_id=job.pk, holder=node)
        job.refresh_from_db()
        assert (job.status, job.error) == (Job.Status.FAILED, str(away))
        transaction.set_rollback(True)

    monkeypatch.undo()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.rows_scored) == (Job.Status.COMPLETED, ROWS)


def refuse_to_write(away: Exception) -> Any:
    def put(self: S3Bucket, path: str, chunks: Any, **more: Any) -> bool:
        raise away

    return put


def test_an_object_that_changed_is_refused(node, job, visits) -> None:
    prepare_job(job_id=job.pk, holder=node)
    open_store(visits).write("in/rows.csv", [b"act,value\nlist,1\n"])
    node.slots[0].score_all()
    errors = set(job.minibatches.values_list("error", flat=True))
    assert errors == {"rows.csv has changed since the job was planned. Create the job again."}
