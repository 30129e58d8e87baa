"""A running job's page that asks for its live part: drawn once, shown to everybody who may be shown the same."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.models import Job, Profile, Role
from studio.pages.job_head import find_job
from studio.pages.shared_part import SHARED
from tests import factories

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true", "HX-Trigger": "job", "HX-Target": "job"}
Status = Job.Status


@pytest.fixture
def job(store: Any) -> Job:
    moment = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    running = factories.job(
        Status.RUNNING, started_at=moment, minibatches_total=9, created_by=factories.user("owner")
    )
    Job.objects.update(created_at=moment)
    return running


def browser(role: Role = Role.READER, **profile: str) -> Client:
    person = factories.user(role=role)
    if profile:
        Profile.objects.create(user=person, **profile)
    client = Client()
    client.force_login(person)
    return client


def part(client: Client, job: Job, **headers: str) -> str:
    return client.get(f"/jobs/{job.name}/", headers=headers or POLL).text


def same_whenever(text: str) -> str:
    """Without what passes with the time."""
    return re.sub(r"\d[\d,]* (h|d|min|s)\b", "", text)


def test_it_is_drawn_once_for_all_who_look_at_the_same(job: Job, queries: Any) -> None:
    one, other = browser(), browser()
    first = part(one, job)
    with queries() as seen:
        assert part(other, job) == first
    assert "0 of 9 mini-batches" in first
    assert not any("studio_modelversion" in query["sql"] for query in seen), "the job is not read whole again"
    assert len(seen) <= 3, "session, person, job"


def test_it_has_all_that_a_drawing_for_one_person_has_and_nothing_of_a_person(job: Job) -> None:
    reader = browser()
    own = part(reader, job, **{"HX-Request": "true"})
    shared = part(reader, job)
    assert same_whenever(shared) == same_whenever(own)
    assert f'hx-get="/jobs/{job.name}/" hx-trigger="every 2s"' in shared
    assert "csrf" not in shared


def test_its_figures_are_soon_those_of_now(job: Job) -> None:
    reader = browser()
    part(reader, job)
    Job.objects.update(minibatches_done=5)
    time.sleep(SHARED)
    assert "5 of 9 mini-batches" in part(reader, job)


def test_who_asks_while_another_draws_it_is_shown_what_there_is(job: Job, monkeypatch: Any) -> None:
    reader, other = browser(), browser()
    before = part(reader, job)
    Job.objects.update(minibatches_done=5)
    time.sleep(SHARED)
    meanwhile: list[str] = []

    def find_slowly(*asked: Any) -> Job:
        meanwhile.append(part(other, job))
        return find_job(*asked)

    monkeypatch.setattr("studio.pages.shared_part.find_job", find_slowly)
    assert "5 of 9 mini-batches" in part(reader, job)
    assert meanwhile == [before]


def test_its_status_is_that_of_now(job: Job) -> None:
    reader = browser()
    assert "Running" in part(reader, job)
    job.move_to(Status.CANCEL_REQUESTED)
    assert "Cancel requested" in part(reader, job)
    job.move_to(Status.CANCELED, finished_at=timezone.now())
    ended = part(reader, job)
    assert "Canceled" in ended
    assert "every" not in ended
    assert part(reader, job) == ended


def test_it_says_to_each_what_they_may_not_do(job: Job) -> None:
    owner = Client()
    owner.force_login(job.created_by)
    for _round in range(2):
        assert "It belongs to owner." not in part(owner, job)
        assert "It belongs to owner." in part(browser(Role.DATA_SCIENTIST), job)
        assert "Your role is Reader." in part(browser(), job)
        assert "job-commands" not in part(browser(Role.ADMINISTRATOR), job)


def test_who_is_no_longer_signed_in_is_shown_nothing(job: Job) -> None:
    reader = browser()
    assert "mini-batches" in part(reader, job)
    reader.logout()
    answer = reader.get(f"/jobs/{job.name}/", headers=POLL)
    assert "sign-in" in answer["HX-Redirect"]
    assert answer.text == ""


def test_times_stand_in_each_persons_own_zone(job: Job) -> None:
    assert "11:30 PM" in part(browser(time_zone="UTC"), job)
    assert "Jul 2, 8:30 AM" in part(browser(time_zone="Asia/Tokyo"), job)
    assert "11:30 PM" in part(browser(time_zone="UTC"), job)


def test_what_is_said_about_another_address_of_the_page_is_not_shared(job: Job) -> None:
    reader = browser()
    part(reader, job)
    assert 'hx-get="/jobs/' in reader.get(f"/jobs/{job.name}/?a=<b>", headers=POLL).text
    assert "?a=%3Cb%3E" in reader.get(f"/jobs/{job.name}/?a=<b>", headers=POLL).text
    assert "?a=" not in part(reader, job)
