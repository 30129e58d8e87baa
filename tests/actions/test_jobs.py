import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from studio.actions import finalizing, jobs, preparing, sweep
from studio.actions.leases import Holder
from studio.errors import FieldErrors, NotAllowed, StudioError
from studio.models import Event, Job, MiniBatch
from tests import factories

pytestmark = pytest.mark.django_db
CONTROL = Holder("test")


@pytest.fixture
def enqueued(monkeypatch):
    """What is handed to the broker, instead of handing it: no worker runs in these tests."""
    sent = []
    monkeypatch.setattr("studio.actions.jobs.enqueue", lambda task, **ids: sent.append((task, ids)))
    return sent


def request(store, files=None, **fields):
    version = factories.data_asset(store, files or {"a.csv": "x\n1\n2\n"})
    used = fields.pop("deployment", None) or factories.deployment()
    return jobs.JobRequest(
        deployment=used, input_datastore=store, input_path=version.path, input_asset=version, **fields
    )


def test_a_job_freezes_what_it_runs_with(person, store, enqueued):
    asked = request(store, overrides={"timeout": 60})
    job = jobs.submit_job(user=person, request=asked)
    asked.deployment.endpoint.delete()
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    assert job.spec["model_uri"] == asked.deployment.model_version.uri
    assert (job.settings["timeout"], job.setting_origins["timeout"]) == (60, "job")
    assert job.setting_origins["max_retries"] == "default"
    assert job.endpoint is None
    assert job.endpoint_name == asked.deployment.endpoint.name
    assert enqueued == [("jobs.prepare", {"job_id": job.pk})]
    assert Event.objects.filter(action="job.submit", actor=person, subject=job.name).exists()


def test_one_key_makes_one_job(person, store, enqueued):
    asked = request(store, idempotency_key=uuid.uuid4())
    assert jobs.submit_job(user=person, request=asked) == jobs.submit_job(user=person, request=asked)
    assert Job.objects.count() == 1


def test_two_jobs_never_hold_the_same_location(person, store, enqueued):
    jobs.submit_job(user=person, request=request(store, output_datastore=store, output_path="out"))
    with pytest.raises(StudioError, match="Another job is writing"):
        jobs.submit_job(user=person, request=request(store, output_datastore=store, output_path="out/"))


@pytest.mark.parametrize("spelling", ["out", "./out", "out//", "out/."])
def test_a_location_is_the_same_however_it_is_spelled(person, store, enqueued, spelling):
    first = request(store, output_datastore=store, output_path="out")
    jobs.submit_job(user=person, request=first)
    with pytest.raises(StudioError, match="Another job is writing"):
        jobs.submit_job(user=person, request=request(store, output_datastore=store, output_path=spelling))


def test_a_disk_that_refuses_fails_the_job_with_its_reason(person, store, enqueued, monkeypatch):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n"})
    job.minibatches.update(status="Failed", finished_at=timezone.now(), error="e")
    Job.objects.update(minibatches_done=1, minibatches_failed=1, files_failed=1)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "/secret/place")

    monkeypatch.setattr("studio.stores.LocalFolder.put_if_absent", full)
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert "No space left on device" in job.error
    assert "/secret/place" not in job.error


@pytest.mark.parametrize("name", ["predictions.csv", "errors.csv", "_summary.json", "_schema.json"])
def test_an_output_that_exists_is_refused(person, store, enqueued, name):
    target = Path(store.options["root"], "out", name)
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    with pytest.raises(StudioError, match="never overwrites"):
        jobs.submit_job(user=person, request=request(store, output_datastore=store, output_path="out"))
    assert target.read_text() == "mine"
    assert not Job.objects.exists()


def test_settings_that_break_a_rule_are_refused_by_field(person, store, enqueued):
    with pytest.raises(FieldErrors) as refusal:
        jobs.submit_job(
            user=person,
            request=request(store, overrides={"output_file_name": "a/b.csv", "instance_count": 9}),
        )
    assert set(refusal.value.fields) == {"output_file_name", "instance_count"}


def test_a_deployment_that_is_not_ready_takes_no_job(person, store, enqueued):
    with pytest.raises(NotAllowed, match="Failed"):
        jobs.submit_job(user=person, request=request(store, deployment=factories.deployment("Failed")))


