from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from studio.models import Job
from tests import factories
from tests.pages.job_rows import address, finished

pytestmark = pytest.mark.django_db
INDEX = reverse("jobs:index")
Status = Job.Status


# ---- The list


def test_index_of_a_fresh_studio_says_what_to_do_first(signed_in):
    page = signed_in.get(INDEX).content.decode()
    assert "No jobs yet" in page
    assert f'href="{reverse("jobs:new")}"' in page


def test_index_shows_what_became_of_each_job(signed_in, store, person):
    factories.job(Status.FAILED, display_name="olden_whale", error="visits.csv: column “BMI” is missing")
    factories.job(Status.COMPLETED, files_total=40, files_failed=3, rows_scored=1234567, created_by=person)
    page = signed_in.get(INDEX).content.decode()
    for shown in (
        "olden_whale",
        "column “BMI” is missing",
        "Completed, 3 of 40 files failed",
        "1,234,567",
        "ada",
    ):
        assert shown in page


def test_a_completed_job_without_rows_says_so_on_its_page(signed_in, store):
    job = finished(store, error="The input has no rows, so there are no predictions.")
    assert "The input has no rows" in signed_in.get(address("detail", job)).content.decode()


def test_index_filters_by_status_and_word_in_a_fragment(signed_in, store, htmx):
    factories.job(Status.FAILED, display_name="olden_whale")
    factories.job(Status.COMPLETED, display_name="brave_sun")
    part = signed_in.get(INDEX, {"status": "Failed", "search": "whale"}, headers=htmx)
    assert "olden_whale" in part.content.decode()
    assert "brave_sun" not in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


@pytest.mark.parametrize("sort", ["name", "-status", "created", "-duration", "rows", "nonsense"])
def test_index_sorts(signed_in, store, sort):
    factories.job(Status.COMPLETED, display_name="brave_sun", started_at=timezone.now())
    factories.job(display_name="calm_river")
    page = signed_in.get(INDEX, {"sort": sort}).content.decode()
    assert "brave_sun" in page
    assert "calm_river" in page


def test_index_asks_for_itself_only_while_something_runs(signed_in, store):
    job = factories.job(Status.RUNNING)
    assert 'hx-trigger="every 2s"' in signed_in.get(INDEX).content.decode()
    job.move_to(Status.FAILED, finished_at=timezone.now())
    assert "every 2s" not in signed_in.get(INDEX).content.decode()


def test_index_asks_for_itself_with_search_and_filter(signed_in, store, htmx):
    factories.job(Status.RUNNING, display_name="brave_sun")
    part = signed_in.get(INDEX, {"search": "brave", "status": "Running"}, headers=htmx).content.decode()
    assert f'hx-get="{INDEX}?search=brave&amp;status=Running"' in part


def test_index_asks_as_many_queries_for_many_rows_as_for_one(signed_in, store, queries):
    used = factories.deployment()
    factories.job(Status.COMPLETED, deployment=used, created_by=factories.user())
    signed_in.get(INDEX)
    with queries() as for_one:
        signed_in.get(INDEX)
    for _ in range(5):
        factories.job(Status.COMPLETED, deployment=factories.deployment(), created_by=factories.user())
    with queries() as for_many:
        signed_in.get(INDEX)
    assert len(for_many) == len(for_one)


# ---- Who may do what


@pytest.mark.parametrize("name", ["detail", "cancel", "outputs", "preview", "download"])
def test_every_page_of_a_job_asks_to_sign_in(client, store, name):
    response = client.get(address(name, factories.job()))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("name", ["index", "new"])
def test_the_lists_ask_to_sign_in(client, db, name):
    assert client.get(reverse(f"jobs:{name}")).status_code == 302


@pytest.mark.parametrize("name", ["detail", "cancel", "outputs", "preview", "download"])
def test_every_page_of_an_unknown_job_is_not_found(signed_in, name):
    assert signed_in.get(reverse(f"jobs:{name}", args=["batchjob-none"])).status_code == 404


@pytest.mark.parametrize("name", ["detail", "outputs", "preview", "download"])
def test_pages_that_only_show_take_no_post(signed_in, store, name):
    assert signed_in.post(address(name, factories.job())).status_code == 405


def test_cancel_takes_no_put(signed_in, store):
    assert signed_in.put(address("cancel", factories.job())).status_code == 405


def test_index_and_new_take_no_post(signed_in):
    assert signed_in.post(INDEX).status_code == 405
    assert signed_in.post(reverse("jobs:new")).status_code == 405


# ---- The job's page


def test_detail_shows_status_graph_and_where_settings_come_from(signed_in, store, person):
    job = finished(store, created_by=person, setting_origins={"timeout": "job", "max_retries": "default"})
    page = signed_in.get(address("detail", job)).content.decode()
    for shown in (
        job.display_name,
        "Completed",
        "batchscoring",
        "Job overview",
        "submitted by ada",
        job.model_label,
    ):
        assert shown in page
    lines = {line.label: line.origin for line in signed_in.get(address("detail", job)).context["settings"]}
    assert (lines["Scoring timeout (seconds)"], lines["Max retries"]) == ("job", "default")


def test_detail_links_to_the_run_in_mlflow(signed_in, store, settings):
    settings.MLFLOW_ADDRESS = "https://mlflow.example.com"
    job = factories.job("Completed")
    assert "MLflow run" not in signed_in.get(f"/jobs/{job.name}/").text
    Job.objects.update(mlflow_run_id="0123abcd")
    assert 'href="https://mlflow.example.com/#/runs/0123abcd"' in signed_in.get(f"/jobs/{job.name}/").text


