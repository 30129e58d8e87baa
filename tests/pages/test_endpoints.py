from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from studio.models import Deployment, Endpoint, Job
from tests import factories

INDEX = "/endpoints/"


def page_of(endpoint: Endpoint) -> str:
    return f"{INDEX}{endpoint.name}/"


@pytest.mark.parametrize("path", [INDEX, "/endpoints/e/", "/endpoints/e/jobs/", "/endpoints/e/default/"])
def test_every_page_asks_who_is_there(client: Client, db: None, path: str) -> None:
    factories.endpoint("e")
    assert client.get(path)["Location"] == f"/account/sign-in/?next={path}"


def test_index_lists_endpoints_with_their_last_job(signed_in: Client, person: Any) -> None:
    home = factories.endpoint("screening", description="Weekly.", tags={"team": "risk"}, created_by=person)
    used = factories.deployment(endpoint=home, name="gbt")
    factories.job(Job.Status.COMPLETED, deployment=used)
    last = factories.job(Job.Status.FAILED, deployment=used)
    answer = signed_in.get(INDEX)
    for shown in ("Batch endpoints", "screening", "Weekly.", "gbt", "Failed", "team: risk", "ada"):
        assert shown in answer.text
    assert f'href="/jobs/{last.name}/"' in answer.text
    assert "Completed" not in answer.text


def test_index_without_endpoints_says_what_to_do(signed_in: Client) -> None:
    answer = signed_in.get(INDEX)
    assert "No batch endpoints yet" in answer.text
    assert 'href="/deployments/new/"' in answer.text


def test_index_answers_htmx_with_rows(signed_in: Client, htmx: dict[str, str]) -> None:
    factories.endpoint("screening")
    factories.endpoint("other")
    answer = signed_in.get(f"{INDEX}?search=screen", headers=htmx)
    assert "screening" in answer.text
    assert "other" not in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize(("status", "polls"), [(Job.Status.RUNNING, True), (Job.Status.COMPLETED, False)])
def test_index_refreshes_only_while_a_last_job_runs(signed_in: Client, status: str, polls: bool) -> None:
    factories.job(status)
    assert ('hx-trigger="every' in signed_in.get(INDEX).text) is polls