def prepared(person, store, enqueued, files, **fields):
    job = jobs.submit_job(user=person, request=request(store, files, **fields))
    preparing.prepare_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    return job


def test_prepare_plans_mini_batches(person, store, enqueued):
    files = {f"{n:02}.csv": "x\n1\n" for n in range(25)} | {
        "_hidden.csv": "x\n",
        ".dot.csv": "x\n",
        "sub/a.csv": "x\n2\n",
    }
    job = prepared(person, store, enqueued, files)
    assert (job.status, job.files_total, job.minibatches_total) == (Job.Status.RUNNING, 26, 3)
    assert [len(one.slices) for one in job.minibatches.order_by("number")] == [10, 10, 6]
    assert job.lease is None
    assert "Waiting for a node of" in job.waiting_for


@pytest.mark.parametrize(("is_divisible", "minibatches"), [(True, 2), (None, 2), (False, 1)])
def test_a_model_that_scores_halves_differently_gets_whole_files(
    person, store, enqueued, is_divisible, minibatches
):
    used = factories.deployment(is_divisible=is_divisible)
    files = {"a.csv": "x\n" + "1.5\n" * 350_000}
    asked = request(store, files, deployment=used, overrides={"split_size": 1 << 20})
    job = jobs.submit_job(user=person, request=asked)
    preparing.prepare_job(job_id=job.pk, holder=CONTROL)
    assert job.minibatches.count() == minibatches
    assert bool(job.why_never_divided) == (is_divisible is False)


def test_preparing_twice_is_preparing_once(person, store, enqueued):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n"})
    preparing.prepare_job(job_id=job.pk, holder=CONTROL)
    assert job.minibatches.count() == 1


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"_only_hidden.csv": "x\n"}, "no file to score"),
        ({"a.csv": "x\n", "notes.docx": "hm"}, "notes.docx"),
    ],
)
def test_an_input_that_cannot_be_scored_fails_before_scoring(person, store, enqueued, files, sentence):
    job = prepared(person, store, enqueued, files)
    assert job.status == Job.Status.FAILED
    assert sentence in job.error
    assert job.finished_at is not None


def test_an_output_that_appeared_meanwhile_fails_the_job_and_stays(person, store, enqueued):
    job = jobs.submit_job(user=person, request=request(store, output_datastore=store, output_path="out"))
    target = Path(store.options["root"], "out", "predictions.csv")
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    preparing.prepare_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert (job.status, target.read_text()) == (Job.Status.FAILED, "mine")


def test_cancel_of_a_queued_job_is_at_once(person, store, enqueued):
    job = jobs.submit_job(user=person, request=request(store))
    jobs.cancel_job(user=person, job=job)
    job.refresh_from_db()
    assert job.status == Job.Status.CANCELED
    with pytest.raises(NotAllowed):
        jobs.cancel_job(user=person, job=job)


def test_cancel_waits_for_what_a_node_is_doing(person, store, enqueued):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n"})
    busy = job.minibatches.get()
    busy.move_to(MiniBatch.Status.RUNNING, **MiniBatch.taken_by("node"))
    jobs.cancel_job(user=person, job=job)
    job.refresh_from_db()
    assert job.status == Job.Status.CANCEL_REQUESTED
    MiniBatch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep.sweep()
    job.refresh_from_db()
    assert job.status == Job.Status.CANCELED


def test_a_step_whose_worker_went_silent_is_begun_again_a_few_times_only(person, store, enqueued):
    job = jobs.submit_job(user=person, request=request(store))
    for _ in range(jobs.MAX_DRIVES):
        assert jobs.claim_job(job_id=job.pk, before="Queued", during="Preparing", worker="w")
        assert not jobs.claim_job(job_id=job.pk, before="Queued", during="Preparing", worker="other")
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert not jobs.claim_job(job_id=job.pk, before="Queued", during="Preparing", worker="w")
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert "died 5 times" in job.error


