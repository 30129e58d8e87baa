from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from studio.models import Job, RegistryState
from tests import factories

HOME = "/"


def test_index_asks_who_is_there(client: Client, db: None) -> None:
    answer = client.get(HOME)
    assert answer.status_code == 302
    assert answer["Location"] == "/account/sign-in/?next=/"


def test_index_tells_a_newcomer_the_first_steps(signed_in: Client) -> None:
    answer = signed_in.get(HOME)
    assert "First steps" in answer.text
    assert 'mlflow.set_tracking_uri("http://127.0.0.1:9")' in answer.text
    assert "registered_model_name=" in answer.text


def test_index_leads_a_newcomer_to_the_finished_sample(signed_in: Client) -> None:
    job = factories.job(Job.Status.COMPLETED)
    answer = signed_in.get(HOME)
    assert f'href="/jobs/{job.name}/"' in answer.text
    assert f'href="/endpoints/{job.endpoint_name}/"' in answer.text


def test_index_is_quiet_about_first_steps_later(signed_in: Client) -> None:
    used = factories.deployment()
    factories.job(Job.Status.COMPLETED, deployment=used)
    factories.job(Job.Status.COMPLETED, deployment=used)
    assert "First steps" not in signed_in.get(HOME).text


@pytest.mark.parametrize(("status", "polls"), [(Job.Status.RUNNING, True), (Job.Status.COMPLETED, False)])
def test_index_refreshes_only_while_something_runs(signed_in: Client, status: str, polls: bool) -> None:
    factories.job(status)
    assert ('hx-trigger="every 3s"' in signed_in.get(HOME).text) is polls


def test_index_answers_htmx_with_the_live_part(signed_in: Client, htmx: dict[str, str]) -> None:
    job = factories.job(Job.Status.RUNNING)
    answer = signed_in.get(HOME, headers=htmx)
    assert job.display_name in answer.text
    assert "<html" not in answer.text
    assert "HX-Request" in answer["Vary"]


def test_index_says_that_mlflow_is_away(signed_in: Client) -> None:
    RegistryState.report(error="MLflow at http://nowhere does not answer: refused.")
    assert "MLflow at http://nowhere does not answer" in signed_in.get(HOME).text


def test_index_takes_no_post(signed_in: Client) -> None:
    assert signed_in.post(HOME).status_code == 405


def test_index_asks_the_database_as_often_for_many_rows(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    def rows(count: int) -> None:
        for _number in range(count):
            factories.job(Job.Status.COMPLETED)

    rows(2)
    signed_in.get(HOME)  # the row of the registry's state is made by the first look
    with queries() as few:
        signed_in.get(HOME)
    rows(4)
    with queries() as many:
        signed_in.get(HOME)
    assert len(many) == len(few)
