"""A node at work on a public https address: what is fetched, and what happens while it does not answer."""

from typing import Any

import pytest

from studio.actions.addresses import find_address, keep_address
from studio.actions.finalizing import finalize_job
from studio.actions.preparing import prepare_job
from studio.models import Job
from studio.stores import open_store
from tests import factories
from tests.actions.conftest import spec_of
from tests.stores.https_server import Server

pytestmark = pytest.mark.django_db
ROWS = 6000
TEXT = "act,value,note\n" + "".join(f"list,{number}.25,{'x' * 40}\n" for number in range(ROWS))
KEY = "sig=a-key"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.stores.fetching.PAUSES", (0.01,))


@pytest.fixture
def job(node: Any, store: Any, person: Any, web: Server, home: Any, odd_model: Any) -> Job:
    """Queued: over one file of 300 KB at an address, which is divided."""
    address = web.put("/rows.csv", TEXT.encode()) + f"?{KEY}"
    kept = keep_address(user=person, found=find_address(address).datastore)
    made = factories.job(
        Job.Status.QUEUED,
        deployment=factories.deployment(cluster=node.row.cluster),
        datastore=store,
        input_datastore=kept,
        input_path="rows.csv",
        input_label=kept.location,
        spec=spec_of(home(odd_model)),
    )
    settings = {**made.settings, "max_retries": 0, "split_size": 100_000}
    Job.objects.filter(pk=made.pk).update(settings=settings)
    made.refresh_from_db()
    return made


def scored(node: Any, job: Job) -> list[str]:
    """Lines of the predictions."""
    prepare_job(job_id=job.pk, holder=node)
    node.slots[0].score_all()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.error, job.rows_scored) == (Job.Status.COMPLETED, "", ROWS)
    with open_store(job.output_datastore).open(job.output_object("predictions.csv")) as stream:
        lines: list[str] = stream.read().decode().splitlines()
    return lines


def test_a_file_at_an_address_is_scored_by_ranges(node: Any, job: Job, web: Server) -> None:
    prepare_job(job_id=job.pk, holder=node)
    assert job.minibatches.count() >= 3
    web.asked.clear()
    node.slots[0].score_all()
    sizes = [
        int(end) - int(start) + 1
        for start, end in (ranged.removeprefix("bytes=").split("-") for ranged in web.fetched)
    ]
    heads = job.minibatches.count() * (64 << 10)  # in which a slice finds its header
    assert len(TEXT) <= sum(sizes) <= len(TEXT) + heads
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.error, job.rows_scored) == (Job.Status.COMPLETED, "", ROWS)


@pytest.mark.parametrize("server", [{}, {"takes_ranges": False}, {"etag": "", "has_length": False}])
def test_predictions_are_the_same_whatever_the_server_can(
    node: Any, job: Job, web: Server, server: dict[str, Any]
) -> None:
    web.put("/rows.csv", TEXT.encode(), **server)
    lines = scored(node, job)
    assert lines[1:] == [f"{number},{number}.25,rows.csv" for number in range(ROWS)]
    if server:
        assert len(web.fetched) == 1


def test_a_job_waits_while_its_address_is_away_and_goes_on(node: Any, job: Job, web: Server) -> None:
    web.put("/rows.csv", status=503)
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.status == Job.Status.PREPARING
    assert "busy or out of order (503)" in job.waiting_for
    assert "a-key" not in job.waiting_for
    web.put("/rows.csv", TEXT.encode())
    prepare_job(job_id=job.pk, holder=node)
    web.put("/rows.csv", status=503)
    node.slots[0].score_all()
    assert job.minibatches.waiting().count() == job.minibatches.count()
    web.put("/rows.csv", TEXT.encode())
    node.slots[0].score_all()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.status == Job.Status.COMPLETED


@pytest.mark.parametrize(
    ("page", "said"),
    [({"status": 404}, "There is nothing at"), ({"status": 403}, "does not let the studio in")],
)
def test_a_job_whose_address_is_refused_fails_with_the_sentence(
    node: Any, job: Job, web: Server, page: dict[str, Any], said: str
) -> None:
    web.put("/rows.csv", **page)
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert said in job.error
    assert "a-key" not in job.error


def test_a_file_that_changes_under_a_job_is_not_scored_half(node: Any, job: Job, web: Server) -> None:
    prepare_job(job_id=job.pk, holder=node)
    web.put("/rows.csv", TEXT.encode(), etag='"two"')
    node.slots[0].score_all()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert "rows.csv has changed since the job was planned" in str(
        list(job.minibatches.values_list("report", "error"))
    )
