import pytest
from django.urls import reverse
from django.utils import timezone

from studio.models import DataAsset, Trial
from tests import factories
from tests.pages.job_drafts import GOOD, at, wizard

pytestmark = pytest.mark.django_db
RESULT = {
    "file": "a.csv",
    "predictions": ["prediction"],
    "inputs": ["age", "x<b>"],
    "rows": [
        {"row": 0, "predictions": ["0.25"], "inputs": ["1", None], "message": ""},
        {
            "row": 1,
            "predictions": [None],
            "inputs": ["no", "2"],
            "message": "column 'age' is not a number: 'no'",
        },
    ],
}


@pytest.fixture
def draft(signed_in, used, store):
    version = factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, until="output", source="dataset", dataset=version.asset.pk)
    signed_in.post(at(draft, "output"), {})
    return draft


def new_url(draft):
    return reverse("jobs:trials:new", args=[draft.key])


def detail_url(draft):
    return reverse("jobs:trials:detail", args=[draft.key, Trial.objects.get().pk])


def finish(status, **fields):
    Trial.objects.get().move_to(Trial.Status.RUNNING)
    Trial.objects.get().move_to(status, finished_at=timezone.now(), seconds=4.2, **fields)


def test_new_makes_a_trial_of_what_the_draft_says(signed_in, draft, used, store):
    response = signed_in.post(new_url(draft))
    assert response["Location"] == f"{at(draft, 'review')}#trial"
    trial = Trial.objects.get()
    assert (trial.deployment, trial.datastore) == (used, store)
    assert trial.settings["timeout"] == used.settings["timeout"]


def test_new_answers_htmx_with_a_part_that_polls(signed_in, draft, htmx):
    part = signed_in.post(new_url(draft), headers=htmx).content.decode()
    assert f'hx-get="{detail_url(draft)}"' in part
    assert "<html" not in part
    assert "Waiting for a node of" in part


def test_new_pressed_twice_makes_one(signed_in, draft):
    signed_in.post(new_url(draft))
    signed_in.post(new_url(draft))
    assert Trial.objects.count() == 1


def test_new_on_a_deployment_that_cannot_score_says_so(signed_in, draft, used, htmx):
    used.status = "Failed"
    used.save()
    assert "cannot score" in signed_in.post(new_url(draft), headers=htmx).content.decode()
    assert "cannot score" in signed_in.post(new_url(draft), follow=True).content.decode()
    assert not Trial.objects.exists()


def test_new_of_data_that_is_gone_leads_to_the_step_that_mends_it(signed_in, draft):
    DataAsset.objects.all().delete()
    response = signed_in.post(new_url(draft), follow=True)
    assert response.redirect_chain[-1][0] == at(draft, "input")
    assert not Trial.objects.exists()


def test_new_takes_only_posts_of_the_owner(client, signed_in, draft):
    assert signed_in.get(new_url(draft)).status_code == 405
    client.force_login(factories.user())
    assert client.post(new_url(draft)).status_code == 404


def test_detail_shows_inputs_beside_predictions_and_what_failed(signed_in, draft, htmx):
    signed_in.post(new_url(draft))
    finish(Trial.Status.COMPLETED, result=RESULT)
    part = signed_in.get(detail_url(draft), headers=htmx).content.decode()
    assert "hx-trigger" not in part
    for shown in ("0.25", "prediction", "x&lt;b&gt;", "is not a number", "took 4.2 s", "Try again"):
        assert shown in part
    assert "The first 2 rows of a.csv." in part
    page = signed_in.get(detail_url(draft)).content.decode()
    assert "Back to Review" in page
    assert "<html" in page


def test_detail_shows_the_failure_with_its_traceback(signed_in, draft, htmx):
    signed_in.post(new_url(draft))
    finish(Trial.Status.FAILED, error="The model fell over.", traceback="Traceback <most recent>")
    part = signed_in.get(detail_url(draft), headers=htmx).content.decode()
    assert "The model fell over." in part
    assert "Traceback &lt;most recent&gt;" in part
    assert "hx-trigger" not in part


def test_detail_of_one_that_was_forgotten_ends_the_polling(signed_in, draft, htmx):
    signed_in.post(new_url(draft))
    address = detail_url(draft)
    Trial.objects.all().delete()
    part = signed_in.get(address, headers=htmx).content.decode()
    assert "This try is no longer kept." in part
    assert "hx-trigger" not in part


def test_detail_is_for_the_drafts_owner_alone(client, signed_in, draft):
    signed_in.post(new_url(draft))
    client.force_login(factories.user())
    assert client.get(detail_url(draft)).status_code == 404


def test_the_review_shows_the_newest_of_the_same_answers(signed_in, draft, used):
    page = signed_in.get(at(draft, "review")).content.decode()
    assert "Nothing is written to the output." in page
    signed_in.post(new_url(draft))
    finish(Trial.Status.COMPLETED, result=RESULT)
    assert "0.25" in signed_in.get(at(draft, "review")).content.decode()
    Trial.objects.update(settings={**Trial.objects.get().settings, "timeout": 7})
    assert "0.25" not in signed_in.get(at(draft, "review")).content.decode()
