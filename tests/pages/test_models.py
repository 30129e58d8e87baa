from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.models import ModelVersion, RegisteredModel, RegistryState
from tests import factories

INDEX = "/models/"
WHY = "It has no python_function flavor, so it cannot be scored without code."


def custom(name: str = "keras_thing", version: int = 1) -> ModelVersion:
    return factories.model_version(
        name, version, type=ModelVersion.Type.CUSTOM, flavors=["keras"], why_custom=WHY
    )


def test_index_asks_who_is_there(client: Client, db: None) -> None:
    assert client.get(INDEX)["Location"] == "/account/sign-in/?next=/models/"


def test_index_shows_the_latest_version_of_each_model(signed_in: Client) -> None:
    factories.model_version("titanic", 1, flavors=["xgboost"])
    factories.model_version("titanic", 2, flavors=["sklearn"], created_by="ada")
    RegisteredModel.objects.update(aliases={"champion": 1}, tags={"team": "risk"})
    answer = signed_in.get(INDEX)
    for shown in ("titanic", "MLFLOW", "sklearn", "champion: 1", "team: risk", "ada"):
        assert shown in answer.text
    rows = answer.text[answer.text.index("<tbody>") :]
    assert "xgboost" not in rows
    assert '<td class="numeric">2</td>' in rows


def test_index_says_why_a_custom_model_cannot_be_deployed(signed_in: Client) -> None:
    custom()
    answer = signed_in.get(INDEX)
    assert "CUSTOM" in answer.text
    assert WHY in answer.text


def test_index_shows_a_model_without_a_version(signed_in: Client) -> None:
    RegisteredModel.objects.create(name="empty", created_at=timezone.now(), updated_at=timezone.now())
    assert "No version yet" in signed_in.get(INDEX).text


def test_index_without_models_says_how_a_notebook_registers_one(signed_in: Client) -> None:
    answer = signed_in.get(INDEX)
    assert "No models yet" in answer.text
    assert 'mlflow.set_tracking_uri("http://127.0.0.1:9")' in answer.text


def test_index_without_models_reloads_when_the_first_is_there(
    signed_in: Client, htmx: dict[str, str]
) -> None:
    asked = {**htmx, "HX-Target": "models-empty"}
    assert "HX-Refresh" not in signed_in.get(INDEX, headers=asked).headers
    factories.model_version()
    assert signed_in.get(INDEX, headers=asked)["HX-Refresh"] == "true"


def test_index_answers_htmx_with_rows_that_ask_again(signed_in: Client, htmx: dict[str, str]) -> None:
    factories.model_version("titanic")
    answer = signed_in.get(f"{INDEX}?search=tita", headers=htmx)
    assert 'hx-get="/models/?search=tita" hx-trigger="every 1.5s"' in answer.text
    assert "<html" not in answer.text


def test_index_finds_by_name(signed_in: Client) -> None:
    factories.model_version("titanic")
    factories.model_version("diabetes")
    answer = signed_in.get(f"{INDEX}?search=TITA")
    assert "titanic" in answer.text
    assert "diabetes" not in answer.text


def test_index_says_that_mlflow_is_away_and_since_when(signed_in: Client, htmx: dict[str, str]) -> None:
    factories.model_version("titanic")
    RegistryState.report()
    RegistryState.report(error="MLflow at http://nowhere does not answer: refused.")
    for answer in (signed_in.get(INDEX), signed_in.get(INDEX, headers=htmx)):
        assert "MLflow at http://nowhere does not answer" in answer.text
        assert "The models shown are those of <time" in answer.text
        assert "titanic" in answer.text


def test_index_asks_the_database_as_often_for_many_rows(
    signed_in: Client, queries: Callable[[], Any]
) -> None:
    factories.model_version()
    signed_in.get(INDEX)  # the row of the registry's state is made by the first look
    with queries() as few:
        signed_in.get(INDEX)
    for _number in range(10):
        factories.model_version()
    with queries() as many:
        signed_in.get(INDEX)
    assert len(many) == len(few)


def test_refresh_says_that_the_list_follows(signed_in: Client) -> None:
    answer = signed_in.post("/models/-/refresh/", follow=True)
    assert answer.redirect_chain == [("/models/", 302)]
    assert "Asking MLflow for its models" in answer.text


