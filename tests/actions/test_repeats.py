"""A job whose datastore throttles or breaks off says so, though the storage's client asks again by itself."""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from studio.actions.finalizing import finalize_job
from studio.actions.job_definition import record
from studio.actions.job_logs import read_log
from studio.actions.leases import Holder
from studio.actions.preparing import prepare_job
from studio.actions.repeats import record_repeats
from studio.models import Datastore, Job
from studio.sealing import seal
from studio.stores import open_store, repeats
from studio.stores.sftp_session import Reading
from tests import factories
from tests.actions.conftest import spec_of
from tests.stores.far import Place
from tests.stores.gcs_server import refused
from tests.stores.sftp_server import SftpServer
from tests.stores.troubled import SLOW_DOWN, busy, way_to

pytestmark = pytest.mark.django_db
ROWS = b"act,value\n" + b"list,1.5\n" * 50


class Throttled:
    """A datastore whose server can be told to be busy."""

    def __init__(self, place: Place, busy: Callable[[str, int], None], cause: str) -> None:
        self.datastore = factories.datastore(
            "", name="visits", kind=place.kind, options=place.options, secrets=seal(place.secrets)
        )
        self.busy, self.cause = busy, cause


@contextmanager
def of_s3(request: pytest.FixtureRequest) -> Any:
    place = request.getfixturevalue("s3_place")
    with way_to(place.options["endpoint"]) as way:
        yield Throttled(
            place._replace(options={**place.options, "endpoint": way.address}),
            lambda words, times: way.troubles.extend([busy(words, {}, SLOW_DOWN)] * times),
            "503 SlowDown",
        )


@contextmanager
def of_azure(request: pytest.FixtureRequest) -> Any:
    place = request.getfixturevalue("azure_place")
    with way_to(place.options["endpoint"]) as way:
        yield Throttled(
            place._replace(options={**place.options, "endpoint": way.address}),
            lambda words, times: way.troubles.extend(
                [busy(words, {"x-ms-error-code": "ServerBusy"})] * times
            ),
            "503 ServerBusy",
        )


@contextmanager
def of_gcs(request: pytest.FixtureRequest) -> Any:
    place, google = request.getfixturevalue("gcs_place"), request.getfixturevalue("google")
    path = {"GET": "alt=media", "PUT": "uploadType=multipart"}
    yield Throttled(
        place,
        lambda words, times: google.next(path[words.split()[0]], *[refused(503, "backendError")] * times),
        "503 backendError",
    )


@pytest.fixture(params=[of_s3, of_azure, of_gcs])
def throttled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("azure.core.pipeline.transport.HttpTransport.sleep", lambda *given: None)
    with request.param(request) as made:
        yield made


@pytest.fixture
def job_on(node: Any, home: Any, odd_model: Any) -> Callable[..., Job]:
    """Queued: over small files of the datastore, into it."""

    def make(datastore: Datastore, files: Sequence[str] = ("rows.csv",)) -> Job:
        for name in files:
            open_store(datastore).write(f"in/{name}", [ROWS])
        return factories.job(
            Job.Status.QUEUED,
            deployment=factories.deployment(cluster=node.row.cluster),
            datastore=datastore,
            input_path="in",
            spec=spec_of(home(odd_model)),
        )

    return make


def test_what_a_throttled_datastore_had_asked_again_is_shown(
    throttled: Throttled, job_on: Any, node: Any, signed_in: Client
) -> None:
    job = job_on(throttled.datastore, ["rows.csv", "more.csv"])
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.repeated_requests is None
    throttled.busy("GET rows.csv", 2)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert job.repeated_requests == {"visits": {throttled.cause: 2}}
    said = f"visits throttled or broke off 2 requests, which were made again: 2 × {throttled.cause}."
    page = signed_in.get(f"/jobs/{job.name}/").text
    assert "Requests had to be repeated" in page
    assert said in page
    log = read_log(job=job, path="logs/job_progress_overview.txt").text
    assert f"visits throttled or broke off requests, which were made again: 2 × {throttled.cause}." in log

    throttled.busy("PUT predictions.csv", 1)
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.error) == (Job.Status.COMPLETED, "")
    assert job.repeated_requests == {"visits": {throttled.cause: 3}}
    page = signed_in.get(f"/jobs/{job.name}/").text
    assert "Repeated requests" in page
    assert said.replace("2", "3") in page
    assert record(job=job)["properties"]["repeatedRequests"] == job.repeated_requests


