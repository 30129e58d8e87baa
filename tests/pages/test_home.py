from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.actions import samples
from studio.models import Datastore, Deployment, Job, RegistryState
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
    assert "No jobs of yours yet" in answer.text
    assert "No endpoints yet" in answer.text
    assert "No clusters yet" in answer.text


def sample_job() -> Job:
    version = factories.model_version(samples.MODEL)
    used = factories.deployment(endpoint=factories.endpoint(samples.ENDPOINT), model_version=version)
    return factories.job(Job.Status.COMPLETED, deployment=used)


def test_index_leads_a_newcomer_to_the_finished_sample(signed_in: Client) -> None:
    job = sample_job()
    answer = signed_in.get(HOME)
    assert f'href="/jobs/{job.name}/"' in answer.text
    assert f'href="/endpoints/{job.endpoint_name}/"' in answer.text


def test_index_does_not_count_the_sample_as_a_step_that_is_done(signed_in: Client) -> None:
    sample_job()
    assert "Done:" not in signed_in.get(HOME).text


def test_index_ticks_off_what_is_done(signed_in: Client, store: Datastore) -> None:
    factories.model_version()
    assert signed_in.get(HOME).text.count("Done:") == 1
    factories.deployment()
    factories.data_asset(store, {"a.csv": "x\n1\n"})
    answer = signed_in.get(HOME)
    assert answer.text.count("Done:") == 3
    assert "Choose Create job" in answer.text


def test_index_is_quiet_about_first_steps_later(signed_in: Client, person: Any, store: Datastore) -> None:
    factories.data_asset(store, {"a.csv": "x\n1\n"})
    factories.job(Job.Status.COMPLETED, created_by=person)
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


def test_index_shows_how_far_a_running_job_is_and_what_it_waits_for(signed_in: Client) -> None:
    factories.job(
        Job.Status.RUNNING,
        bytes_total=200,
        bytes_done=126,
        rows_scored=5116,
        started_at=timezone.now() - timedelta(seconds=10),
        waiting_for="Waiting for <a> slot.",
    )
    answer = signed_in.get(HOME)
    assert 'value="126" max="200"' in answer.text
    assert "63 % · " in answer.text
    assert "5,116 rows scored" in answer.text
    assert "Waiting for &lt;a&gt; slot." in answer.text


def test_index_says_what_failed_lately_and_what_to_do(signed_in: Client) -> None:
    job = factories.job(
        Job.Status.FAILED, error='The file "<b>" is empty.', error_input="in/jan.csv", display_name="مرحبا 🎈"
    )
    old = factories.job(Job.Status.FAILED, error="Long ago.", finished_at=timezone.now() - timedelta(days=8))
    failed = factories.deployment(Deployment.Status.FAILED, error="No such package.")
    answer = signed_in.get(HOME)
    assert "The file &quot;&lt;b&gt;&quot; is empty." in answer.text
    assert "in/jan.csv" in answer.text
    assert "مرحبا 🎈" in answer.text
    assert "/help/troubleshooting/?sentence=The+file" in answer.text
    assert f'href="/jobs/{job.name}/"' in answer.text
    assert old.name not in answer.text
    assert "No such package." in answer.text
    assert f'href="/endpoints/{failed.endpoint.name}/deployments/{failed.name}/"' in answer.text


def test_index_shows_the_jobs_of_this_person_alone(signed_in: Client, person: Any) -> None:
    mine = factories.job(Job.Status.COMPLETED, created_by=person)
    other = factories.job(Job.Status.COMPLETED, created_by=factories.user())
    answer = signed_in.get(HOME)
    assert mine.name in answer.text
    assert other.name not in answer.text


def test_index_shows_the_busy_slots_of_each_cluster(signed_in: Client) -> None:
    factories.node(cluster=factories.cluster("cpu-cluster", slots=8), busy=3)
    answer = signed_in.get(HOME)
    assert "3 of 8" in answer.text
    assert 'href="/compute/cpu-cluster/"' in answer.text


def test_index_says_that_mlflow_is_away(signed_in: Client) -> None:
    RegistryState.report(error="MLflow at http://nowhere does not answer: refused.")
    assert "MLflow at http://nowhere does not answer" in signed_in.get(HOME).text


def test_index_takes_no_post(signed_in: Client) -> None:
    assert signed_in.post(HOME).status_code == 405


def test_index_asks_the_database_as_often_for_many_rows(
    signed_in: Client, person: Any, queries: Callable[[], Any]
) -> None:
    def rows(count: int) -> None:
        for _number in range(count):
            factories.node(cluster=factories.job(Job.Status.COMPLETED, created_by=person).cluster)
            factories.job(Job.Status.RUNNING, created_by=person)
            factories.job(Job.Status.FAILED, error="Gone.")
            factories.deployment(Deployment.Status.FAILED, error="Gone.")
            factories.deployment(Deployment.Status.CREATING)

    rows(2)
    signed_in.get(HOME)  # the row of the registry's state is made by the first look
    with queries() as few:
        signed_in.get(HOME)
    rows(3)
    with queries() as many:
        signed_in.get(HOME)
    assert len(many) == len(few)
