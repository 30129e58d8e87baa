import re
from typing import Any

import pytest
from django.test import Client

from studio.models import Cluster, Deployment, Draft, Endpoint, ModelVersion
from tests import factories

SETTINGS = {
    "output_action": "append_row",
    "output_file_name": "predictions.csv",
    "write_header": "on",
    "mini_batch_size": "10",
    "max_concurrency": "",
    "max_retries": "3",
    "timeout": "30",
    "error_threshold": "-1",
    "logging_level": "info",
}
DEPLOYMENT = {"name": "first", "make_default": "on", **SETTINGS}


@pytest.fixture
def version(db: None) -> ModelVersion:
    return factories.model_version("titanic_survival_model_")


@pytest.fixture
def cluster(db: None) -> Cluster:
    return factories.cluster("cpu-cluster")


@pytest.fixture
def draft(signed_in: Client) -> Draft:
    signed_in.get("/deployments/new/")
    return Draft.objects.get()


def at(draft: Draft, step: str) -> str:
    return f"/deployments/drafts/{draft.key}/{step}/"


def answered(draft: Draft, version: ModelVersion, cluster: Cluster, **answers: Any) -> Draft:
    """The draft with every step answered."""
    settings = {**SETTINGS, "write_header": True, "max_concurrency": None, "environment_variables": {}}
    numbers = ("mini_batch_size", "max_retries", "timeout", "error_threshold")
    draft.answers = {
        "preset": {},
        "endpoint": {"choice": "new", "name": "titanic", "description": "", "tags": {}},
        "model": {"model_version": version.pk},
        "deployment": {
            **{name: int(value) if name in numbers else value for name, value in settings.items()},
            "name": "first",
            "description": "",
            "tags": {},
            "make_default": True,
        },
        "environment": {},
        "compute": {"cluster": cluster.pk, "instance_count": 1},
        **answers,
    }
    draft.save()
    return draft


def test_new_asks_who_is_there(client: Client, db: None) -> None:
    assert client.get("/deployments/new/")["Location"] == "/account/sign-in/?next=/deployments/new/"


def test_new_begins_with_the_endpoint(signed_in: Client) -> None:
    answer = signed_in.get("/deployments/new/", follow=True)
    assert answer.redirect_chain[0][0] == at(Draft.objects.get(), "endpoint")
    assert "Create deployment" in answer.text
    for title in ("Endpoint", "Model", "Deployment", "Environment", "Compute", "Review"):
        assert title in answer.text


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
    assert "has no version yet. Register one first." in answer.text
    assert not Draft.objects.exists()


def test_new_for_nothing_is_not_found(signed_in: Client) -> None:
    assert signed_in.get("/deployments/new/?endpoint=none").status_code == 404
    assert signed_in.get("/deployments/new/?model=none").status_code == 404
    factories.model_version("titanic")
    assert signed_in.get("/deployments/new/?model=titanic&version=9").status_code == 404


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


@pytest.mark.parametrize("value", ["", "0", "x"])
def test_model_step_needs_a_model(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster, value: str
) -> None:
    answered(draft, version, cluster)
    assert signed_in.post(at(draft, "model"), {"model_version": value}).status_code == 422


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "9lives"}, "Use 3 to 32 characters"),
        ({"output_file_name": "bad:name.csv"}, "The name must not contain :"),
        ({"output_file_name": "predictions.txt"}, "The name must end in .csv or .parquet"),
        ({"timeout": "0"}, "greater than or equal to 1"),
        ({"error_threshold": "-2"}, "greater than or equal to -1"),
        ({"environment_variables": "PATH=/tmp"}, "PATH is set by the studio"),
        ({"environment_variables": "nothing"}, "is not name=value"),
    ],
)
def test_deployment_step_refuses(
    signed_in: Client,
    draft: Draft,
    version: ModelVersion,
    cluster: Cluster,
    wrong: dict[str, str],
    sentence: str,
) -> None:
    answered(draft, version, cluster)
    answer = signed_in.post(at(draft, "deployment"), {**DEPLOYMENT, **wrong})
    assert answer.status_code == 422
    assert sentence in answer.text


