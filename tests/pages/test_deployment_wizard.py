import re

import pytest
from django.test import Client

from studio.models import Cluster, Draft, ModelVersion, RegistryState, Role
from tests import factories
from tests.pages.deployment_drafts import answered, at


def test_new_asks_who_is_there(client: Client, db: None) -> None:
    assert client.get("/deployments/new/")["Location"] == "/account/sign-in/?next=/deployments/new/"


def test_new_begins_with_the_endpoint(signed_in: Client) -> None:
    answer = signed_in.get("/deployments/new/", follow=True)
    assert answer.redirect_chain[0][0] == at(Draft.objects.get(), "endpoint")
    assert "Create deployment" in answer.text
    for title in ("Endpoint", "Model", "Deployment", "Environment", "Compute", "Review"):
        assert title in answer.text
    assert '<a href="/endpoints/" aria-current="true">' in answer.text


def test_new_for_an_endpoint_begins_with_the_model(signed_in: Client) -> None:
    factories.endpoint("titanic")
    answer = signed_in.get("/deployments/new/?endpoint=titanic")
    assert answer["Location"] == at(Draft.objects.get(), "model")
    assert 'href="/endpoints/titanic/"' in signed_in.get(answer["Location"]).text  # Cancel


@pytest.mark.parametrize("query", ["model=titanic", "selected=titanic", "model=titanic&version=2"])
def test_new_for_a_model_has_it_chosen(signed_in: Client, query: str) -> None:
    factories.model_version("titanic", 1)
    newest = factories.model_version("titanic", 2)
    answer = signed_in.get(f"/deployments/new/?{query}")
    assert answer["Location"] == at(Draft.objects.get(), "endpoint")
    assert Draft.objects.get().answers["model"] == {"model_version": newest.pk}


def test_new_refuses_a_custom_model_with_the_reason(signed_in: Client) -> None:
    factories.model_version(
        "keras", type=ModelVersion.Type.CUSTOM, why_custom="It has no python_function flavor."
    )
    answer = signed_in.get("/deployments/new/?selected=keras", follow=True)
    assert answer.redirect_chain == [("/models/keras/", 302)]
    assert 'role="alert"' in answer.text
    assert not Draft.objects.exists()


def test_new_refuses_a_model_without_a_version(signed_in: Client) -> None:
    factories.model_version("titanic").delete()
    answer = signed_in.get("/deployments/new/?selected=titanic", follow=True)
    assert "has no version yet. One that is being registered shows up in seconds: look again." in answer.text
    assert not Draft.objects.exists()


def test_new_opened_again_takes_up_the_draft_that_was_not_touched(signed_in: Client) -> None:
    factories.model_version("titanic")
    first = signed_in.get("/deployments/new/")["Location"]
    assert signed_in.get("/deployments/new/")["Location"] == first
    assert signed_in.get("/deployments/new/?model=titanic")["Location"] != first
    signed_in.post(first, {"choice": "new", "name": "titanic"})
    assert signed_in.get("/deployments/new/")["Location"] != first


def test_new_makes_nothing_for_who_only_looks(signed_in: Client) -> None:
    assert signed_in.head("/deployments/new/").status_code == 200
    assert not Draft.objects.exists()


def test_new_for_nothing_is_not_found(signed_in: Client) -> None:
    assert signed_in.get("/deployments/new/?endpoint=none").status_code == 404
    assert signed_in.get("/deployments/new/?model=none").status_code == 404
    factories.model_version("titanic")
    for version in ("9", "²", "x", "9" * 30):
        assert signed_in.get(f"/deployments/new/?model=titanic&version={version}").status_code == 404


def test_new_takes_no_post(signed_in: Client) -> None:
    assert signed_in.post("/deployments/new/").status_code == 405


@pytest.mark.parametrize("step", ["endpoint", "review"])
def test_step_is_closed_to_others(draft: Draft, client: Client, step: str) -> None:
    client.force_login(factories.user())
    assert client.get(at(draft, step)).status_code == 404


def test_step_too_far_leads_to_the_first_open_one(signed_in: Client, draft: Draft) -> None:
    assert signed_in.get(at(draft, "review"))["Location"] == at(draft, "endpoint")


def test_step_that_is_none_is_not_found(signed_in: Client, draft: Draft) -> None:
    assert signed_in.get(at(draft, "nothing")).status_code == 404


@pytest.mark.parametrize("name", ["9lives", "ab", "two--dashes", "dash-", "under_score", "a" * 33, ""])
def test_endpoint_step_refuses_a_name_that_breaks_the_rule(
    signed_in: Client, draft: Draft, name: str
) -> None:
    answer = signed_in.post(at(draft, "endpoint"), {"choice": "new", "name": name})
    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert f'value="{name}"' in answer.text or not name


def test_endpoint_step_refuses_a_name_that_exists(signed_in: Client, draft: Draft) -> None:
    factories.endpoint("titanic")
    answer = signed_in.post(at(draft, "endpoint"), {"choice": "new", "name": "Titanic"})
    assert answer.status_code == 422
    assert "An endpoint with this name exists." in answer.text


def test_endpoint_step_keeps_the_name_in_lower_case(signed_in: Client, draft: Draft) -> None:
    answer = signed_in.post(at(draft, "endpoint"), {"choice": "new", "name": "Titanic", "tags": "team=risk"})
    assert answer["Location"] == at(draft, "model")
    draft.refresh_from_db()
    assert draft.answers["endpoint"] == {
        "choice": "new",
        "name": "titanic",
        "description": "",
        "tags": {"team": "risk"},
    }


