"""The tabs of a model's page, and the dialogs over it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from studio.models import ModelVersion, RegisteredModel
from tests import factories

TABS = ["", "artifacts/", "endpoints/", "jobs/"]
FILES = [{"path": "MLmodel", "size": 700}, {"path": "data/<b>x</b>.pkl", "size": 9}]


@pytest.fixture
def version(db: None) -> ModelVersion:
    return factories.model_version("titanic", 3, artifacts=FILES)


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_opens(signed_in: Client, version: ModelVersion, tab: str) -> None:
    answer = signed_in.get(f"/models/titanic/versions/3/{tab}")
    assert answer.status_code == 200
    assert "Deploy to batch endpoint" in answer.text


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_says_in_words_that_the_version_is_gone(
    signed_in: Client, version: ModelVersion, tab: str
) -> None:
    answer = signed_in.get(f"/models/titanic/versions/9/{tab}")
    assert answer.status_code == 404
    assert "“titanic” has no version 9. It may have been deleted." in answer.text


@pytest.mark.parametrize("tab", TABS)
def test_tabs_take_no_post(signed_in: Client, version: ModelVersion, tab: str) -> None:
    assert signed_in.post(f"/models/titanic/versions/3/{tab}").status_code == 405


def test_a_page_open_over_a_deleted_model_loads_anew_and_says_so(
    signed_in: Client, htmx: dict[str, str], version: ModelVersion
) -> None:
    path = "/models/titanic/versions/3/jobs/"
    RegisteredModel.objects.all().delete()
    asked = {**htmx, "HX-Current-URL": f"http://testserver{path}"}
    assert signed_in.get(path, headers=asked)["HX-Refresh"] == "true"
    assert "There is no model “titanic”" in signed_in.get(path).text


def test_artifacts_shows_the_tree_and_says_so_when_mlflow_is_away(
    signed_in: Client, version: ModelVersion
) -> None:
    answer = signed_in.get("/models/titanic/versions/3/artifacts/")
    assert "&lt;b&gt;x&lt;" in answer.text
    assert "The file cannot be shown" in answer.text
    assert "MLflow at http://127.0.0.1:9 does not answer: no connection." in answer.text


def test_artifacts_of_a_file_that_is_not_there(signed_in: Client, version: ModelVersion) -> None:
    path = "/models/titanic/versions/3/artifacts/"
    assert "is not among the files" in signed_in.get(f"{path}?file=../secret").text
    assert signed_in.get(f"{path}download/?file=../secret").status_code == 404


def test_artifacts_answers_htmx_with_the_part(
    signed_in: Client, htmx: dict[str, str], version: ModelVersion
) -> None:
    answer = signed_in.get("/models/titanic/versions/3/artifacts/?file=data/none", headers=htmx)
    assert "<html" not in answer.text
    assert 'id="artifacts"' in answer.text


def test_download_artifact_takes_no_post(signed_in: Client, version: ModelVersion) -> None:
    assert signed_in.post("/models/titanic/versions/3/artifacts/download/").status_code == 405


@pytest.mark.parametrize(
    ("serialization", "said"),
    [
        ("cloudpickle", "It is stored as a pickle (cloudpickle)"),
        ("skops", "does not execute pickled code"),
        ("skops+code", "brings Python files of its own"),
        ("xgboost", "in the format of its own library: XGBoost"),
        ("script", "stored as a Python script, which runs"),
        ("", "Unknown whether loading this model runs code"),
    ],
)
def test_detail_says_what_loading_runs(signed_in: Client, serialization: str, said: str) -> None:
    factories.model_version("risk", serialization=serialization)
    assert said in signed_in.get("/models/risk/").text


def test_detail_shows_the_parameters_of_the_signature(signed_in: Client) -> None:
    params = [{"name": "temperature", "type": "double", "default": 0.5, "shape": None}]
    factories.model_version("risk", signature={**factories.signature(), "params": params})
    answer = signed_in.get("/models/risk/").text
    assert "temperature" in answer
    assert "Batch jobs score with these defaults." in answer


def test_detail_survives_names_of_every_kind(signed_in: Client) -> None:
    odd = '<script>alert("x")</script> ’🚀 مرحبا ' + "n" * 150
    version = factories.model_version("odd", description=odd, tags={odd[:200]: odd}, created_by=odd[:190])
    RegisteredModel.objects.update(name='odd’ "q" <i> 🚀 مرحبا', description=odd, aliases={"champion": 1})
    for tab in TABS:
        answer = signed_in.get(f'/models/odd’ "q" <i> 🚀 مرحبا/versions/{version.version}/{tab}')
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


def test_versions_lists_them_with_their_deployments(signed_in: Client, version: ModelVersion) -> None:
    factories.model_version("titanic", 4, description="better")
    factories.deployment(model_version=version)
    answer = signed_in.get("/models/titanic/versions/").text
    assert '<a href="/models/titanic/versions/3/endpoints/">1</a>' in answer
    assert "better" in answer
    assert "better" not in signed_in.get("/models/titanic/versions/?search=3").text.split("<tbody>")[1]


@pytest.mark.parametrize("path", ["/models/titanic/versions/", "/models/titanic/versions/3/endpoints/"])
def test_lists_ask_the_database_as_often_for_many_rows(
    signed_in: Client, queries: Callable[[], Any], version: ModelVersion, path: str
) -> None:
    factories.deployment(model_version=version)
    signed_in.get(path)
    with queries() as few:
        signed_in.get(path)
    for number in range(10, 20):
        factories.model_version("titanic", number)
        factories.deployment(model_version=version)
    with queries() as many:
        signed_in.get(path)
    assert len(many) == len(few)


def test_jobs_shows_those_that_ran_this_version_and_no_other(
    signed_in: Client, version: ModelVersion
) -> None:
    spec = {"signature": None, "environment": {}, "model_uri": "", "model_key": version.key}
    factories.job(deployment=factories.deployment(model_version=version), spec=spec, display_name="mine")
    other = factories.model_version("titanic", 4)
    factories.job(deployment=factories.deployment(model_version=other), display_name="others")
    answer = signed_in.get("/models/titanic/versions/3/jobs/").text
    assert "mine" in answer
    assert "others" not in answer


def test_delete_says_what_goes_and_who_stops_it(signed_in: Client, version: ModelVersion) -> None:
    answer = signed_in.get("/models/titanic/delete/").text
    assert "It goes from MLflow’s registry too, with its 1 version" in answer
    used = factories.deployment(model_version=version)
    for path in ("/models/titanic/delete/", "/models/titanic/versions/3/delete/"):
        answer = signed_in.get(path).text
        assert f"The deployment {used.endpoint.name}/{used.name} uses it." in answer
        assert f'href="/endpoints/{used.endpoint.name}/deployments/{used.name}/"' in answer


def test_delete_asks_for_the_name(signed_in: Client, version: ModelVersion) -> None:
    answer = signed_in.post("/models/titanic/delete/", {"confirm_name": "titan"})
    assert answer.status_code == 422
    assert "This is not its name" in answer.text
    assert ModelVersion.objects.count() == 1


def test_delete_is_refused_again_at_the_post(signed_in: Client, version: ModelVersion) -> None:
    factories.deployment(model_version=version)
    answer = signed_in.post("/models/titanic/delete/", {"confirm_name": "titanic"})
    assert answer.status_code == 403
    assert "uses it. Delete that deployment first." in answer.text
    assert ModelVersion.objects.count() == 1


def test_delete_changes_nothing_while_mlflow_is_away(signed_in: Client, version: ModelVersion) -> None:
    answer = signed_in.post("/models/titanic/versions/3/delete/", {"confirm_name": "titanic:3"})
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert ModelVersion.objects.count() == 1


def test_delete_selected_opens_the_dialog_of_the_row(signed_in: Client, version: ModelVersion) -> None:
    assert "Delete titanic?" in signed_in.get("/models/-/delete/?selected=titanic").text
    assert "Select one model" in signed_in.get("/models/-/delete/").text


@pytest.mark.parametrize("alias", ["latest", "v3", "two/words", "a" * 300])
def test_aliases_that_mlflow_refuses_are_said(signed_in: Client, version: ModelVersion, alias: str) -> None:
    answer = signed_in.post("/models/titanic/versions/3/aliases/", {"aliases": alias})
    assert answer.status_code == 422


def test_edit_refuses_tags_that_mlflow_refuses(signed_in: Client, version: ModelVersion) -> None:
    answer = signed_in.post("/models/titanic/edit/", {"description": "", "tags": "<b>=1"})
    assert answer.status_code == 422
    assert "is no name of a tag" in answer.text
