from pathlib import Path

import pytest
from django.urls import reverse

from studio.errors import Unavailable
from studio.models import Deployment, Job
from studio.pages import job_wizard
from tests import factories
from tests.pages.job_drafts import GOOD, at, begin, overriding, wizard

pytestmark = pytest.mark.django_db
Status = Job.Status


def reviewed(client, deployment, store, output=None):
    version = factories.data_asset(store, GOOD)
    draft = wizard(client, deployment, until="output", source="dataset", dataset=version.asset.pk)
    return draft, client.post(at(draft, "output"), output or {})


def test_output_is_the_default_location_unless_asked(signed_in, used, store):
    draft, response = reviewed(signed_in, used, store)
    assert response["Location"] == at(draft, "review")
    page = signed_in.get(at(draft, "output")).content.decode()
    assert "By default the predictions go to the folder" in page


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../outside", "leaves its datastore"),
        ("taken", "exists already, and the studio never overwrites."),
        ("busy", "Another job is writing to"),
        ("", "Fill this in, or turn the output configuration off."),
    ],
)
def test_output_at_a_wrong_location_is_refused_with_a_sentence(signed_in, used, store, path, sentence):
    taken = Path(store.options["root"], "taken", "predictions.csv")
    taken.parent.mkdir(parents=True)
    taken.write_text("mine")
    factories.job(Status.RUNNING, datastore=store, output_path="busy")
    _draft, response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": path}
    )
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert taken.read_text() == "mine"


def test_review_shows_every_answer_with_a_way_to_change_it(signed_in, used, store):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out/november"}
    )
    page = signed_in.get(at(draft, "review")).content.decode()
    for shown in (
        "brave_sun",
        used.name,
        used.model_label,
        "version 1",
        "out/november",
        "Mini batch size",
        "default",
    ):
        assert shown in page
    for step in ("settings", "input", "output"):
        assert f'href="{at(draft, step)}"' in page


def test_review_creates_the_job_that_was_described(signed_in, used, store, person):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out/november"}
    )
    response = signed_in.post(at(draft, "review"))
    job = Job.objects.get()
    assert response["Location"] == reverse("jobs:detail", args=[job.name])
    assert (job.display_name, job.deployment, job.created_by) == ("brave_sun", used, person)
    assert (job.output_datastore, job.output_path) == (store, "out/november")
    assert job.input_asset is not None
    assert set(job.setting_origins.values()) == {"default"}


def test_review_keeps_what_the_job_overrides(signed_in, used, store):
    version = factories.data_asset(store, GOOD)
    draft = begin(signed_in, used)
    answers = overriding(used, timeout=60)
    signed_in.post(at(draft, "settings"), answers)
    signed_in.post(at(draft, "input"), {"source": "datastore", "datastore": store.pk, "path": version.path})
    signed_in.post(at(draft, "output"), {})
    signed_in.post(at(draft, "review"))
    job = Job.objects.get()
    assert (job.settings["timeout"], job.setting_origins["timeout"]) == (60, "job")
    assert (job.settings["max_concurrency"], job.setting_origins["max_retries"]) == (None, "default")
    assert (job.input_asset, job.input_path) == (None, version.path)


def test_create_pressed_twice_makes_one_job(signed_in, used, store):
    draft, _response = reviewed(signed_in, used, store)
    first, second = signed_in.post(at(draft, "review")), signed_in.post(at(draft, "review"))
    assert first["Location"] == second["Location"]
    assert Job.objects.count() == 1
    assert signed_in.get(at(draft, "settings"))["Location"] == first["Location"]


def test_review_refuses_data_that_has_gone_meanwhile(signed_in, used, store):
    draft, _response = reviewed(signed_in, used, store)
    for file in Path(store.options["root"]).rglob("*.csv"):
        file.unlink()
    response = signed_in.post(at(draft, "review"))
    assert response.status_code == 422
    assert "The input contains no file to score." in response.content.decode()
    assert not Job.objects.exists()


def test_review_refuses_an_output_that_was_taken_meanwhile(signed_in, used, store):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out"}
    )
    taken = Path(store.options["root"], "out", "predictions.csv")
    taken.parent.mkdir()
    taken.write_text("mine")
    response = signed_in.post(at(draft, "review"))
    assert response.status_code == 422
    assert "exists already" in response.content.decode()
    assert at(draft, "output") in response.content.decode()
    assert not Job.objects.exists()


def test_review_refused_for_the_location_leads_to_the_output(signed_in, used, store):
    draft, _response = reviewed(
        signed_in, used, store, {"enable": "on", "output_datastore": store.pk, "output_path": "out"}
    )
    factories.job(Status.RUNNING, datastore=store, output_path="out")
    response = signed_in.post(at(draft, "review"))
    [(sentence, address)] = response.context["refusals"]
    assert "Another job is writing" in sentence
    assert address == at(draft, "output")


def test_review_refused_for_the_deployment_leads_to_the_settings(signed_in, used, store):
    draft, _response = reviewed(signed_in, used, store)
    Deployment.objects.filter(pk=used.pk).update(status=Deployment.Status.FAILED)
    response = signed_in.post(at(draft, "review"))
    assert response.status_code == 422
    [(sentence, address)] = response.context["refusals"]
    assert "cannot score" in sentence
    assert address == at(draft, "settings")
    assert f'href="{address}">Go to the step' in response.content.decode()


def test_review_refused_for_a_service_that_is_away_leads_to_no_step(signed_in, used, store, monkeypatch):
    draft, _response = reviewed(signed_in, used, store)

    def away(**_given):
        raise Unavailable("The datastore does not answer. Try again later.")

    monkeypatch.setattr(job_wizard, "submit_job", away)
    response = signed_in.post(at(draft, "review"))
    assert response.status_code == 422
    assert response.context["refusals"] == [("The datastore does not answer. Try again later.", "")]
    assert "Go to the step" not in response.content.decode()
