from pathlib import Path

import pytest
from django.utils import timezone

from studio.actions import minibatches
from studio.actions.job_deletion import delete_job
from studio.actions.jobs import rename_job
from studio.errors import NotAllowed, NotFound, StudioError
from studio.models import DataAsset, DataAssetVersion, Event, Job, JobLog, MiniBatch
from studio.models.states import MoveRefused
from tests import factories
from tests.pages.job_rows import finished

pytestmark = pytest.mark.django_db
Status = Job.Status


def folder_of(job):
    return Path(job.output_datastore.options["root"], job.output_path)


def test_a_job_goes_with_its_mini_batches_logs_and_parts_and_leaves_its_output(
    person, store, django_capture_on_commit_callbacks
):
    job = finished(store)
    factories.minibatch(job, MiniBatch.Status.COMPLETED)
    JobLog.objects.create(job=job, path="logs/user/stdout/n/process001.stdout.txt")
    parts = Path(store.options["root"], job.parts_path)
    parts.mkdir(parents=True)
    (parts / "000000.part.arrow").write_bytes(b"part")
    with django_capture_on_commit_callbacks(execute=True):
        delete_job(user=person, job=job)
    assert not Job.objects.exists()
    assert not MiniBatch.objects.exists()
    assert not JobLog.objects.exists()
    assert not parts.exists()
    assert (folder_of(job) / "predictions.csv").exists()
    event = Event.objects.get(action="job.delete", actor=person, subject=job.name)
    assert event.details == {"display_name": job.display_name, "outputs": []}


def test_its_output_goes_where_that_is_wanted_and_nothing_beside_it(
    person, store, django_capture_on_commit_callbacks
):
    job = finished(store, output_path="shared")
    beside = folder_of(job) / "mine.csv"
    beside.write_text("mine")
    with django_capture_on_commit_callbacks(execute=True):
        delete_job(user=person, job=job, with_outputs=True)
    assert [file.name for file in folder_of(job).iterdir()] == ["mine.csv"]


def test_the_folder_that_was_made_for_it_goes_when_it_is_empty(
    person, store, django_capture_on_commit_callbacks
):
    job = finished(store)
    with django_capture_on_commit_callbacks(execute=True):
        delete_job(user=person, job=job, with_outputs=True)
    assert not Path(store.options["root"], "azureml", job.name).exists()


def test_what_a_later_job_has_written_in_the_same_place_stays(person, store):
    first = finished(store, output_path="shared")
    for file in folder_of(first).iterdir():
        file.unlink()
    folder_of(first).rmdir()
    finished(store, output_path="shared")
    delete_job(user=person, job=first, with_outputs=True)
    assert (folder_of(first) / "predictions.csv").exists()


@pytest.mark.parametrize("path", ["out/2026", "out", "", "out/2026/predictions.csv"])
def test_what_a_data_asset_reads_is_not_deleted(person, store, path):
    job = finished(store, output_path="out/2026")
    asset = DataAsset.objects.create(name="scores", type=DataAsset.Type.FOLDER)
    DataAssetVersion.objects.create(asset=asset, version=1, datastore=store, path=path, size=1, files=1)
    with pytest.raises(StudioError, match="scores:1 reads these files"):
        delete_job(user=person, job=job, with_outputs=True)
    assert Job.objects.filter(pk=job.pk).exists()


@pytest.mark.parametrize(
    "place",
    [
        {"input_path": "out"},
        {"input_path": "out/2026"},
        {"input_path": "out/2026/predictions.csv"},
        {"output_path": "out/2026"},
    ],
)
def test_what_a_running_job_reads_or_writes_is_not_deleted(person, store, place):
    job = finished(store, output_path="out/2026")
    factories.job(Status.RUNNING, datastore=store, **place)
    with pytest.raises(StudioError, match="which has not ended"):
        delete_job(user=person, job=job, with_outputs=True)
    assert (folder_of(job) / "predictions.csv").exists()


def test_a_retry_of_a_retry_leads_to_the_first_when_the_one_between_goes(person, store):
    first = finished(store)
    second = factories.job(Status.FAILED, datastore=store, retry_of=first)
    third = factories.job(Status.FAILED, datastore=store, retry_of=second)
    delete_job(user=person, job=second)
    third.refresh_from_db()
    assert third.retry_of == first


def test_a_disk_that_refuses_keeps_the_job(person, store, monkeypatch):
    def refuse(*_args):
        raise OSError(30, "Read-only file system")

    job = finished(store)
    monkeypatch.setattr("studio.stores.LocalFolder.delete", refuse)
    with pytest.raises(StudioError, match="Read-only file system"):
        delete_job(user=person, job=job, with_outputs=True)
    assert Job.objects.filter(pk=job.pk).exists()


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.FINALIZING])
def test_a_job_that_has_not_ended_is_not_deleted(person, store, status):
    with pytest.raises(NotAllowed, match="Cancel it first"):
        delete_job(user=person, job=factories.job(status, datastore=store))


def test_a_job_whose_parts_are_being_read_is_not_deleted(person, store):
    job = finished(store, status=Status.FAILED)
    between = factories.job(Status.FAILED, datastore=store, retry_of=job)
    last = factories.job(Status.RUNNING, datastore=store, retry_of=between)
    with pytest.raises(NotAllowed, match=last.display_name):
        delete_job(user=person, job=job)


def test_jobs_that_were_made_from_it_stay(person, store):
    job = finished(store)
    again = factories.job(Status.COMPLETED, datastore=store, resubmit_of=job)
    retry = factories.job(Status.COMPLETED, datastore=store, retry_of=job)
    delete_job(user=person, job=job)
    again.refresh_from_db()
    retry.refresh_from_db()
    assert (again.resubmit_of, retry.retry_of) == (None, None)


def test_deleting_twice_says_so(person, store):
    job = finished(store)
    again = Job.objects.get(pk=job.pk)
    delete_job(user=person, job=job)
    with pytest.raises(NotFound, match="deleted meanwhile"):
        delete_job(user=person, job=again)
    with pytest.raises(NotFound, match="deleted meanwhile"):
        rename_job(user=person, job=again, display_name="new")


def test_a_node_that_still_scores_for_a_deleted_job_lets_go_quietly(person, store):
    node = factories.node()
    used = factories.deployment(cluster=node.cluster)
    job = factories.job(Status.RUNNING, datastore=store, deployment=used)
    for _ in range(3):
        factories.minibatch(job)
    held = [minibatches.claim_minibatch(node=node, slot=slot) for slot in (1, 2)]
    job.move_to(Status.FAILED, finished_at=timezone.now())
    delete_job(user=person, job=job)
    minibatches.give_back(minibatch=held[0])
    minibatches.recover_lost(minibatch_id=held[0].pk, lease=held[0].lease)
    with pytest.raises(MoveRefused):
        minibatches.record_minibatch(
            minibatch=held[1], part={"path": "p"}, report={"slices": []}, seconds=1, ago=0
        )


def test_a_new_name_is_kept_with_who_gave_it(person, store):
    job = finished(store)
    before = job.display_name
    rename_job(user=person, job=job, display_name="<b>“Q4” 🚢</b>")
    job.refresh_from_db()
    assert job.display_name == "<b>“Q4” 🚢</b>"
    event = Event.objects.get(action="job.rename", actor=person)
    assert event.details == {"before": before, "after": "<b>“Q4” 🚢</b>"}