def test_an_address_that_is_busy_is_shown_without_its_key(
    job_on: Any, node: Any, store: Any, web: Any
) -> None:
    address = web.put("/rows.csv", ROWS)
    datastore = factories.datastore(
        "",
        name="address-1",
        kind="address",
        options={"place": address, "file": "rows.csv"},
        secrets=seal({"query": "sig=a-key"}),
        is_default=False,
    )
    job = job_on(store)
    Job.objects.filter(pk=job.pk).update(input_datastore=datastore, input_path="rows.csv")
    web.put("/rows.csv", ROWS, status=503, times=1)
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.repeated_requests == {f"{address}?…": {"503": 1}}


def test_a_connection_that_breaks_is_counted(
    job_on: Any, node: Any, sftp_place: Place, sshd: SftpServer, monkeypatch: Any
) -> None:
    datastore = factories.datastore(
        "", name="visits", kind="sftp", options=sftp_place.options, secrets=seal(sftp_place.secrets)
    )
    job = job_on(datastore)
    rows = f"list,1.5,{'x' * 400}\n" * 10_000
    open_store(datastore).write("in/rows.csv", [b"act,value,note\n", rows.encode()])
    prepare_job(job_id=job.pk, holder=node)
    real, read = Reading.read, []

    def read_on(self: Reading, size: int) -> bytes:
        read.append(size)
        if len(read) == 2:
            sshd.hang_up()
        return real(self, size)

    monkeypatch.setattr(Reading, "read", read_on)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert (job.minibatches_done, job.rows_scored) == (1, 10_000)
    assert list(job.repeated_requests) == ["visits"]
    assert list(job.repeated_requests["visits"].values()) == [1]  # its cause is EOFError or a relative


def test_a_storage_that_stays_busy_is_counted_and_waited_for(
    s3_place: Place, job_on: Any, node: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with way_to(s3_place.options["endpoint"]) as way:
        place = s3_place._replace(options={**s3_place.options, "endpoint": way.address})
        datastore = factories.datastore(
            "", name="visits", kind="s3", options=place.options, secrets=seal(place.secrets)
        )
        job = job_on(datastore)
        prepare_job(job_id=job.pk, holder=node)
        way.troubles = [busy("GET rows.csv", {}, SLOW_DOWN)] * 6
        node.slots[0].score_all()
    job.refresh_from_db()
    assert "busy or out of order (SlowDown)" in job.waiting_for
    assert job.repeated_requests == {"visits": {"503 SlowDown": 5}}


def test_what_nobody_waits_for_is_not_counted(s3_place: Place) -> None:
    with way_to(s3_place.options["endpoint"]) as way:
        store = s3_place.store(endpoint=way.address)
        store.write("a.csv", [b"x"])
        repeats.taken()
        way.troubles = [busy("HEAD a.csv", {})]
        assert store.stat("a.csv")
        assert not way.troubles
    assert repeats.taken() == {}


def test_a_heartbeat_adds_what_was_counted_since_the_last_one(store: Datastore) -> None:
    """So that a page says it while the same mini-batch is still being fetched."""
    job = factories.job(datastore=store, lease=uuid.uuid4())
    holder = Holder("control")
    holder.interval = 3600  # its own thread has another connection, which sees nothing of this test
    with holder.holding(job):
        for times in (1, 2):
            with repeats.counted_for(job.pk, store):
                repeats.note_repeat(503, "SlowDown")
                repeats.note_repeat("ReadTimeoutError")
            holder.beat()
            job.refresh_from_db()
            assert job.repeated_requests == {store.name: {"503 SlowDown": times, "ReadTimeoutError": times}}
    holder.stopping.set()


def test_what_cannot_be_recorded_now_is_recorded_later(store: Datastore, monkeypatch: Any) -> None:
    job = factories.job(datastore=store)
    repeats.add(job.pk, repeats.Repeats({(store.name, "503"): 3}))

    def away(*given: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr("studio.actions.repeats._record", away)
        record_repeats()
    record_repeats()
    job.refresh_from_db()
    assert job.repeated_requests == {store.name: {"503": 3}}


def test_a_job_that_was_deleted_meanwhile_is_left_out() -> None:
    repeats.add(0, repeats.Repeats({("visits", "503"): 1}))
    record_repeats()
    assert 0 not in repeats.taken()
