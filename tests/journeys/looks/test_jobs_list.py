"""Each filter of the list of jobs, used as a person uses it: the rows, the summary and the address follow."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.running import RunningStudio

# Copies of the sample's job: one that failed today, by somebody else, an old one of a deployment now gone, two more.
MADE = """
import uuid
from datetime import timedelta
from django.contrib.auth import get_user_model
from django.utils import timezone
from studio.models import Job

grace, _made = get_user_model().objects.get_or_create(username="grace")
now = timezone.now()
for name, fields, age in (
    ("filter_whale", {"status": "Failed", "error": "column BMI is missing", "created_by": grace}, timedelta(minutes=1)),
    ("filter_river", {"endpoint_name": "filter-gone", "deployment_name": "filter-old"}, timedelta(days=45)),
    ("delete_whale", {}, timedelta()),
    ("delete_river", {}, timedelta()),
):
    job = Job.objects.completed().order_by("created_at").first()
    job.pk, job.name, job.idempotency_key, job.display_name = None, f"batchjob-{uuid.uuid4()}", uuid.uuid4(), name
    for field, value in fields.items():
        setattr(job, field, value)
    job._state.adding = True
    job.save()
    Job.objects.filter(pk=job.pk).update(created_at=now - age)
"""
OWN = "/jobs/?search=filter_"  # not the jobs of other journeys, which may fill the first page


@pytest.fixture(scope="module")
def made(studio: RunningStudio) -> Iterator[None]:
    """The jobs of `MADE`, which are gone again afterwards."""
    studio.run(MADE)
    yield
    studio.query("DELETE FROM studio_job WHERE display_name ~ '^(filter|delete)_(whale|river)$' RETURNING 1")


def row(page: Page, name: str) -> Locator:
    return page.locator("#jobs-rows").get_by_role("link", name=name, exact=True)


@pytest.mark.parametrize(
    ("label", "value", "found", "hidden"),
    [
        ("Status", "Failed", "filter_whale", "filter_river"),
        ("Endpoint", "filter-gone", "filter_river", "filter_whale"),
        ("Deployment", "filter-old", "filter_river", "filter_whale"),
        ("Submitted by", "grace", "filter_whale", "filter_river"),
        ("Time", "24h", "filter_whale", "filter_river"),
        ("Time", "7d", "filter_whale", "filter_river"),
        ("Time", "30d", "filter_whale", "filter_river"),
    ],
)
def test_a_filter_narrows_the_list_and_back_undoes_it(
    made: None, page: Page, label: str, value: str, found: str, hidden: str
) -> None:
    page.goto(OWN)
    expect(row(page, hidden)).to_be_visible()
    page.get_by_label(label, exact=True).select_option(value)
    expect(row(page, hidden)).to_have_count(0)
    expect(row(page, found)).to_be_visible()
    expect(page).to_have_url(re.compile(rf"[?&]\w+={value}"))
    page.reload()
    expect(row(page, hidden)).to_have_count(0)
    page.go_back()
    expect(row(page, hidden)).to_be_visible()


def test_search_looks_into_failures_and_the_summary_follows(made: None, page: Page) -> None:
    page.goto("/jobs/")
    page.get_by_role("searchbox", name="Search jobs").fill("BMI is missing")
    expect(row(page, "filter_river")).to_have_count(0)
    expect(row(page, "filter_whale")).to_be_visible()
    expect(page.locator("#jobs-summary")).to_contain_text("0 of 1 that ended")


def test_selected_jobs_are_deleted_after_a_question(made: None, page: Page) -> None:
    page.goto("/jobs/?search=delete_")
    page.get_by_label("Select delete_whale").check()
    page.get_by_label("Select delete_river").check()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 2 jobs?")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 jobs are deleted.")).to_be_visible()
    expect(row(page, "delete_whale")).to_have_count(0)