def test_detail_says_why_files_are_never_divided(signed_in, store):
    job = factories.job()
    assert "never: " not in signed_in.get(f"/jobs/{job.name}/").text
    Job.objects.update(spec={**job.spec, "is_divisible": False})
    assert "never: the model scores parts of a file differently" in signed_in.get(f"/jobs/{job.name}/").text
    Job.objects.update(spec={**job.spec, "signature": None})
    assert "never: the model has no signature" in signed_in.get(f"/jobs/{job.name}/").text


def test_detail_shows_the_statistics_of_the_predictions(signed_in, store):
    columns = {
        "prediction": {
            "count": 569,
            "nulls": 0,
            "distinct": 2,
            "top_values": [{"value": "benign", "count": 360}],
        }
    }
    page = signed_in.get(
        address("detail", finished(store, summary={"predictions": columns}))
    ).content.decode()
    assert "benign" in page
    assert "360" in page


def test_detail_of_a_running_job_shows_how_far_it_is(signed_in, store):
    job = factories.job(
        Status.RUNNING, started_at=timezone.now(), bytes_total=100, bytes_done=63, minibatches_total=243,
        minibatches_done=153, rows_scored=5116000, waiting_for="Waiting because no node is running.",
    )  # fmt: skip
    page = signed_in.get(address("detail", job)).content.decode()
    for shown in (
        "63 %",
        "5,116,000 rows scored",
        "153 of 243 mini-batches",
        "Waiting because no node is running.",
    ):
        assert shown in page


def test_detail_asks_for_its_live_part_until_the_job_has_ended(signed_in, store, htmx):
    job = factories.job(Status.RUNNING)
    part = signed_in.get(address("detail", job), headers=htmx).content.decode()
    assert 'hx-trigger="every 2s"' in part
    assert "<html" not in part
    assert 'id="job-status"' in part
    job.move_to(Status.FAILED, finished_at=timezone.now(), error="No row could be scored.")
    part = signed_in.get(address("detail", job), headers=htmx).content.decode()
    assert "every 2s" not in part
    assert "No row could be scored." in part


def test_detail_looks_seldom_at_a_job_that_has_been_queued_for_long(signed_in, store):
    job = factories.job()
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert 'hx-trigger="every 10s"' in signed_in.get(address("detail", job)).content.decode()


def test_detail_survives_the_deletion_of_endpoint_and_deployment(signed_in, store):
    job = finished(store)
    job.deployment.endpoint.delete()
    page = signed_in.get(address("detail", job))
    assert page.status_code == 200
    assert job.endpoint_name in page.content.decode()


def test_a_failed_job_shows_sentence_input_and_traceback_in_this_order(signed_in, store):
    job = factories.job(
        Status.FAILED,
        error="The model raised ValueError.",
        error_input="visits-07.csv",
        traceback="Traceback (most",
    )
    page = signed_in.get(address("outputs", job)).content.decode()
    part = page[page.index("Why the job failed") :]
    places = [
        part.index(shown) for shown in ("The model raised ValueError.", "visits-07.csv", "Traceback (most")
    ]
    assert places == sorted(places)


# ---- Cancel


def test_cancel_asks_before_it_does(signed_in, store, htmx):
    job = factories.job(Status.RUNNING)
    page = signed_in.get(address("cancel", job)).content.decode()
    assert f"Cancel {job.display_name}?" in page
    assert "<html" not in signed_in.get(address("cancel", job), headers=htmx).content.decode()
    job.refresh_from_db()
    assert job.status == Status.RUNNING


def test_cancel_ends_a_job_that_nobody_works_on(signed_in, store):
    job = factories.job(Status.QUEUED)
    response = signed_in.post(address("cancel", job), follow=True)
    job.refresh_from_db()
    assert job.status == Status.CANCELED
    assert "is being canceled." in response.content.decode()


def test_cancel_of_a_job_that_has_ended_changes_nothing_and_says_why(signed_in, store):
    job = finished(store)
    assert "can no longer be canceled" in signed_in.get(address("detail", job)).content.decode()
    assert "can no longer be canceled" in signed_in.get(address("cancel", job)).content.decode()
    response = signed_in.post(address("cancel", job))
    job.refresh_from_db()
    assert response.status_code == 403
    assert job.status == Status.COMPLETED


def test_detail_and_its_polls_leave_the_log_of_the_deployment_where_it_is(signed_in, store, queries):
    used = factories.deployment(log="a long log", traceback="a long traceback")
    with queries() as seen:
        signed_in.get(address("detail", factories.job(Status.RUNNING, deployment=used)))
    read = [query["sql"] for query in seen if 'FROM "studio_job"' in query["sql"]]
    assert read
    assert not any(
        '"studio_deployment"."log"' in sql or '"studio_deployment"."traceback"' in sql for sql in read
    )


def test_index_names_the_rows_that_failed(signed_in, store):
    factories.job(Status.COMPLETED)
    assert "<span>Failed</span>" in signed_in.get(INDEX).content.decode()


def test_detail_of_a_queued_job_names_who_plans_it(signed_in, store):
    page = signed_in.get(address("detail", factories.job())).content.decode()
    assert "Waiting for the studio’s control worker, which plans the job." in page
