"""What the wizard lets a person make of their own: the environment's packages, a cluster."""

from typing import Any

import pytest
from django.test import Client

from studio.models import Cluster, Deployment, Draft, ModelVersion
from tests import factories
from tests.pages.deployment_drafts import answered, at

CLUSTER = {
    "name": "big-cluster",
    "kind": "local",
    "slots": "1",
    "memory": "1",
    "min_nodes": "0",
    "max_nodes": "2",
    "idle_seconds": "120",
    "tier": "dedicated",
}


@pytest.fixture
def ready(draft: Draft, version: ModelVersion, cluster: Cluster) -> Draft:
    return answered(draft, version, cluster)


def test_customise_opens_what_was_generated(signed_in: Client, ready: Draft) -> None:
    answer = signed_in.get(f"{at(ready, 'environment')}?customise=1")
    assert "scikit-learn==1.9.1\ncloudpickle==3.1.2" in answer.text
    assert "3.11.7 (the model’s own)" in answer.text
    assert 'name="own" value="on"' in answer.text


def test_own_packages_are_kept_shown_and_deployed(signed_in: Client, ready: Draft) -> None:
    own = {"own": "on", "python": "3.11.7", "packages": "mlflow==3.17.2\ntqdm==4.67.1"}
    assert signed_in.post(at(ready, "environment"), own)["Location"] == at(ready, "compute")
    assert "tqdm==4.67.1" in signed_in.get(at(ready, "environment")).text
    review = signed_in.get(at(ready, "review")).text
    assert "mlflow==3.17.2, tqdm==4.67.1, pyarrow, pandas" in review
    assert "yes, edited by you" in review
    signed_in.post(at(ready, "review"))
    made = Deployment.objects.get()
    assert made.has_own_environment
    assert "tqdm==4.67.1" in made.packages


def test_reset_goes_back_to_what_is_generated(signed_in: Client, ready: Draft) -> None:
    own = {"own": "on", "python": "3.11.7", "packages": "mlflow==3.17.2\ntqdm==4.67.1"}
    signed_in.post(at(ready, "environment"), own)
    answer = signed_in.get(f"{at(ready, 'environment')}?generated=1")
    assert "Customise" in answer.text
    assert "tqdm" not in answer.text
    signed_in.post(at(ready, "environment"))
    ready.refresh_from_db()
    assert ready.answers["environment"] == {}


@pytest.mark.parametrize(
    ("packages", "sentences"),
    [
        ("", ["mlflow must stay"]),
        ("pandas==2.2.3\n--index-url https://example.org", ["options such as an index", "mlflow must stay"]),
        ("mlflow\npandas==x", ["x is no version"]),
        ("mlflow\n<b>\"'", ["is not understood"]),
    ],
)
def test_packages_that_are_refused_say_why_line_by_line(
    signed_in: Client, ready: Draft, packages: str, sentences: list[str]
) -> None:
    answer = signed_in.post(at(ready, "environment"), {"own": "on", "python": "3.11.7", "packages": packages})
    assert answer.status_code == 422
    for sentence in sentences:
        assert sentence in answer.text
    assert 'name="own" value="on"' in answer.text
    ready.refresh_from_db()
    assert ready.answers["environment"] == {}


@pytest.mark.parametrize("python", ["", "2.7", "3.11; rm"])
def test_a_python_that_is_not_offered_is_refused(signed_in: Client, ready: Draft, python: str) -> None:
    own = {"own": "on", "python": python, "packages": "mlflow"}
    assert signed_in.post(at(ready, "environment"), own).status_code == 422


def test_new_cluster_opens_as_a_page_and_as_a_dialog(
    signed_in: Client, ready: Draft, htmx: dict[str, str]
) -> None:
    path = at(ready, "compute/cluster")
    assert f'href="{path}"' in signed_in.get(at(ready, "compute")).text
    for headers in ({}, htmx):
        text = signed_in.get(path, headers=headers).text
        assert f'action="{path}"' in text
        assert ("<html" in text) is not bool(headers)


def test_new_cluster_is_chosen_back_in_the_step(signed_in: Client, ready: Draft) -> None:
    answer = signed_in.post(at(ready, "compute/cluster"), CLUSTER)
    made = Cluster.objects.get(name="big-cluster")
    assert answer["Location"] == f"{at(ready, 'compute')}?cluster={made.pk}"
    text = signed_in.get(answer["Location"]).text
    assert "The cluster big-cluster is created." in text
    chosen = next(part for part in text.split("<input") if " checked" in part)
    assert f'value="{made.pk}"' in chosen


@pytest.mark.parametrize("wrong", [{"name": "cpu-cluster"}, {"name": "9"}, {"slots": "0"}, {"max_nodes": ""}])
def test_new_cluster_refuses(signed_in: Client, ready: Draft, wrong: dict[str, str]) -> None:
    answer = signed_in.post(at(ready, "compute/cluster"), {**CLUSTER, **wrong})
    assert answer.status_code == 422
    assert not Cluster.objects.filter(name="big-cluster").exists()


def test_new_cluster_comes_not_before_its_step(signed_in: Client, draft: Draft) -> None:
    assert signed_in.get(at(draft, "compute/cluster"))["Location"] == at(draft, "endpoint")


def test_new_cluster_is_closed_to_others(ready: Draft, client: Client) -> None:
    client.force_login(factories.user())
    assert client.get(at(ready, "compute/cluster")).status_code == 404


@pytest.mark.parametrize("value", ["²", "x", "9" * 30, "0"])
def test_compute_step_opens_whatever_the_address_says_is_chosen(
    signed_in: Client, ready: Draft, value: str
) -> None:
    assert signed_in.get(f"{at(ready, 'compute')}?cluster={value}").status_code == 200


def test_a_draft_discarded_in_another_tab_creates_nothing(signed_in: Client, ready: Draft) -> None:
    Draft.objects.all().delete()
    answer: Any = signed_in.post(at(ready, "review"), follow=True)
    assert "Begin again." in answer.text
    assert not Deployment.objects.exists()
