import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.urls import reverse
from django.utils import timezone

from studio.models import Draft, Job, MiniBatch
from tests import factories
from tests.pages.job_drafts import at
from tests.pages.job_rows import address, finished

pytestmark = pytest.mark.django_db
Status = Job.Status
DIALOGS = ["rename", "retry", "delete"]
POLL = {"HX-Request": "true", "HX-Trigger": "job", "HX-Target": "job"}


@pytest.fixture
def failed(store):
    """A job of which one mini-batch failed, with its parts."""
    kept = timezone.now() + timedelta(days=30)
    job = finished(store, files_total=2, files_failed=1, minibatches_failed=1, parts_until=kept)
    factories.minibatch(job, MiniBatch.Status.COMPLETED)
    factories.minibatch(job, MiniBatch.Status.FAILED)
    return job


# ---- Every address


@pytest.mark.parametrize("name", [*DIALOGS, "resubmit", "record", "definition", "log", "log_download"])
def test_every_command_asks_to_sign_in_and_knows_only_jobs_that_are_there(client, signed_in, store, name):
    assert client.get(address(name, factories.job())).status_code == 302
    assert signed_in.get(reverse(f"jobs:{name}", args=["batchjob-none"])).status_code in (302, 404)


@pytest.mark.parametrize("name", DIALOGS)
def test_a_command_opens_as_a_page_and_as_a_dialog(signed_in, store, htmx, name):
    job = finished(store)
    assert "<html" in signed_in.get(address(name, job)).content.decode()
    part = signed_in.get(address(name, job), headers=htmx)
    assert "<html" not in part.content.decode()
    assert "dialog-card" in part.content.decode()
    assert "HX-Request" in part["Vary"]


@pytest.mark.parametrize("name", ["resubmit", "record", "definition", "log", "log_download"])
def test_what_only_shows_takes_no_post(signed_in, store, name):
    assert signed_in.post(address(name, factories.job())).status_code == 405


@pytest.mark.parametrize("name", DIALOGS)
def test_commands_take_no_put(signed_in, store, name):
    assert signed_in.put(address(name, factories.job())).status_code == 405


# ---- Rename


def test_rename_shows_the_new_name_everywhere(signed_in, store):
    job = finished(store)
    name = "<script>“Q4” 🚢 \u05e9\u05dc\u05d5\u05dd</script>"
    page = signed_in.post(address("rename", job), {"display_name": name}, follow=True).content.decode()
    job.refresh_from_db()
    assert job.display_name == name
    assert "&lt;script&gt;“Q4”" in page
    assert "<script>“Q4”" not in page


@pytest.mark.parametrize("typed", ["", "   ", "x" * 256])
def test_rename_to_what_is_no_name_is_refused(signed_in, store, typed):
    job = finished(store)
    assert signed_in.post(address("rename", job), {"display_name": typed}).status_code == 422
    assert Job.objects.get().display_name == job.display_name


def test_rename_leads_back_to_the_tab_it_was_opened_on(signed_in, store, htmx):
    job = finished(store)
    tab = address("outputs", job)
    headers = {**htmx, "HX-Current-URL": f"http://testserver{tab}"}
    response = signed_in.post(address("rename", job), {"display_name": "new"}, headers=headers)
    assert response["HX-Redirect"] == tab
    headers["HX-Current-URL"] = "http://elsewhere.example/jobs/"
    response = signed_in.post(address("rename", job), {"display_name": "new"}, headers=headers)
    assert response["HX-Redirect"] == address("detail", job)


# ---- Resubmit