def test_endpoint_step_refuses_tags_that_are_not_pairs(signed_in: Client, draft: Draft) -> None:
    answer = signed_in.post(at(draft, "endpoint"), {"choice": "new", "name": "titanic", "tags": "risk"})
    assert answer.status_code == 422
    assert "“risk” is not name=value." in answer.text


@pytest.mark.parametrize("field", ["name", "description", "tags"])
def test_endpoint_step_refuses_a_null_character(signed_in: Client, draft: Draft, field: str) -> None:
    answers = {"choice": "new", "name": "titanic", "tags": "team=risk"}
    answer = signed_in.post(at(draft, "endpoint"), {**answers, field: "team=ri\0sk"})
    assert answer.status_code == 422
    assert "Null characters are not allowed." in answer.text


def test_endpoint_step_needs_a_choice_among_existing_ones(signed_in: Client, draft: Draft) -> None:
    answer = signed_in.post(at(draft, "endpoint"), {"choice": "existing", "name": "9 wrong", "tags": "wrong"})
    assert answer.status_code == 422
    assert "Choose an endpoint, or create a new one." in answer.text
    assert answer.text.count('class="field-error"') <= 1


def test_endpoint_step_keeps_an_existing_one(signed_in: Client, draft: Draft) -> None:
    known = factories.endpoint("titanic")
    signed_in.post(at(draft, "endpoint"), {"choice": "existing", "endpoint": known.pk, "name": ""})
    draft.refresh_from_db()
    assert draft.answers["endpoint"] == {"choice": "existing", "endpoint": known.pk}


@pytest.mark.parametrize(("role", "is_open"), [(Role.DATA_SCIENTIST, False), (Role.ADMINISTRATOR, True)])
def test_deployment_step_leaves_the_default_to_who_may_change_it(
    client: Client, version: ModelVersion, cluster: Cluster, role: Role, is_open: bool
) -> None:
    owner = factories.user("owner")
    home = factories.deployment(endpoint=factories.endpoint("titanic", created_by=owner)).endpoint
    client.force_login(factories.user("bob", role))
    client.get("/deployments/new/?endpoint=titanic")
    draft = Draft.objects.get()
    answered(draft, version, cluster, endpoint={"choice": "existing", "endpoint": home.pk})
    page = client.get(at(draft, "deployment")).text
    field = re.findall(r'<input[^>]*name="make_default"[^>]*>', page)[0]
    assert ("checked" in field, "disabled" in field) == (is_open, not is_open)
    assert ("It belongs to owner." in page) is not is_open


def test_model_step_searches(
    signed_in: Client, draft: Draft, version: ModelVersion, htmx: dict[str, str]
) -> None:
    factories.model_version("diabetes")
    answered(draft, version, factories.cluster(), model={})
    answer = signed_in.get(f"{at(draft, 'model')}?search=diab", headers=htmx)
    assert "diabetes" in answer.text
    assert "titanic" not in answer.text
    assert "<html" not in answer.text


def test_model_step_shows_the_chosen_one_whatever_is_searched(
    signed_in: Client, draft: Draft, version: ModelVersion, htmx: dict[str, str]
) -> None:
    answered(draft, version, factories.cluster(), model={})
    answer = signed_in.get(f"{at(draft, 'model')}?search=nothing&model_version={version.pk}", headers=htmx)
    assert re.search(rf'value="{version.pk}"[^>]* checked', answer.text)
    assert "No model matches “nothing”." in answer.text


def test_model_step_disables_a_custom_model_and_says_why(
    signed_in: Client, draft: Draft, cluster: Cluster
) -> None:
    custom = factories.model_version(
        "keras", type=ModelVersion.Type.CUSTOM, why_custom="No python_function flavor."
    )
    answered(draft, custom, cluster)
    answer = signed_in.get(at(draft, "model"))
    assert re.search(rf'value="{custom.pk}"[^>]* disabled', answer.text)
    assert "No python_function flavor." in answer.text


def test_model_step_refuses_a_custom_model(signed_in: Client, draft: Draft, cluster: Cluster) -> None:
    custom = factories.model_version(
        "keras", type=ModelVersion.Type.CUSTOM, why_custom="No python_function flavor."
    )
    answered(draft, custom, cluster)
    answer = signed_in.post(at(draft, "model"), {"model_version": custom.pk})
    assert answer.status_code == 422
    assert "No python_function flavor." in answer.text


@pytest.mark.parametrize("value", ["", "0", "x", "²", "9" * 30])
def test_model_step_needs_a_model(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster, value: str
) -> None:
    answered(draft, version, cluster)
    assert signed_in.post(at(draft, "model"), {"model_version": value}).status_code == 422


@pytest.mark.parametrize("value", ["²", "x", "9" * 30])
def test_model_step_opens_whatever_the_address_says_is_chosen(
    signed_in: Client, draft: Draft, version: ModelVersion, value: str
) -> None:
    answered(draft, version, factories.cluster(), model={})
    assert signed_in.get(f"{at(draft, 'model')}?model_version={value}").status_code == 200


def test_model_step_says_that_mlflow_is_away(
    signed_in: Client, draft: Draft, version: ModelVersion, htmx: dict[str, str]
) -> None:
    answered(draft, version, factories.cluster(), model={})
    assert "MLflow is away" not in signed_in.get(at(draft, "model")).text
    RegistryState.report(error="MLflow at http://nowhere does not answer: refused.")
    for headers in ({}, htmx):
        answer = signed_in.get(at(draft, "model"), headers=headers)
        assert "MLflow at http://nowhere does not answer" in answer.text