def test_deployment_step_refuses_a_name_that_the_endpoint_has(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    used = factories.deployment(name="first")
    answered(draft, version, cluster, endpoint={"choice": "existing", "endpoint": used.endpoint.pk})
    answer = signed_in.post(at(draft, "deployment"), DEPLOYMENT)
    assert answer.status_code == 422
    assert "This endpoint has a deployment with this name." in answer.text


def test_deployment_step_keeps_the_settings(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    changed = {**DEPLOYMENT, "timeout": "60", "environment_variables": "A=1", "tags": "team=risk"}
    assert signed_in.post(at(draft, "deployment"), changed)["Location"] == at(draft, "environment")
    draft.refresh_from_db()
    kept = draft.answers["deployment"]
    assert (kept["timeout"], kept["environment_variables"], kept["tags"]) == (
        60,
        {"A": "1"},
        {"team": "risk"},
    )
    assert kept["max_concurrency"] is None


def test_environment_step_shows_what_is_generated(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    answer = signed_in.get(at(draft, "environment"))
    assert "The scoring script and the environment are generated for the selected model." in answer.text
    assert "scikit-learn==1.9.1" in answer.text
    assert "3.11.7" in answer.text


def test_environment_step_stops_where_none_can_be_made(
    signed_in: Client, draft: Draft, cluster: Cluster
) -> None:
    files = {"requirements.txt": "git+https://example.org/own.git\n"}
    answered(draft, factories.model_version(environment_files=files), cluster)
    for answer in (signed_in.get(at(draft, "environment")), signed_in.post(at(draft, "environment"))):
        assert "is refused: packages come from the configured index only" in answer.text
    assert answer.status_code == 422


@pytest.mark.parametrize("step", ["environment", "compute", "review"])
def test_step_leads_back_to_the_models_when_the_chosen_one_is_gone(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster, step: str
) -> None:
    answered(draft, version, cluster)
    version.delete()
    answer = signed_in.get(at(draft, step), follow=True)
    assert answer.redirect_chain == [(at(draft, "model"), 302)]
    assert "no longer in the registry" in answer.text


def test_compute_step_shows_clusters(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    factories.node(cluster=cluster)
    answered(draft, version, cluster)
    answer = signed_in.get(at(draft, "compute"))
    assert "This machine · 2 slots per node · 1 of 1 nodes live" in answer.text


def test_compute_step_refuses_more_instances_than_the_cluster_has(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    answer = signed_in.post(at(draft, "compute"), {"cluster": cluster.pk, "instance_count": 2})
    assert answer.status_code == 422
    assert "The cluster cpu-cluster has at most 1" in answer.text


def test_compute_step_refuses_more_concurrency_than_slots(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    draft.answers["deployment"]["max_concurrency"] = 3
    draft.save()
    answer = signed_in.post(at(draft, "compute"), {"cluster": cluster.pk, "instance_count": 1})
    assert answer.status_code == 422
    assert "A node of cpu-cluster has 2 slots" in answer.text


def test_review_step_shows_every_answer_and_how_to_change_it(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    answer = signed_in.get(at(draft, "review"))
    for shown in (
        "titanic",
        "titanic_survival_model_:1",
        "first",
        "predictions.csv",
        "cpu-cluster",
        "Create deployment",
    ):
        assert shown in answer.text
    for step in ("endpoint", "model", "deployment", "environment", "compute"):
        assert f'href="{at(draft, step)}"' in answer.text


def test_review_step_creates_endpoint_and_deployment(
    signed_in: Client, person: Any, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    answer = signed_in.post(at(draft, "review"), follow=True)
    assert answer.redirect_chain == [("/endpoints/titanic/", 302)]
    assert "The deployment first is being created" in answer.text
    made = Deployment.objects.get()
    assert (made.endpoint.name, made.name, made.status, made.created_by) == (
        "titanic",
        "first",
        "Creating",
        person,
    )
    assert (made.model_version, made.cluster, made.wants_default) == (version, cluster, True)
    assert "scikit-learn==1.9.1" in made.environment["requirements"]


def test_review_step_pressed_twice_makes_one_deployment(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    for _time in range(2):
        assert signed_in.post(at(draft, "review"))["Location"] == "/endpoints/titanic/"
    assert Deployment.objects.count() == 1
    assert Endpoint.objects.count() == 1


def test_finished_draft_leads_to_what_it_became(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    signed_in.post(at(draft, "review"))
    assert signed_in.get(at(draft, "endpoint"))["Location"] == "/endpoints/titanic/"


def test_review_step_says_where_to_mend_a_name_that_was_taken_meanwhile(
    signed_in: Client, draft: Draft, version: ModelVersion, cluster: Cluster
) -> None:
    answered(draft, version, cluster)
    factories.endpoint("titanic")
    answer = signed_in.post(at(draft, "review"))
    assert answer.status_code == 422
    assert (
        f'An endpoint with this name exists. Choose another name. <a href="{at(draft, "endpoint")}"'
        in answer.text
    )
    assert not Deployment.objects.exists()


def test_detail_asks_who_is_there(client: Client, db: None) -> None:
    path = "/endpoints/e/deployments/d/"
    assert client.get(path)["Location"] == f"/account/sign-in/?next={path}"


def page_of(deployment: Deployment) -> str:
    return f"/endpoints/{deployment.endpoint.name}/deployments/{deployment.name}/"


def test_detail_follows_the_log_while_it_is_created(signed_in: Client, htmx: dict[str, str]) -> None:
    used = factories.deployment(Deployment.Status.CREATING, log="Building the environment.")
    answer = signed_in.get(page_of(used), headers={**htmx, "HX-Target": "log"})
    assert answer.text.strip().startswith('<pre class="log" id="log"')
    assert "Building the environment." in answer.text
    assert 'hx-trigger="every 2s"' in answer.text


def test_detail_stops_asking_when_it_has_succeeded(signed_in: Client, htmx: dict[str, str]) -> None:
    used = factories.deployment(log="Loaded in 1.2 s", notes=["Python 3.11.9 is used instead."])
    answer = signed_in.get(page_of(used))
    for shown in (
        "Succeeded",
        "Default",
        "Loaded in 1.2 s",
        "Python 3.11.9 is used instead.",
        "scikit-learn==1.9.1",
    ):
        assert shown in answer.text
    assert "every 2s" not in answer.text
    assert "every 2s" not in signed_in.get(page_of(used), headers={**htmx, "HX-Target": "log"}).text


def test_detail_shows_error_and_traceback_of_a_failed_one(signed_in: Client) -> None:
    failed = factories.deployment(
        Deployment.Status.FAILED, error="No module named features.", traceback="line 3"
    )
    answer = signed_in.get(page_of(failed))
    assert "No module named features." in answer.text
    assert "line 3" in answer.text
    assert f'action="{page_of(failed)}retry/"' in answer.text
    assert "is Failed and cannot score" in answer.text


def test_detail_of_nothing_is_not_found(signed_in: Client) -> None:
    factories.endpoint("e")
    assert signed_in.get("/endpoints/e/deployments/none/").status_code == 404


def test_retry_creates_a_failed_one_again(signed_in: Client) -> None:
    failed = factories.deployment(Deployment.Status.FAILED, error="No module named features.")
    answer = signed_in.post(f"{page_of(failed)}retry/", follow=True)
    assert answer.redirect_chain == [(page_of(failed), 302)]
    failed.refresh_from_db()
    assert (failed.status, failed.error) == ("Creating", "")


def test_retry_of_one_that_has_succeeded_is_refused_with_the_reason(signed_in: Client) -> None:
    used = factories.deployment()
    answer = signed_in.post(f"{page_of(used)}retry/")
    assert answer.status_code == 403
    assert "Only a deployment that has failed can be tried again." in answer.text


def test_retry_takes_no_get(signed_in: Client) -> None:
    assert signed_in.get(f"{page_of(factories.deployment())}retry/").status_code == 405