def test_resubmit_fills_in_the_wizard_with_the_answers_of_the_job(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    job = finished(
        store, input_asset=version, input_label=str(version), input_path=version.path,
        setting_origins={"timeout": "job", "pass_through": "job", "max_retries": "deployment"},
    )  # fmt: skip
    Job.objects.update(settings={**job.settings, "timeout": 77, "pass_through": ["x"], "max_retries": 9})
    response = signed_in.get(address("resubmit", job))
    draft = Draft.objects.get()
    assert response["Location"] == at(draft, "review")
    assert draft.answers["settings"]["timeout"] == 77
    assert "max_retries" not in draft.answers["settings"]
    assert draft.answers["input"]["pass_through"] == ["x"]
    assert draft.answers["output"]["enable"] is False
    page = signed_in.get(at(draft, "review")).content.decode()
    assert "77 s" in page
    assert version.asset.name in page
    made = signed_in.post(at(draft, "review"))
    again = Job.objects.exclude(pk=job.pk).get()
    assert made["Location"] == address("detail", again)
    assert (again.resubmit_of, again.settings["timeout"]) == (job, 77)
    assert again.display_name != job.display_name
    assert again.output_path != job.output_path


def test_a_job_and_its_resubmits_link_each_other(signed_in, store):
    job = finished(store)
    again = factories.job(Status.COMPLETED, datastore=store, resubmit_of=job)
    retry = factories.job(Status.COMPLETED, datastore=store, retry_of=job)
    page = signed_in.get(address("detail", job)).content.decode()
    assert f'<a href="{address("detail", again)}">{again.display_name}</a>' in page
    assert f'<a href="{address("detail", retry)}">{retry.display_name}</a>' in page
    for other in (again, retry):
        page = signed_in.get(address("detail", other)).content.decode()
        assert f'<a href="{address("detail", job)}">{job.display_name}</a>' in page


def test_resubmitting_twice_without_answering_makes_one_draft(signed_in, store):
    job = finished(store)
    signed_in.get(address("resubmit", job))
    signed_in.get(address("resubmit", job))
    signed_in.head(address("resubmit", job))
    assert Draft.objects.count() == 1


def test_resubmit_leads_to_the_step_whose_thing_is_gone(signed_in, store):
    job = finished(store)
    Job.objects.update(input_label="deleted-asset:1")
    page = signed_in.get(address("resubmit", job), follow=True)
    assert page.redirect_chain[-1][0] == at(Draft.objects.get(), "input")
    assert "no longer registered. Choose other data." in page.content.decode()
    other = factories.deployment(endpoint=job.endpoint)
    other.endpoint.default_deployment = other
    other.endpoint.save()
    job.deployment.delete()
    page = signed_in.get(address("resubmit", job), follow=True)
    assert "The deployment of this draft was deleted. Choose another one." in page.content.decode()
    assert other.name in page.content.decode()


def test_resubmit_of_a_job_without_its_endpoint_says_so(signed_in, store):
    job = finished(store)
    job.deployment.endpoint.delete()
    assert (
        f"The endpoint {job.endpoint_name} was deleted"
        in signed_in.get(address("detail", job)).content.decode()
    )
    assert signed_in.get(address("resubmit", job)).status_code == 403
    assert not Draft.objects.exists()


# ---- Retry failed


def test_retry_says_what_it_does_and_leads_to_the_new_job(signed_in, failed):
    page = signed_in.get(address("retry", failed))
    assert "scores the 1 mini-batch that did not complete" in page.content.decode()
    assert "It takes over the 1 that did." in page.content.decode()
    key = page.context["form"]["key"].value()
    response = signed_in.post(address("retry", failed), {"key": key})
    made = failed.retries.get()
    assert response["Location"] == address("detail", made)
    assert signed_in.post(address("retry", failed), {"key": key})["Location"] == address("detail", made)


def test_retry_of_what_did_not_fail_is_disabled_and_refused(signed_in, store):
    job = finished(store)
    for name in ("detail", "retry"):
        assert "Nothing of this job has failed." in signed_in.get(address(name, job)).content.decode()
    assert signed_in.post(address("retry", job), {"key": "nonsense"}).status_code == 403
    assert not job.retries.exists()


# ---- Delete


def test_delete_says_what_goes_and_leads_back_to_the_list(signed_in, store):
    job = finished(store)
    came = reverse("jobs:index", query={"status": "Completed"})
    signed_in.get(address("detail", job), headers={"Referer": f"http://testserver{came}"})
    signed_in.get(address("outputs", job), headers={"Referer": f"http://testserver{address('detail', job)}"})
    page = signed_in.get(address("delete", job)).content.decode()
    assert f"Delete {job.display_name}?" in page
    assert "Also delete its output: 1 file, 46 bytes" in page
    response = signed_in.post(address("delete", job), follow=True)
    assert response.redirect_chain[-1][0] == came
    assert f"{job.display_name} is deleted." in response.content.decode()
    assert not Job.objects.exists()
    assert Path(store.options["root"], job.output_path, "predictions.csv").exists()


def test_delete_takes_the_output_along_where_the_box_is_ticked(signed_in, store):
    job = finished(store)
    response = signed_in.post(address("delete", job), {"with_outputs": "on"})
    assert response["Location"] == reverse("jobs:index")
    assert not Path(store.options["root"], job.output_path, "predictions.csv").exists()


def test_delete_of_a_running_job_is_disabled_and_refused(signed_in, store):
    job = factories.job(Status.RUNNING)
    for name in ("detail", "delete"):
        assert "Cancel it first" in signed_in.get(address(name, job)).content.decode()
    assert signed_in.post(address("delete", job)).status_code == 403
    assert Job.objects.exists()


@pytest.mark.parametrize("name", ["detail", "outputs", "metrics", "minibatches", "errors"])
def test_a_page_whose_job_is_deleted_meanwhile_says_so_and_asks_no_more(signed_in, store, name):
    job = factories.job(Status.RUNNING)
    Job.objects.all().delete()
    response = signed_in.get(address(name, job), headers=POLL)
    assert response.status_code == 286
    assert "This job was deleted" in response.content.decode()
    assert "every" not in response.content.decode()
    assert signed_in.get(address(name, job)).status_code == 404


# ---- Raw JSON and YAML


def test_raw_json_has_the_record_and_no_environment_variables(signed_in, store, person):
    job = finished(store, created_by=person, setting_origins={"timeout": "job"}, error="Broken.")
    Job.objects.update(settings={**job.settings, "environment_variables": {"TOKEN": "hush"}})
    response = signed_in.get(address("record", job, download=""))
    assert response["Content-Disposition"] == f'attachment; filename="{job.name}.json"'
    found = json.loads(response.content)
    assert (found["name"], found["properties"]["status"]) == (job.name, "Completed")
    assert found["properties"]["settings"]["timeout"] == {"value": 30, "from": "job"}
    assert found["properties"]["error"]["message"] == "Broken."
    assert found["systemData"]["createdBy"] == "ada"
    assert "hush" not in response.content.decode()
    page = signed_in.get(address("record", job)).content.decode()
    assert "&quot;displayName&quot;" in page
    assert (
        "<html" not in signed_in.get(address("record", job), headers={"HX-Request": "true"}).content.decode()
    )


def test_yaml_has_what_the_job_was_asked_for(signed_in, store):
    job = finished(store, setting_origins={"timeout": "job"}, output_path="out/november")
    found = yaml.safe_load(signed_in.get(address("definition", job, download="")).content)
    assert found == {
        "type": "batch_scoring",
        "endpoint": job.endpoint_name,
        "deployment": job.deployment_name,
        "inputs": {"input": {"type": "uri_folder", "path": f"azureml://datastores/{store.name}/paths/in"}},
        "outputs": {
            "score": {"type": "uri_folder", "path": f"azureml://datastores/{store.name}/paths/out/november"}
        },
        "overrides": {"timeout": 30},
    }


# ---- What is waited for


def test_a_waiting_job_says_how_many_are_before_it(signed_in, store):
    used = factories.deployment()
    for _ in range(2):
        factories.job(Status.RUNNING, deployment=used, minibatches_total=2)
    job = factories.job(
        Status.RUNNING, deployment=used, minibatches_total=1, waiting_for="Waiting for a free slot."
    )
    page = signed_in.get(address("detail", job)).content.decode()
    assert f"Waiting for a free slot. 2 jobs before it on {used.cluster.name}." in page
    factories.minibatch(job, MiniBatch.Status.RUNNING)
    assert "2 jobs before it" not in signed_in.get(address("detail", job)).content.decode()


def test_the_page_of_a_job_with_many_links_asks_as_many_queries_as_with_one(signed_in, store, queries):
    job = finished(store)
    factories.job(Status.COMPLETED, resubmit_of=job)
    signed_in.get(address("detail", job))
    with queries() as for_one:
        signed_in.get(address("detail", job))
    for _ in range(4):
        factories.job(Status.COMPLETED, resubmit_of=job)
    with queries() as for_many:
        signed_in.get(address("detail", job))
    assert len(for_many) == len(for_one)
    factories.job(Status.COMPLETED, resubmit_of=job)
    assert "and 1 more" in signed_in.get(address("detail", job)).content.decode()