def test_refresh_leads_back_to_the_list_as_it_was(signed_in: Client) -> None:
    for referrer, back in (
        ("http://testserver/models/?search=tita&page=2", "/models/?search=tita&page=2"),
        ("http://elsewhere/models/?search=tita", "/models/"),
    ):
        answer = signed_in.post("/models/-/refresh/", headers={"Referer": referrer})
        assert answer["Location"] == back


def test_refresh_takes_no_get(signed_in: Client) -> None:
    assert signed_in.get("/models/-/refresh/").status_code == 405


def test_detail_shows_the_latest_version(signed_in: Client) -> None:
    factories.model_version("titanic", 1)
    factories.model_version("titanic", 2, signature=factories.signature(("Age", "double"), ("Sex", "string")))
    answer = signed_in.get("/models/titanic/")
    for shown in ("Version 2", "Age", "double", "Sex", "string", "3.17.2", "scikit-learn==1.9.1", "3.11.7"):
        assert shown in answer.text
    assert 'href="/models/titanic/versions/1/"' in answer.text


def test_detail_shows_the_version_that_is_asked_for(signed_in: Client) -> None:
    factories.model_version("titanic", 1, description="the first")
    factories.model_version("titanic", 2, description="the second")
    answer = signed_in.get("/models/titanic/versions/1/")
    assert "the first" in answer.text
    assert "the second" not in answer.text
    assert 'href="/deployments/new/?model=titanic&amp;version=1"' in answer.text


def test_detail_links_the_run_in_mlflow(signed_in: Client) -> None:
    factories.model_version("titanic", run_id="ab12")
    assert 'href="http://127.0.0.1:9/#/runs/ab12"' in signed_in.get("/models/titanic/").text


def test_detail_shows_a_tensor_signature(signed_in: Client) -> None:
    tensor = {"name": None, "dtype": "float32", "shape": [-1, 28, 28]}
    signature = {"inputs": [], "outputs": [], "input_tensors": [tensor], "output_tensors": []}
    factories.model_version("digits", signature=signature)
    assert "float32 (any × 28 × 28)" in signed_in.get("/models/digits/").text


def test_detail_of_a_custom_model_cannot_deploy_and_says_why(signed_in: Client) -> None:
    custom()
    answer = signed_in.get("/models/keras_thing/")
    assert "This version cannot be deployed" in answer.text
    assert WHY in answer.text
    assert "/deployments/new/" not in answer.text


def test_endpoints_names_the_deployments_of_the_version(signed_in: Client) -> None:
    used = factories.deployment(model_version=factories.model_version("titanic"))
    answer = signed_in.get("/models/titanic/versions/1/endpoints/")
    assert f'href="/endpoints/{used.endpoint.name}/deployments/{used.name}/"' in answer.text


@pytest.mark.parametrize("path", ["/models/nobody/", "/models/titanic/versions/9/"])
def test_detail_of_nothing_is_not_found(signed_in: Client, path: str) -> None:
    factories.model_version("titanic")
    assert signed_in.get(path).status_code == 404


def test_detail_opens_for_names_that_look_like_addresses(signed_in: Client) -> None:
    for name in ("refresh", "new", "a model & more?", "100 % sure"):
        version = factories.model_version(name)
        answer = signed_in.get(INDEX)
        assert answer.status_code == 200
        path = f"/models/{version.registered_model.name.replace('%', '%25').replace('?', '%3F').replace(' ', '%20')}/"
        assert signed_in.get(path).status_code == 200


def test_detail_takes_no_post(signed_in: Client) -> None:
    factories.model_version("titanic")
    assert signed_in.post("/models/titanic/").status_code == 405


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("type=CUSTOM", {"keras_thing"}),
        ("flavor=xgboost", {"boosted"}),
        ("flavor=sklearn&type=MLFLOW", {"titanic"}),
        ("alias=champion", {"boosted"}),
        ("search=champion", {"boosted"}),
        ("search=health", {"titanic"}),
        ("type=nonsense", set()),
    ],
)
def test_index_filters_by_what_the_latest_version_is(signed_in: Client, query: str, shown: set[str]) -> None:
    custom()
    factories.model_version("titanic", 1, flavors=["xgboost"])
    factories.model_version("titanic", 2)
    factories.model_version("boosted", flavors=["xgboost"])
    RegisteredModel.objects.filter(name="boosted").update(aliases={"champion": 1})
    RegisteredModel.objects.filter(name="titanic").update(tags={"team": "health"})
    answer = signed_in.get(f"{INDEX}?{query}")
    assert {
        name for name in ("keras_thing", "titanic", "boosted") if f"/models/{name}/" in answer.text
    } == shown
