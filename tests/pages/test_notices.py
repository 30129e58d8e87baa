"""The bell and what it lists."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.actions.jobs import cancel_job
from studio.models import Job, Profile
from tests import factories

INDEX, NEWS = "/account/notifications/", "/account/notifications/news/"
Status = Job.Status


@pytest.fixture
def ended(person: Any) -> None:
    """One job of each end, and one of somebody else."""
    factories.job(Status.COMPLETED, created_by=person, display_name="all_well")
    factories.job(
        Status.COMPLETED, created_by=person, display_name="some_lost", files_total=3, files_failed=1
    )
    factories.job(Status.FAILED, created_by=person, display_name="went_wrong", error="The disk is full.")
    factories.job(Status.CANCELED, created_by=person, display_name="called_off")
    factories.job(Status.RUNNING, created_by=person, display_name="under_way")
    factories.job(Status.FAILED, created_by=factories.user(), display_name="of_another")


def told(client: Client) -> set[str]:
    return {job["title"].split()[0] for job in client.get(NEWS).json()["jobs"]}


def test_jobs_of_ones_own_that_ended_are_counted_until_they_are_looked_at(
    signed_in: Client, ended: None
) -> None:
    assert "<span data-count>3</span>" in signed_in.get("/").text
    assert signed_in.get(NEWS).json()["count"] == 3
    signed_in.head(INDEX)
    page = signed_in.get(INDEX).text
    assert page.count(">New<") == 3
    assert "The disk is full." in page
    assert "<span data-count>0</span>" in page
    assert signed_in.get(NEWS).json() == {"count": 0, "jobs": []}
    again = signed_in.get(INDEX).text
    assert (again.count(">New<"), "went_wrong" in again) == (0, True)
    for other in ("called_off", "under_way", "of_another"):
        assert other not in again


def test_a_job_that_somebody_else_canceled_is_told_with_their_name(
    signed_in: Client, person: Any, store: Any
) -> None:
    mine, taken = (factories.job(created_by=person, display_name=name) for name in ("mine", "taken"))
    cancel_job(user=person, job=mine)
    cancel_job(user=factories.user("grace"), job=taken)
    for notices in ("all", "failures"):
        Profile.objects.update_or_create(user=person, defaults={"notices": notices})
        [job] = signed_in.get(NEWS).json()["jobs"]
        assert (job["title"], job["text"]) == ("taken was canceled", "By grace.")
    page = signed_in.get(INDEX).text
    assert "Canceled by grace." in page
    assert "mine" not in [job.display_name for job in signed_in.get(INDEX).context["jobs"]]


def test_what_is_told_says_how_it_ended_and_where_it_is(signed_in: Client, ended: None) -> None:
    said = {job["title"]: job for job in signed_in.get(NEWS).json()["jobs"]}
    assert said["went_wrong has failed"]["text"] == "The disk is full."
    assert said["some_lost is completed"]["text"] == "Completed, 1 of 3 files failed"
    job = Job.objects.get(display_name="all_well")
    assert said["all_well is completed"]["address"] == f"/jobs/{job.name}/"
    assert job.finished_at
    assert said["all_well is completed"]["ended"] == job.finished_at.timestamp()


@pytest.mark.parametrize(
    ("notices", "expected"),
    [
        ("all", {"all_well", "some_lost", "went_wrong"}),
        ("failures", {"some_lost", "went_wrong"}),
        ("off", set()),
    ],
)
def test_each_is_told_what_they_have_chosen(
    signed_in: Client, ended: None, notices: str, expected: set[str]
) -> None:
    chosen = {"theme": "auto", "language": "", "time_zone": "", "notices": notices}
    signed_in.post("/account/preferences/", chosen)
    assert told(signed_in) == expected
    assert ('id="bell"' in signed_in.get("/").text) == (notices != "off")
    assert ("You have chosen to be told of nothing" in signed_in.get(INDEX).text) == (notices == "off")


def test_the_browser_notifies_only_where_it_was_chosen(signed_in: Client) -> None:
    assert "data-tells>" not in signed_in.get("/").text
    chosen = {"theme": "auto", "language": "", "time_zone": "", "notices": "all", "tells_browser": "on"}
    signed_in.post("/account/preferences/", chosen)
    assert "data-tells>" in signed_in.get("/").text


def test_what_is_older_than_a_week_is_no_news(signed_in: Client, person: Any, ended: None) -> None:
    Job.objects.filter(finished_at__isnull=False).update(finished_at=timezone.now() - timedelta(days=8))
    Profile.objects.create(user=person, seen_at=timezone.now() - timedelta(days=30))
    assert signed_in.get(NEWS).json()["count"] == 0
    assert "Nothing in the last 7 days" in signed_in.get(INDEX).text


def test_the_bell_costs_one_query_however_many_jobs_there_are(
    signed_in: Client, person: Any, queries: Any
) -> None:
    with queries() as few:
        signed_in.get("/help/")
    for _number in range(5):
        factories.job(Status.COMPLETED, created_by=person)
    with queries() as many:
        signed_in.get("/help/")
    assert len(many) == len(few)
