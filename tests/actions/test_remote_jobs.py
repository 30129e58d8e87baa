"""A node at work on datastores behind a network: what is fetched, what is written, what happens while one is away."""

import threading
from typing import Any

import psutil
import pytest
from django.apps import apps
from django.db import transaction

from scoring.settings import ScoringSettings
from studio.actions import slots
from studio.actions.datastores import update_credentials
from studio.actions.finalizing import MOST_WAITING, finalize_job
from studio.actions.jobs import cancel_job
from studio.actions.preparing import prepare_job
from studio.models import Datastore, Job, MiniBatch
from studio.sealing import seal, unseal
from studio.stores import StoreAway, open_store
from tests import factories
from tests.actions.conftest import spec_of
from tests.stores import azure_server
from tests.stores.far import Place

pytestmark = pytest.mark.django_db
ROWS = 6000


def registered(place: Place) -> Datastore:
    return factories.datastore(
        "", name="visits", kind=place.kind, options=place.options, secrets=seal(place.secrets)
    )


@pytest.fixture(params=["s3", "azure", "gcs", "sftp"])
def visits(request: pytest.FixtureRequest) -> Datastore:
    return registered(request.getfixturevalue(f"{request.param}_place"))


@pytest.fixture
def job(node, visits, home, odd_model) -> Job:
    return queued(node, visits, spec_of(home(odd_model)))


def queued(node, visits: Datastore, spec) -> Job:
    """Over one file of 300 KB that is divided, from the datastore into it."""
    rows = "".join(f"list,{number}.25,{'x' * 40}\n" for number in range(ROWS))
    open_store(visits).write("in/rows.csv", [b"act,value,note\n", rows.encode()])
    made = factories.job(
        Job.Status.QUEUED,
        deployment=factories.deployment(cluster=node.row.cluster),
        datastore=visits,
        input_path="in",
        spec=spec,
    )
    settings = {**made.settings, "max_retries": 0, "split_size": 100_000}
    Job.objects.filter(pk=made.pk).update(settings=settings, output_datastore=visits)
    made.refresh_from_db()
    return made


def fetched(monkeypatch, visits: Datastore) -> list[int]:
    """Bytes of each request for some, as they are asked for."""
    asked: list[int] = []
    kind = type(open_store(visits))
    real = kind.body

    def body(self, path, etag, start, end):
        if path.startswith("in/"):
            asked.append(end - start)
        return real(self, path, etag, start, end)

    monkeypatch.setattr(kind, "body", body)
    return asked


def test_one_object_is_scored_by_ranges_from_a_datastore_into_it(node, job, visits, monkeypatch) -> None:
    asked = fetched(monkeypatch, visits)
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


def test_a_datastore_that_refuses_its_credentials_is_waited_for(node, job, visits, monkeypatch) -> None:
    away = StoreAway("The datastore refuses its credentials.")
    kind = type(open_store(visits))
    real = kind.stat

    def refuse(self, path):
        raise away

    monkeypatch.setattr(kind, "stat", refuse)
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.waiting_for, job.lease) == (Job.Status.PREPARING, str(away), None)

    monkeypatch.setattr(kind, "stat", real)
    prepare_job(job_id=job.pk, holder=node)
    monkeypatch.setattr(kind, "stat", refuse)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert (job.status, job.waiting_for) == (Job.Status.RUNNING, str(away))
    assert set(job.minibatches.values_list("status", "attempts")) == {(MiniBatch.Status.WAITING, 0)}

    monkeypatch.setattr(kind, "stat", real)
    node.slots[0].score_all()
    monkeypatch.setattr(kind, "put", refuse_to_write(away))
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


def test_no_credential_is_in_what_a_job_leaves(node, job, visits, caplog) -> None:
    """Its log, the rows of the database, the environment and the arguments of its scorer."""
    caplog.set_level("DEBUG", logger="studio")
    caplog.set_level("INFO")
    given = unseal(visits.secrets)
    secrets = [line for text in given.values() for line in text.replace("\\n", "\n").splitlines()]
    secrets = [line for line in secrets if len(line) > 15 and "-----" not in line]
    assert secrets
    prepare_job(job_id=job.pk, holder=node)
    node.slots[0].score_all()
    scorers = [one for one in psutil.Process().children(recursive=True) if "parent" in one.cmdline()]
    scorers_have = [f"{one.cmdline()} {one.environ()}" for one in scorers]
    kind = type(open_store(visits))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "put", refuse_to_write(OSError(0, "the storage said no")))
        finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, "the storage said no" in job.error) == (Job.Status.FAILED, True)
    rows = [
        str(row) for model in apps.get_app_config("studio").get_models() for row in model.objects.values()
    ]
    assert len(rows) > 10
    assert scorers_have
    left = "\n".join([caplog.text, *rows, *scorers_have])
    assert not [secret for secret in secrets if secret in left]


def refuse_to_write(away: Exception) -> Any:
    def put(self: Any, path: str, chunks: Any, **more: Any) -> bool:
        raise away

    return put


def test_an_object_that_changed_is_refused(node, job, visits) -> None:
    prepare_job(job_id=job.pk, holder=node)
    open_store(visits).write("in/rows.csv", [b"act,value\nlist,1\n"])
    node.slots[0].score_all()
    errors = set(job.minibatches.values_list("error", flat=True))
    assert errors == {"rows.csv has changed since the job was planned. Create the job again."}


