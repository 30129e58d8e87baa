from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.actions.drafts import answer_step
from studio.models import Cluster, Draft, Endpoint, ModelVersion
from studio.models.drafts import KEPT
from tests import factories
from tests.pages.deployment_drafts import answered, at

NEW = {"choice": "new", "name": "titanic", "description": "", "tags": {}}


def begin(person: Any, **answers: Any) -> Draft:
    """A draft of which one step has been answered."""
    draft = Draft.objects.create(owner=person, kind=Draft.Kind.DEPLOYMENT, answers={"preset": {}, **answers})
    answer_step(draft=draft, step="endpoint", answers=answers.get("endpoint", NEW))
    return draft


def test_discard_asks_who_is_there(client: Client, db: None) -> None:
    path = f"/drafts/{begin(factories.user()).key}/discard/"
    assert client.get(path)["Location"] == f"/account/sign-in/?next={path}"


def test_a_draft_is_offered_where_it_was_begun(signed_in: Client, person: Any, version: ModelVersion) -> None:
    home = factories.endpoint("screening")
    draft = begin(
        person,
        endpoint={"choice": "existing", "endpoint": home.pk},
        model={"model_version": version.pk},
    )
    for path in ("/endpoints/", "/endpoints/screening/"):
        text = signed_in.get(path).text
        assert "screening / titanic_survival_model_:1" in text
        assert f'href="{at(draft, "review")}"' in text
        assert f'href="/drafts/{draft.key}/discard/"' in text
    assert signed_in.get(at(draft, "review"))["Location"] == at(draft, "deployment")
    factories.endpoint("other")
    assert "You began" not in signed_in.get("/endpoints/other/").text


@pytest.mark.parametrize("kind", ["opened", "finished", "somebody else's", "too old"])
def test_a_draft_that_is_nothing_to_go_on_with_is_not_offered(
    signed_in: Client, person: Any, kind: str
) -> None:
    draft = begin(person)
    changes: dict[str, Any] = {
        "opened": {"answers": {"preset": {}}},
        "finished": {"finished_at": timezone.now()},
        "somebody else's": {"owner": factories.user()},
        "too old": {"updated_at": timezone.now() - KEPT - timedelta(minutes=1)},
    }
    Draft.objects.filter(pk=draft.pk).update(**changes[kind])
    assert "You began" not in signed_in.get("/endpoints/").text


def test_the_newest_drafts_are_offered_in_as_many_queries(
    signed_in: Client, person: Any, queries: Callable[[], Any]
) -> None:
    begin(person)
    with queries() as few:
        signed_in.get("/endpoints/")
    for number in range(4):
        begin(person, endpoint={**NEW, "name": f"titanic-{number}"})
    with queries() as many:
        answer = signed_in.get("/endpoints/")
    assert len(many) == len(few)
    assert answer.text.count("You began a deployment") == 3
    assert "There are older drafts." in answer.text


def test_a_job_draft_is_described(signed_in: Client, person: Any, rf: Any) -> None:
    from django.template import Context, Template

    home = factories.deployment().endpoint
    draft = Draft.objects.create(
        owner=person, kind=Draft.Kind.JOB, answers={"endpoint": home.pk, "preset": {}}
    )
    answer_step(draft=draft, step="settings", answers={"display_name": "brave_sun"})
    request = rf.get("/jobs/")
    request.user = person
    drawn = Template('{% unfinished_drafts "job" %}').render(Context({"request": request}))
    assert f"{home.name} / brave_sun" in drawn
    assert f'href="/jobs/drafts/{draft.key}/review/"' in drawn


