from typing import Any

import pytest
from django.test import Client

from studio.models import Cluster, Deployment, Draft, Endpoint, ModelVersion
from tests import factories
from tests.pages.deployment_drafts import DEPLOYMENT, answered, at


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
        ({"environment_variables": "A=1\0"}, "Null characters are not allowed."),
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
