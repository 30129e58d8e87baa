"""The list of jobs: its filters, its summary, its commands for selected rows."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from studio.models import Job
from tests import factories

pytestmark = pytest.mark.django_db
INDEX = reverse("jobs:index")
CANCEL = reverse("jobs:cancel_selected")
DELETE = reverse("jobs:delete_selected")
Status = Job.Status
ODD = "<b>\"odd\" & 'quoted'</b> 🎉 مرحبا " + "long_" * 40


@pytest.fixture
def used(store):
    return factories.deployment()


def created(job, ago):
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - ago)
    return job


@pytest.fixture
def two(used, person):
    """The job that each filter finds, and one that none does."""
    wanted = factories.job(
        Status.FAILED,
        display_name="olden_whale",
        deployment=used,
        created_by=person,
        error="column “BMI” is missing",
        input_label="patients:12",
    )
    other = factories.job(
        Status.COMPLETED,
        display_name="brave_sun",
        deployment=factories.deployment(),
        created_by=factories.user("bob"),
    )
    created(other, timedelta(days=100))
    return wanted, other


def names(response):
    return [job.display_name for job in response.context["listing"].rows]


# ---- Filters, search, sort


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "Failed"),
        ("endpoint", None),
        ("deployment", None),
        ("by", "ada"),
        ("time", "24h"),
        ("time", "7d"),
        ("time", "30d"),
        ("time", "90d"),
        ("search", "WHALE"),
        ("search", "BMI"),
        ("search", "patients:12"),
        ("search", "batchjob-"),
    ],
)
def test_each_filter_finds_what_it_says(signed_in, two, htmx, name, value):
    wanted, _other = two
    value = value or {"endpoint": wanted.endpoint_name, "deployment": wanted.deployment_name}[name]
    found = names(signed_in.get(INDEX, {name: value}))
    assert "olden_whale" in found
    assert ("brave_sun" in found) == (value == "batchjob-")
    part = signed_in.get(INDEX, {name: value}, headers=htmx).content.decode()
    assert "olden_whale" in part
    assert "<html" not in part


def test_filters_work_together(signed_in, two):
    assert names(
        signed_in.get(INDEX, {"status": "Failed", "by": "ada", "time": "24h", "search": "whale"})
    ) == ["olden_whale"]
    nothing = signed_in.get(INDEX, {"status": "Failed", "by": "bob"})
    assert names(nothing) == []
    assert "Nothing matches" in nothing.content.decode()


@pytest.mark.parametrize(
    "query", [{"status": "None"}, {"time": "soon"}, {"by": "<b>"}, {"page": "9x"}, {"size": "-1"}]
)
def test_a_filter_that_nobody_offers_does_no_harm(signed_in, two, query):
    assert signed_in.get(INDEX, query).status_code == 200


def test_the_toolbar_offers_what_the_jobs_have(signed_in, two):
    wanted, other = two
    choices = signed_in.get(INDEX).context["choices"]
    assert choices.endpoints == sorted([(wanted.endpoint_name,) * 2, (other.endpoint_name,) * 2])
    assert choices.deployments == sorted([(wanted.deployment_name,) * 2, (other.deployment_name,) * 2])
    assert choices.people == [("ada", "ada"), ("bob", "bob")]


@pytest.mark.parametrize(
    "sort",
    ["name", "status", "created", "duration", "by", "endpoint", "deployment", "input", "rows", "failed"],
)
def test_every_sort_and_its_reverse_show_all(signed_in, two, sort):
    assert sorted(names(signed_in.get(INDEX, {"sort": sort}))) == ["brave_sun", "olden_whale"]
    assert sorted(names(signed_in.get(INDEX, {"sort": f"-{sort}"}))) == ["brave_sun", "olden_whale"]


def test_the_longest_comes_first_and_what_has_not_begun_last(signed_in, used):
    begun = timezone.now()
    for name, seconds in (("short", 1), ("long", 9)):
        factories.job(
            Status.COMPLETED,
            display_name=name,
            deployment=used,
            started_at=begun,
            finished_at=begun + timedelta(seconds=seconds),
        )
    factories.job(display_name="queued", deployment=used)
    assert names(signed_in.get(INDEX, {"sort": "-duration"})) == ["long", "short", "queued"]


def test_a_strange_name_is_text(signed_in, used):
    factories.job(Status.FAILED, display_name=ODD[:255], deployment=used, error="<script>alert(1)</script>")
    page = signed_in.get(INDEX).content.decode()
    assert "<b>&quot;odd" not in page
    assert "&lt;b&gt;&quot;odd" in page
    assert "<script>alert" not in page


# ---- The summary


def test_the_summary_follows_the_filters(signed_in, two):
    assert signed_in.get(INDEX).context["figures"].jobs == 2
    response = signed_in.get(INDEX, {"time": "7d"})
    assert (response.context["figures"].jobs, response.context["figures"].success_rate) == (1, 0)
    assert "Jobs, last 7 days" in response.content.decode()


def test_the_summary_goes_with_the_rows(signed_in, two, htmx):
    part = signed_in.get(INDEX, headers=htmx).content.decode()
    assert 'id="jobs-summary"' in part
    assert 'hx-swap-oob="true"' in part


def test_the_last_runs_are_links_with_words(signed_in, used):
    job = factories.job(
        Status.FAILED,
        display_name="olden_whale",
        deployment=used,
        started_at=timezone.now() - timedelta(seconds=3),
    )
    page = signed_in.get(INDEX).content.decode()
    assert "Duration of the last job" in page
    assert (
        f'href="{reverse("jobs:detail", args=[job.name])}" tabindex="-1" aria-label="olden_whale: Failed, 3.0 s"'
        in page
    )


def test_an_endpoints_jobs_have_summary_and_filters_but_that_of_the_endpoint(signed_in, two):
    wanted, _other = two
    page = signed_in.get(reverse("endpoints:jobs", args=[wanted.endpoint_name])).content.decode()
    assert 'id="jobs-summary"' in page
    assert 'name="deployment"' in page
    assert 'name="endpoint"' not in page
    assert "brave_sun" not in page


def test_the_list_asks_as_many_queries_for_many_as_for_one(signed_in, used, queries):
    def many():
        factories.job(
            Status.COMPLETED,
            deployment=factories.deployment(),
            created_by=factories.user(),
            started_at=timezone.now(),
        )

    many()
    query = {"status": "Completed", "time": "24h", "search": "batchjob", "sort": "-duration"}
    signed_in.get(INDEX, query)
    with queries() as for_one:
        signed_in.get(INDEX, query)
    for _number in range(6):
        many()
    with queries() as for_many:
        signed_in.get(INDEX, query)
    assert len(for_many) == len(for_one)


# ---- Selected rows


@pytest.mark.parametrize("address", [CANCEL, DELETE])
def test_commands_for_selected_rows_ask_to_sign_in(client, db, address):
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("address", [CANCEL, DELETE])
def test_commands_for_selected_rows_take_no_put(signed_in, address):
    assert signed_in.put(address).status_code == 405


@pytest.mark.parametrize("address", [CANCEL, DELETE])
def test_nothing_selected_is_said(signed_in, address, htmx):
    for query in ({}, {"selected": "batchjob-gone"}):
        response = signed_in.get(address, query)
        assert response.status_code == 409 or response.status_code < 500
        assert "Select rows in the list first" in signed_in.get(address, query, follow=True).content.decode()


def test_cancel_names_the_jobs_and_leaves_those_that_have_ended(signed_in, used, htmx):
    running = factories.job(Status.RUNNING, display_name="calm_river", deployment=used)
    ended = factories.job(Status.COMPLETED, display_name="brave_sun", deployment=used)
    dialog = signed_in.get(CANCEL, {"selected": [running.name, ended.name]}, headers=htmx).content.decode()
    assert "Cancel 1 job?" in dialog
    assert "calm_river" in dialog
    assert "can no longer be canceled" in dialog
    answer = signed_in.post(CANCEL, {"selected": [running.name, ended.name]}, follow=True).content.decode()
    assert "1 job is being canceled." in answer
    running.refresh_from_db()
    ended.refresh_from_db()
    assert running.status in (Status.CANCEL_REQUESTED, Status.CANCELED)
    assert ended.status == Status.COMPLETED


def test_cancel_of_ended_jobs_alone_is_refused_with_the_reason(signed_in, used, htmx):
    ended = factories.job(Status.COMPLETED, deployment=used)
    dialog = signed_in.get(CANCEL, {"selected": ended.name}, headers=htmx).content.decode()
    assert 'aria-disabled="true"' in dialog
    assert "can no longer be canceled" in dialog


def test_delete_says_what_goes_and_deletes_those_that_may_go(signed_in, used, htmx):
    ended = [factories.job(Status.COMPLETED, display_name=name, deployment=used) for name in ("one", "two")]
    running = factories.job(Status.RUNNING, deployment=used)
    chosen = {"selected": [job.name for job in (*ended, running)]}
    dialog = signed_in.get(DELETE, chosen, headers=htmx).content.decode()
    assert "Delete 2 jobs?" in dialog
    assert "What they have written into their output folders stays" in dialog
    assert "2 jobs are deleted." in signed_in.post(DELETE, chosen, follow=True).content.decode()
    assert [job.pk for job in Job.objects.all()] == [running.pk]
    assert signed_in.post(DELETE, chosen).status_code < 500