def test_an_object_that_is_gone_is_told(node, job, visits) -> None:
    prepare_job(job_id=job.pk, holder=node)
    open_store(visits).delete("in/rows.csv")
    node.slots[0].score_all()
    errors = set(job.minibatches.values_list("error", flat=True))
    assert errors == {"rows.csv has disappeared since the job was planned. Create the job again."}


def test_one_of_several_small_files_that_changed_costs_only_itself(node, visits, home, odd_model) -> None:
    job = of_small_files(node, visits, spec_of(home(odd_model)), 3)
    prepare_job(job_id=job.pk, holder=node)
    open_store(visits).write("many/01.csv", [b"act,value\nlist,1\nlist,2\n"])
    node.slots[0].score_all()
    (minibatch,) = job.minibatches.all()
    assert (minibatch.status, minibatch.rows_scored) == (MiniBatch.Status.COMPLETED, 2)
    assert minibatch.failed_files == ["01.csv"]


def test_nothing_is_asked_of_a_planned_object_but_its_bytes(node, job, visits, monkeypatch) -> None:
    Job.objects.filter(pk=job.pk).update(settings={**job.settings, "split_size": 200_000})
    prepare_job(job_id=job.pk, holder=node)
    kind, looked_at = type(open_store(visits)), []
    real = kind.stat

    def stat(self, path):
        looked_at.append(path)
        return real(self, path)

    monkeypatch.setattr(kind, "stat", stat)
    asked = fetched(monkeypatch, visits)
    node.slots[0].score_all()
    assert "in/rows.csv" not in looked_at
    assert len(asked) == job.minibatches.count() + 1 == 3  # the head, for the one that begins behind it


def test_what_was_fetched_is_scored_whatever_becomes_of_the_object(
    node, visits, home, odd_model, monkeypatch
) -> None:
    job = of_small_files(node, visits, spec_of(home(odd_model)), 3)
    prepare_job(job_id=job.pk, holder=node)
    real = slots.isolating.score

    def score(**given):
        for number in range(3):
            open_store(visits).delete(f"many/{number:02}.csv")
        return real(**given)

    monkeypatch.setattr(slots.isolating, "score", score)
    node.slots[0].score_all()
    assert [one.status for one in job.minibatches.all()] == [MiniBatch.Status.COMPLETED]


def test_a_job_whose_sas_token_ends_goes_on_with_a_new_one(
    node, azure_place, home, odd_model, person
) -> None:
    container = azure_place.options["container"]
    token = azure_server.sas_of(container)
    visits = registered(azure_place._replace(secrets={"sas_token": token}))
    job = queued(node, visits, spec_of(home(odd_model)))
    prepare_job(job_id=job.pk, holder=node)
    Datastore.objects.update(secrets=seal({"sas_token": azure_server.sas_of(container, seconds=-1)}))
    node.slots[0].score_all()
    job.refresh_from_db()
    assert job.status == Job.Status.RUNNING
    assert "refuses the datastore’s credentials" in job.waiting_for
    assert "Update them on the datastore’s page" in job.waiting_for
    assert set(job.minibatches.values_list("status", "attempts")) == {(MiniBatch.Status.WAITING, 0)}

    fresh = {"sas_token": azure_server.sas_of(container, seconds=600)}
    update_credentials(user=person, datastore=Datastore.objects.get(pk=visits.pk), secrets=fresh)
    node.slots[0].score_all()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.error, job.rows_scored) == (Job.Status.COMPLETED, "", ROWS)


def of_small_files(node, visits: Datastore, spec, count: int) -> Job:
    for number in range(count):
        open_store(visits).write(f"many/{number:02}.csv", [f"act,value\nlist,{number}.5\n".encode()])
    return factories.job(
        deployment=factories.deployment(cluster=node.row.cluster),
        spec=spec,
        datastore=visits,
        input_path="many",
        settings=ScoringSettings(mini_batch_size=count).to_dict(),
    )


def test_small_files_of_a_minibatch_are_fetched_beside_each_other(
    node, visits, home, odd_model, monkeypatch
) -> None:
    job = of_small_files(node, visits, spec_of(home(odd_model)), 6)
    prepare_job(job_id=job.pk, holder=node)
    kind, together = type(open_store(visits)), threading.Barrier(3)
    real = kind.body

    def body(self, *given):
        together.wait(timeout=30)  # broken unless three are asked for at the same time
        return real(self, *given)

    monkeypatch.setattr(kind, "body", body)
    node.slots[0].score_all()
    monkeypatch.undo()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.rows_scored, job.error) == (Job.Status.COMPLETED, 6, "")


def test_a_job_that_is_canceled_is_not_fetched_to_its_end(node, job, visits, monkeypatch) -> None:
    prepare_job(job_id=job.pk, holder=node)
    kind, asked = type(open_store(visits)), []
    real = kind.body

    def body(self, *given):
        asked.append(given)
        cancel_job(user=factories.user(), job=Job.objects.get(pk=job.pk))
        node.dropped.add(job.pk)
        return real(self, *given)

    monkeypatch.setattr(kind, "body", body)
    node.slots[0].score_all()
    job.refresh_from_db()
    assert job.status == Job.Status.CANCEL_REQUESTED
    assert len(asked) == 1
    assert not job.minibatches.exclude(status=MiniBatch.Status.CANCELED, attempts=0).exists()