def test_discard_asks_first_and_goes_back(signed_in: Client, person: Any, htmx: dict[str, str]) -> None:
    draft = begin(person)
    path = f"/drafts/{draft.key}/discard/"
    for headers in ({}, {**htmx, "HX-Current-URL": "http://testserver/endpoints/?search=x"}):
        asked = signed_in.get(path, headers=headers)
        assert "What you have answered in this wizard goes." in asked.text
    assert 'value="/endpoints/?search=x"' in asked.text
    answer = signed_in.post(path, {"back": "/endpoints/?search=x"}, follow=True)
    assert answer.redirect_chain == [("/endpoints/?search=x", 302)]
    assert "The draft is discarded." in answer.text
    assert not Draft.objects.exists()
    assert signed_in.post(path).status_code == 302  # again, from another tab


def test_discard_leads_to_no_other_host(signed_in: Client, person: Any) -> None:
    path = f"/drafts/{begin(person).key}/discard/"
    assert signed_in.post(path, {"back": "//example.org/"})["Location"] == "/endpoints/"


def test_discard_leaves_the_drafts_of_others(signed_in: Client) -> None:
    draft = begin(factories.user())
    signed_in.post(f"/drafts/{draft.key}/discard/")
    assert Draft.objects.exists()


def test_a_draft_that_is_gone_says_so(signed_in: Client, person: Any) -> None:
    draft = begin(person)
    Draft.objects.all().delete()
    for step in ("endpoint", "compute/cluster"):
        answer = signed_in.get(at(draft, step), follow=True)
        assert answer.redirect_chain == [("/endpoints/", 302)]
        assert "This draft was discarded, or left for more than 30 days. Begin again." in answer.text
    assert signed_in.post(at(draft, "endpoint"), NEW)["Location"] == "/endpoints/"


# ---- A stale draft leads to the step to mend


@pytest.mark.parametrize("step", ["model", "deployment", "review"])
def test_an_endpoint_that_was_deleted_is_chosen_anew(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster, step: str
) -> None:
    home = factories.endpoint()
    answered(draft, version, cluster, endpoint={"choice": "existing", "endpoint": home.pk})
    Endpoint.objects.all().delete()
    for answer in (signed_in.get(at(draft, step), follow=True), signed_in.post(at(draft, step), follow=True)):
        assert answer.redirect_chain == [(at(draft, "endpoint"), 302)]
        assert "The endpoint that you had chosen was deleted meanwhile." in answer.text


def test_a_cluster_that_was_deleted_is_chosen_anew(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    cluster.delete()
    answer = signed_in.post(at(draft, "review"), follow=True)
    assert answer.redirect_chain == [(at(draft, "compute"), 302)]
    assert "The cluster that you had chosen was deleted meanwhile." in answer.text


def test_a_cluster_that_has_become_smaller_is_said_on_review(
    signed_in: Client, draft: Draft, version: ModelVersion
) -> None:
    cluster = factories.cluster("big", max_nodes=3)
    answered(draft, version, cluster, compute={"cluster": cluster.pk, "instance_count": 3})
    Cluster.objects.update(max_nodes=1)
    for answer in (signed_in.get(at(draft, "review")), signed_in.post(at(draft, "review"))):
        assert "The cluster big has at most 1 node." in answer.text
        assert f'<a href="{at(draft, "compute")}">Edit</a>' in answer.text


def test_names_that_were_taken_meanwhile_are_said_on_review(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    used = factories.deployment(endpoint=factories.endpoint("titanic"), name="first")
    assert "An endpoint with this name exists." in signed_in.get(at(draft, "review")).text
    answered(draft, version, cluster, endpoint={"choice": "existing", "endpoint": used.endpoint.pk})
    assert "This endpoint has a deployment with this name." in signed_in.get(at(draft, "review")).text


def test_edited_packages_of_another_model_are_looked_at_anew(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    other = factories.model_version()
    own = {"own": True, "python": "3.11.7", "packages": "mlflow", "model_version": other.pk}
    answered(draft, version, cluster, environment=own)
    answer = signed_in.get(at(draft, "review"), follow=True)
    assert answer.redirect_chain == [(at(draft, "environment"), 302)]
    assert "were those of another model" in answer.text
    assert "Customise" in answer.text
