"""A node at work with real scorers: what a model does to one file costs that file alone."""

import errno
import os
from pathlib import Path

import pytest

from studio.actions import minibatches
from studio.models import MiniBatch
from studio.stores import LocalFolder
from tests.actions.at_work import outputs, worked

pytestmark = pytest.mark.django_db


def claim(node):
    return minibatches.claim_minibatch(node=node.row, slot=1)


def test_only_the_files_that_the_model_fails_on_are_lost(node, job_over):
    acts = ["list", "raise", "echo", "crash", "list", "spin", "echo"]
    job = job_over(acts, timeout=3, error_threshold=5)
    minibatch = worked(node, job)
    assert (minibatch.error, minibatch.status, minibatch.files_unscored) == (
        "",
        MiniBatch.Status.COMPLETED,
        3,
    )
    assert (job.files_unscored, job.rows_scored, job.rows_failed) == (3, 6, 2)
    assert job.status_label == "Completed, 5 of 7 files failed"
    assert job.error.startswith("5 of 7 files failed. ValueError: the feature store is closed")
    assert job.error_input == "1-raise.csv"
    assert "odd_model.py" in job.traceback
    written = outputs(job)
    assert written["predictions.csv"].read_text().splitlines()[1:] == [
        "0,0.5,0-list.csv",
        "1,1,0-list.csv",
        "0,2.5,2-echo.csv",
        "0,4.5,4-list.csv",
        "1,1,4-list.csv",
        "0,6.5,6-echo.csv",
    ]
    failed = written["errors.csv"].read_text().splitlines()
    assert failed[1].startswith("1-raise.csv,,file,ValueError: the feature store is closed")
    assert failed[2].startswith("3-crash.csv,,file,The model's process was ended by SIGSEGV.")
    assert failed[3].startswith("5-spin.csv,,file,Scoring the mini-batch took longer than 3 seconds")
    assert [line.split(",")[:3] for line in failed[4:]] == [[f"{n}-echo.csv", "1", "cast"] for n in (2, 6)]


def test_a_file_that_is_not_as_it_was_planned_is_lost_alone(node, job_over):
    job = job_over(["list", "list", "list", "list"])
    folder = Path(job.input_datastore.options["root"]) / job.input_path
    (folder / "1-list.csv").write_text("act,value\nlist,9\n")
    (folder / "3-list.csv").unlink()
    minibatch = worked(node, job)
    assert (minibatch.status, minibatch.attempts) == (MiniBatch.Status.COMPLETED, 0)
    assert job.status_label == "Completed, 2 of 4 files failed"
    failed = outputs(job)["errors.csv"].read_text().splitlines()[1:]
    assert [line.split(" since")[0] for line in failed] == [
        "1-list.csv,,file,1-list.csv has changed",
        "3-list.csv,,file,3-list.csv has disappeared",
    ]


def test_a_mini_batch_all_of_whose_files_fail_has_failed(node, job_over):
    job = job_over(["raise", "raise"])
    minibatch = worked(node, job)
    assert (minibatch.status, minibatch.attempts) == (MiniBatch.Status.FAILED, 1)
    assert (job.status, job.minibatches_failed, job.files_unscored, job.files_failed) == ("Failed", 1, 0, 2)


def test_files_are_isolated_by_the_last_attempt_and_a_lost_node_is_none(node, job_over):
    job = job_over(["raise", "list"], max_retries=1)
    lost = claim(node)
    MiniBatch.objects.update(lease_until="2026-01-01T00:00:00Z")
    minibatches.recover_lost(minibatch_id=lost.pk, lease=lost.lease)
    slot = node.slots[0]
    slot._score(slot._laid_out(claim(node)))
    waiting = job.minibatches.get()
    assert (waiting.status, waiting.attempts, waiting.losses) == (MiniBatch.Status.WAITING, 1, 1)
    assert worked(node, job).files_unscored == 1


def test_a_datastore_that_is_full_is_said(node, job_over, monkeypatch):
    def full(self, path, chunks):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(LocalFolder, "write", full)
    job = job_over(["list"], max_retries=0)
    minibatch = worked(node, job)
    assert minibatch.status == MiniBatch.Status.FAILED
    assert job.error.endswith(
        "What was scored cannot be stored: the disk is full (No space left on device). Make room, and retry the job."
    )