def test_a_job_in_which_every_file_failed_fails_with_the_first_reason(person, store, enqueued):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n", "b.csv": "x\n1\n"})
    job.minibatches.update(
        status="Failed", finished_at=timezone.now(), error="a.csv has no column y.", error_input="a.csv"
    )
    Job.objects.update(minibatches_done=1, minibatches_failed=1, files_failed=2)
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert (job.status, job.error, job.error_input) == (Job.Status.FAILED, "a.csv has no column y.", "a.csv")
    folder = Path(store.options["root"], job.output_path)
    assert sorted(path.name for path in folder.iterdir()) == ["_summary.json", "errors.csv"]
    assert "a.csv,,file,a.csv has no column y." in (folder / "errors.csv").read_text()
    assert json.loads((folder / "_summary.json").read_text())["failed_files"] == 2


def test_a_finalize_that_lost_its_lease_leaves_the_proofs_to_its_successor(
    person, store, enqueued, monkeypatch
):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n"})
    job.minibatches.update(status="Failed", finished_at=timezone.now(), error="e")
    Job.objects.update(minibatches_done=1, minibatches_failed=1, files_failed=1)
    summary = finalizing._summary

    def loses_the_lease(*args):
        Job.objects.update(**Job.taken_by("successor"))
        return summary(*args)

    monkeypatch.setattr("studio.actions.finalizing._summary", loses_the_lease)
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    monkeypatch.undo()
    job.refresh_from_db()
    assert job.status == Job.Status.FINALIZING
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert (job.status, job.error) == (Job.Status.FAILED, "e")
    assert sorted(path.name for path in Path(store.options["root"], job.output_path).iterdir()) == [
        "_summary.json",
        "errors.csv",
    ]


def test_finalizing_waits_until_every_mini_batch_has_ended(person, store, enqueued):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n"})
    finalizing.finalize_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert job.status == Job.Status.RUNNING


def test_the_sweep_brings_back_what_was_never_enqueued(person, store, enqueued, monkeypatch):
    job = jobs.submit_job(user=person, request=request(store))
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    sent = []
    monkeypatch.setattr(
        "studio.actions.sweep.enqueue", lambda task, **ids: sent.append((task, ids["job_id"]))
    )
    sweep.sweep()
    assert sent == [("jobs.prepare", job.pk)]


def test_one_job_that_cannot_be_settled_does_not_stop_the_sweep(person, store, enqueued, monkeypatch):
    for _ in range(2):
        factories.job(Job.Status.CANCEL_REQUESTED, datastore=store)
    stuck = Job.objects.order_by("pk")[0]
    settle = sweep.settle_cancel

    def failing(*, job_id):
        if job_id == stuck.pk:
            raise ValueError("odd")
        settle(job_id=job_id)

    monkeypatch.setattr("studio.actions.sweep.settle_cancel", failing)
    sweep.sweep()
    assert set(Job.objects.values_list("status", flat=True)) == {"CancelRequested", "Canceled"}


def test_clusters_without_a_node_are_not_woken(person, store, enqueued, monkeypatch):
    job = prepared(person, store, enqueued, {"a.csv": "x\n1\n"})
    woken = []
    monkeypatch.setattr("studio.actions.sweep.wake_cluster", lambda cluster, **_: woken.append(cluster))
    sweep.sweep()
    assert woken == []
    factories.node(cluster=job.cluster)
    sweep.sweep()
    assert woken == [job.cluster]


def test_a_model_that_was_replaced_in_mlflow_takes_no_job(person, store, enqueued):
    asked = request(store)
    version = asked.deployment.model_version
    version.source = "models:/m-another"
    version.save(update_fields=["source"])
    with pytest.raises(NotAllowed, match="registered again since"):
        jobs.submit_job(user=person, request=asked)


def test_an_exception_nobody_foresaw_ends_the_job_with_its_traceback(person, store, enqueued, monkeypatch):
    job = jobs.submit_job(user=person, request=request(store))

    def odd(**_):
        raise KeyError("surprise")

    monkeypatch.setattr("studio.actions.preparing.plan", odd)
    preparing.prepare_job(job_id=job.pk, holder=CONTROL)
    job.refresh_from_db()
    assert (job.status, "KeyError" in job.error, "surprise" in job.traceback) == (
        Job.Status.FAILED,
        True,
        True,
    )
