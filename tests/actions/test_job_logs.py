import os
from datetime import timedelta

import pytest
from django.utils import timezone

from studio.actions import job_logs, log_shipping
from studio.actions.log_shipping import ScorerLog
from studio.actions.sweep import sweep
from studio.errors import NotFound
from studio.models import Event, Job, JobLog, MiniBatch
from tests import factories

pytestmark = pytest.mark.django_db
Status = Job.Status
OUT = "logs/user/stdout/node-1/process001.stdout.txt"


@pytest.fixture
def job(store):
    return factories.job(Status.RUNNING, datastore=store, started_at=timezone.now())


@pytest.fixture
def file(tmp_path):
    return tmp_path / "scorer.log"


def shipped(job, file):
    return ScorerLog(job=job, node="node-1", slot=1, file=file)


def read(job, path):
    return job_logs.read_log(job=job, path=path).text


def test_what_a_scorer_prints_reaches_the_database_while_it_grows(job, file):
    log = shipped(job, file)
    log.ship()
    assert JobLog.objects.get().size == 0
    file.write_text("loading\n")
    log.ship(at_once=True)
    with file.open("a") as output:
        output.write("scored \0 1\n")
    log.close()
    row = JobLog.objects.get(job=job, path=OUT)
    assert (row.text, row.size) == ("loading\nscored \ufffd 1\n", 19)


def test_a_log_is_shipped_every_two_seconds_at_most(job, file):
    log = shipped(job, file)
    log.ship()
    file.write_text("more\n")
    log.ship()
    assert JobLog.objects.get().text == ""


def test_only_the_end_of_a_long_log_is_kept(job, file, monkeypatch):
    monkeypatch.setattr(log_shipping, "KEPT", 20)
    file.write_text("".join(f"line {number}\n" for number in range(100)))
    shipped(job, file).close()
    row = JobLog.objects.get()
    assert row.text == "line 98\nline 99\n"
    assert row.size == file.stat().st_size
    text = job_logs.read_log(job=job, path=OUT)
    assert text.is_cut


def test_a_file_that_is_cut_is_counted_on(job, file):
    log = shipped(job, file)
    with file.open("ab", buffering=0) as output:
        for number in range(40):
            output.write(f"line {number:02}\n".encode())
            log.ship(at_once=True)
            if file.stat().st_size > 50:
                os.truncate(file, 0)
    log.close()
    row = JobLog.objects.get()
    assert row.size == 40 * 8
    assert row.text.endswith("line 39\n")
    assert row.text.startswith("line 00\n")


def test_a_scorer_that_goes_on_after_another_one_adds_to_its_log(job, file):
    file.write_text("first\n")
    shipped(job, file).close()
    with file.open("a") as output:
        output.write("second\n")
    shipped(job, file).close()
    assert JobLog.objects.get().text == "first\nsecond\n"


def test_a_log_of_a_deleted_job_is_dropped(job, file):
    log = shipped(job, file)
    Job.objects.all().delete()
    file.write_text("too late\n")
    log.close()
    assert not JobLog.objects.exists()


def test_the_tree_is_laid_out_as_azures(job, store):
    JobLog.objects.create(job=job, path=OUT, text="hello\n", size=6)
    factories.minibatch(job, MiniBatch.Status.FAILED, node="node-1", slot=1, attempts=2, error="Broken.")
    job.refresh_from_db()
    job.move_to(Status.FAILED, finished_at=timezone.now(), error="Broken.")
    assert [file.path for file in job_logs.list_logs(job=job)] == [
        "logs/job_error.txt",
        "logs/job_progress_overview.txt",
        "logs/job_result.txt",
        "logs/readme.txt",
        "logs/sys/job_report/processed_mini-batches.csv",
        "logs/sys/master_role.txt",
        "logs/sys/node/node-1/process001.txt",
        "logs/user/error.txt",
        "logs/user/error/node-1/process001.txt",
        OUT,
    ]


def test_every_log_of_a_job_can_be_read_and_downloaded(job):
    factories.minibatch(
        job, MiniBatch.Status.FAILED, node="n", slot=1, started_at=timezone.now(), attempts=4, error="Broken.",
        error_input="a.csv", traceback="Traceback (most recent call last)",
    )  # fmt: skip
    factories.minibatch(
        job, MiniBatch.Status.COMPLETED, node="n", slot=1, started_at=timezone.now(), rows_scored=7, losses=1,
        report={"seconds": {"read": 0.25, "predict": 0.5}, "slices": []},
    )  # fmt: skip
    Event.objects.create(action="job.submit", subject=job.name)
    job.refresh_from_db()
    for file in job_logs.list_logs(job=job):
        whole = b"".join(job_logs.stream_log(job=job, path=file.path)).decode()
        assert whole.splitlines()[0] == read(job, file.path).splitlines()[0]
    assert "job.submit by the studio" in read(job, "logs/sys/master_role.txt")
    assert "leases lost with their node: 1" in read(job, "logs/sys/master_role.txt")
    process = read(job, "logs/sys/node/n/process001.txt")
    assert "7 total, 7 succeeded, 0 failed" in process
    assert "predict 0.500 s" in process
    assert "1 mini-batch, the first of them 0: Broken." in read(job, "logs/user/error.txt")
    assert "Failing input: a.csv\nTraceback (most" in read(job, "logs/user/error/n/process001.txt")
    table = read(job, "logs/sys/job_report/processed_mini-batches.csv").splitlines()
    assert table[0].startswith("Mini-batch Id,Picked Count,Process,")
    assert ",Failed,Broken.," in table[1]


def test_the_logging_level_decides_what_a_process_notes(job):
    for rows_failed in (0, 1):
        factories.minibatch(
            job,
            MiniBatch.Status.COMPLETED,
            node="n",
            slot=1,
            started_at=timezone.now(),
            rows_failed=rows_failed,
        )
    path = "logs/sys/node/n/process001.txt"
    job.refresh_from_db()
    job.settings["logging_level"] = "warning"
    assert "mini-batch 0" not in read(job, path)
    assert "mini-batch 1" in read(job, path)
    job.settings["logging_level"] = "debug"
    assert "files: 1, bytes: 10" in read(job, path)


def test_a_log_of_many_mini_batches_shows_the_last_and_downloads_all(job, monkeypatch):
    monkeypatch.setattr(job_logs, "MOST_SHOWN", 2)
    for _ in range(5):
        factories.minibatch(job, MiniBatch.Status.COMPLETED, node="n", slot=1, started_at=timezone.now())
    job.refresh_from_db()
    text = read(job, "logs/sys/master_role.txt")
    assert "only the last 2 mini-batches are shown" in text
    assert "mini-batch 2:" not in text
    assert "mini-batch 4:" in text
    whole = b"".join(job_logs.stream_log(job=job, path="logs/sys/master_role.txt")).decode()
    assert all(f"mini-batch {number}:" in whole for number in range(5))


@pytest.mark.parametrize("path", ["", "logs", "../secret", "logs/user/stdout/other/process001.stdout.txt"])
def test_what_is_no_log_of_the_job_is_not_found(job, path):
    with pytest.raises(NotFound, match="has no log"):
        job_logs.read_log(job=job, path=path)
    with pytest.raises(NotFound, match="has no log"):
        job_logs.stream_log(job=job, path=path)


def test_what_was_printed_a_month_ago_goes(job):
    JobLog.objects.create(job=job, path=OUT)
    sweep()
    assert JobLog.objects.exists()
    JobLog.objects.update(updated_at=timezone.now() - timedelta(days=31))
    sweep()
    assert not JobLog.objects.exists()