def test_index_asks_the_database_as_often_for_many_rows(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    factories.job()
    with queries() as few:
        signed_in.get(INDEX)
    for _number in range(5):
        factories.job()
    with queries() as many:
        signed_in.get(INDEX)
    assert len(many) == len(few)


def test_detail_shows_attributes_and_deployments(signed_in: Client, person: Any) -> None:
    home = factories.endpoint("screening", description="Weekly.", tags={"team": "risk"}, created_by=person)
    version = factories.model_version("diabetes", 4)
    factories.deployment(
        endpoint=home, name="gbt", model_version=version, cluster=factories.cluster("cpu-cluster")
    )
    answer = signed_in.get(page_of(home))
    for shown in (
        "Service ID",
        "Weekly.",
        "team: risk",
        "ada",
        "gbt",
        "Default",
        "diabetes:4",
        "cpu-cluster",
    ):
        assert shown in answer.text
    for shown in ("Python 3.11.7, 3 packages", "Mini batch size", "predictions.csv", "-1 (any number)"):
        assert shown in answer.text
    assert f'href="/deployments/new/?endpoint={home.name}"' in answer.text
    assert f'href="/jobs/new/?endpoint={home.name}"' in answer.text
    assert "http://testserver/api/endpoints/screening/jobs" in answer.text


def test_detail_asks_again_while_a_deployment_is_created(signed_in: Client, htmx: dict[str, str]) -> None:
    used = factories.deployment(Deployment.Status.CREATING)
    answer = signed_in.get(page_of(used.endpoint), headers=htmx)
    assert 'hx-trigger="every 2s"' in answer.text
    assert "Creating" in answer.text
    assert "<html" not in answer.text


def test_detail_enables_the_commands_when_the_deployment_is_ready(
    signed_in: Client, htmx: dict[str, str]
) -> None:
    used = factories.deployment()
    answer = signed_in.get(page_of(used.endpoint), headers=htmx)
    assert "every 2s" not in answer.text
    assert '<div id="endpoint-commands" hx-swap-oob="true">' in answer.text
    assert f'href="/jobs/new/?endpoint={used.endpoint.name}"' in answer.text


def test_detail_says_why_there_can_be_no_job_and_no_default(signed_in: Client) -> None:
    home = factories.deployment(Deployment.Status.CREATING).endpoint
    answer = signed_in.get(page_of(home))
    assert "This endpoint has no deployment that has succeeded." in answer.text
    assert "No deployment of this endpoint has succeeded yet." in answer.text
    assert f"/jobs/new/?endpoint={home.name}" not in answer.text


def test_detail_shows_the_error_of_a_failed_deployment_with_retry(signed_in: Client) -> None:
    failed = factories.deployment(Deployment.Status.FAILED, error="No module named 'features'.")
    answer = signed_in.get(page_of(failed.endpoint))
    assert "No module named &#x27;features&#x27;." in answer.text
    assert f'action="/endpoints/{failed.endpoint.name}/deployments/{failed.name}/retry/"' in answer.text


def test_detail_shows_the_last_job(signed_in: Client) -> None:
    job = factories.job(Job.Status.COMPLETED, rows_scored=891)
    answer = signed_in.get(page_of(job.endpoint))
    assert job.display_name in answer.text
    assert "891 rows in" in answer.text


def test_detail_asks_the_database_as_often_for_many_deployments(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    home = factories.deployment().endpoint
    with queries() as few:
        signed_in.get(page_of(home))
    for _number in range(5):
        factories.deployment(endpoint=home)
    with queries() as many:
        signed_in.get(page_of(home))
    assert len(many) == len(few)


def test_jobs_lists_the_jobs_of_this_endpoint_alone(signed_in: Client) -> None:
    mine, other = factories.job(), factories.job()
    answer = signed_in.get(f"{page_of(mine.endpoint)}jobs/")
    assert mine.display_name in answer.text
    assert other.display_name not in answer.text


def test_jobs_answers_htmx_with_rows(signed_in: Client, htmx: dict[str, str]) -> None:
    job = factories.job(Job.Status.RUNNING)
    answer = signed_in.get(f"{page_of(job.endpoint)}jobs/", headers=htmx)
    assert job.display_name in answer.text
    assert "every 2s" in answer.text
    assert "<html" not in answer.text


def test_jobs_without_jobs_says_what_to_do(signed_in: Client) -> None:
    home = factories.deployment().endpoint
    answer = signed_in.get(f"{page_of(home)}jobs/")
    assert "No jobs yet" in answer.text
    assert f'href="/jobs/new/?endpoint={home.name}"' in answer.text


def test_update_default_opens_as_a_page_and_as_a_dialog(signed_in: Client, htmx: dict[str, str]) -> None:
    home = factories.deployment().endpoint
    for answer in (
        signed_in.get(f"{page_of(home)}default/"),
        signed_in.get(f"{page_of(home)}default/", headers=htmx),
    ):
        assert "Select default deployment" in answer.text
        assert ">Update</button>" in answer.text


def test_update_default_changes_the_default(signed_in: Client) -> None:
    home = factories.deployment().endpoint
    other = factories.deployment(endpoint=home, is_default=False)
    answer = signed_in.post(f"{page_of(home)}default/", {"deployment": other.pk}, follow=True)
    assert f"{other.name} is the default deployment now." in answer.text
    home.refresh_from_db()
    assert home.default_deployment == other


@pytest.mark.parametrize("status", [Deployment.Status.CREATING, Deployment.Status.FAILED])
def test_update_default_refuses_one_that_has_not_succeeded(signed_in: Client, status: str) -> None:
    home = factories.deployment().endpoint
    before = home.default_deployment_id
    other = factories.deployment(status, endpoint=home)
    answer = signed_in.post(f"{page_of(home)}default/", {"deployment": other.pk})
    assert answer.status_code == 422
    home.refresh_from_db()
    assert home.default_deployment_id == before


def test_update_default_refuses_a_deployment_of_another_endpoint(signed_in: Client) -> None:
    home = factories.deployment().endpoint
    answer = signed_in.post(f"{page_of(home)}default/", {"deployment": factories.deployment().pk})
    assert answer.status_code == 422


@pytest.mark.parametrize("path", [INDEX, "/endpoints/e/", "/endpoints/e/jobs/"])
def test_pages_that_only_show_take_no_post(signed_in: Client, path: str) -> None:
    factories.endpoint("e")
    assert signed_in.post(path).status_code == 405


@pytest.mark.parametrize("path", ["/endpoints/none/", "/endpoints/none/jobs/", "/endpoints/none/default/"])
def test_an_endpoint_that_is_not_there_is_not_found(signed_in: Client, path: str) -> None:
    assert signed_in.get(path).status_code == 404


def test_detail_asks_the_database_as_often_for_many_that_wait(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    home = factories.deployment(Deployment.Status.CREATING).endpoint
    with queries() as few:
        signed_in.get(page_of(home))
    for _number in range(3):
        factories.deployment(Deployment.Status.CREATING, endpoint=home)
    with queries() as many:
        signed_in.get(page_of(home))
    assert len(many) == len(few)


def test_the_primary_command_comes_first_on_both_tabs(signed_in: Client) -> None:
    home = factories.deployment().endpoint
    for path, first in (("", "Add deployment"), ("jobs/", "Create job")):
        bar = signed_in.get(f"{page_of(home)}{path}").text.partition('id="endpoint-commands"')[2]
        bar = bar.partition("Refresh")[0]
        assert first in bar
        assert bar.count("btn-primary") == 1


def test_refresh_leaves_the_list_as_it_is(signed_in: Client) -> None:
    home = factories.deployment().endpoint
    for path in (f"{INDEX}?search={home.name}", f"{page_of(home)}jobs/?status=Failed"):
        assert '<a href="" class="btn"' in signed_in.get(path).text


def test_index_reads_no_log_of_any_deployment(signed_in: Client, queries: Callable[[], Any]) -> None:
    factories.job()
    with queries() as seen:
        signed_in.get(INDEX)
    assert not any('"studio_deployment"."log"' in query["sql"] for query in seen)
