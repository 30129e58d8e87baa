"""The list of the files that a job reads."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from scoring.plan import Slice
from studio.models import Job
from studio.templatetags.formats import filesize
from tests import factories
from tests.pages.job_rows import address

pytestmark = pytest.mark.django_db
MB = 1 << 20


def planned(*minibatches: list[Slice]) -> Job:
    paths = {one.path for slices in minibatches for one in slices}
    job = factories.job(Job.Status.RUNNING, files_total=len(paths))
    for slices in minibatches:
        rows = [one.to_dict() for one in slices]
        factories.minibatch(job, slices=rows, bytes=sum(one.size for one in slices))
    return job


def of_two_files() -> Job:
    parts = [Slice(path="b.csv", size=5 * MB, etag="e2", start=0, end=5 * MB),
             Slice(path="b.csv", size=3 * MB, etag="e2", start=5 * MB, end=None)]  # fmt: skip
    return planned([Slice(path="a.csv", size=2 * MB, etag="e1")], *([part] for part in parts))


def test_each_file_is_one_line_with_size_and_etag(signed_in: Client) -> None:
    page = signed_in.get(address("files", of_two_files())).text
    assert page.count("b.csv") == 1
    for shown in ("a.csv", filesize(2 * MB), "e1", filesize(8 * MB), "e2", "from 1 on, in 2 parts"):
        assert shown in page, shown


def test_a_page_of_many_files_has_those_of_its_place(signed_in: Client) -> None:
    job = planned(*([Slice(path=f"{number:03}.csv", size=1, etag="e")] for number in range(60)))
    page = signed_in.get(address("files", job, page="2")).text
    assert "025.csv" in page
    assert "024.csv" not in page
    assert "050.csv" not in page


def test_a_job_that_is_not_planned_yet_says_so(signed_in: Client) -> None:
    assert "Not listed yet" in signed_in.get(address("files", factories.job(Job.Status.QUEUED))).text


def test_the_list_is_downloaded_as_csv(signed_in: Client) -> None:
    answer: Any = signed_in.get(address("files_download", of_two_files()))
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode())))
    assert rows == [
        ["path", "size", "etag", "minibatch", "parts"],
        ["a.csv", str(2 * MB), "e1", "0", "1"],
        ["b.csv", str(8 * MB), "e2", "1", "2"],
    ]
    assert answer["Content-Disposition"].startswith("attachment")


def test_the_overview_leads_to_the_list(signed_in: Client) -> None:
    job = of_two_files()
    assert f'href="{address("files", job)}"' in signed_in.get(address("detail", job)).text


def test_files_are_read_only(signed_in: Client) -> None:
    assert signed_in.post(address("files", of_two_files())).status_code == 405
