import re
from typing import Any

import pytest
from django.test import Client

from studio.models import Cluster, Deployment, Event, RegistryState
from tests import factories


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


def test_detail_and_card_say_why_files_are_never_divided(signed_in: Client) -> None:
    used = factories.deployment(is_divisible=False)
    reason = "the model scores parts of a file differently from the whole"
    assert f"never: {reason}" in signed_in.get(page_of(used)).text
    assert f"Files are never divided: {reason}." in signed_in.get(f"/endpoints/{used.endpoint.name}/").text


def test_detail_of_nothing_is_not_found(signed_in: Client) -> None:
    factories.endpoint("e")
    assert signed_in.get("/endpoints/e/deployments/none/").status_code == 404


def test_retry_creates_a_failed_one_again(signed_in: Client) -> None:
    failed = factories.deployment(Deployment.Status.FAILED, error="No module named features.")
    answer = signed_in.post(f"{page_of(failed)}retry/", follow=True)
    assert answer.redirect_chain == [(page_of(failed), 302)]
    failed.refresh_from_db()
    assert (failed.status, failed.error) == ("Creating", "")


INSTEAD = {"numpy==1.21.0": "numpy==1.23.2", "scikit-learn==1.0.2": "scikit-learn==1.1.3"}


@pytest.mark.parametrize("page", ["/endpoints/e/", "/endpoints/e/deployments/d/"])
def test_other_versions_are_offered_and_only_used_when_agreed_to(signed_in: Client, page: str) -> None:
    environment = {"python": "3.11.7", "requirements": ["mlflow==2.1.1", *INSTEAD], "notes": ["Kept."]}
    failed = factories.deployment(
        Deployment.Status.FAILED,
        name="d",
        endpoint=factories.endpoint("e"),
        environment=environment,
        instead=INSTEAD,
    )
    text = signed_in.get(page).text
    posted = {
        name: re.findall(rf'name="{name}" value="([^"]+)"', text) for name in ("requirement", "instead")
    }
    assert posted == {"requirement": list(INSTEAD), "instead": list(INSTEAD.values())}
    assert "numpy==1.23.2 instead of numpy==1.21.0" in text
    signed_in.post(f"{page_of(failed)}retry/", posted)
    failed.refresh_from_db()
    assert (failed.status, failed.instead, failed.has_own_environment) == ("Creating", {}, True)
    assert failed.packages == ["mlflow==2.1.1", *INSTEAD.values()]
    assert failed.environment["notes"] == [
        "Kept.",
        "numpy==1.21.0 cannot be installed here; numpy==1.23.2 is used instead, as ada agreed.",
        "scikit-learn==1.0.2 cannot be installed here; scikit-learn==1.1.3 is used instead, as ada agreed.",
    ]
    assert Event.objects.get(action="deployment.retry").details == {"instead": INSTEAD}


def test_a_plain_retry_changes_no_version(signed_in: Client) -> None:
    failed = factories.deployment(Deployment.Status.FAILED, instead=INSTEAD)
    before = failed.environment
    signed_in.post(f"{page_of(failed)}retry/")
    failed.refresh_from_db()
    assert (failed.status, failed.environment, failed.has_own_environment) == ("Creating", before, False)


def test_versions_that_were_not_proposed_are_refused(signed_in: Client) -> None:
    failed = factories.deployment(Deployment.Status.FAILED, instead=INSTEAD)
    posted = {"requirement": "numpy==1.21.0", "instead": "numpy==9"}
    answer = signed_in.post(f"{page_of(failed)}retry/", posted)
    assert answer.status_code == 403
    assert "Other packages are proposed by now." in answer.text
    failed.refresh_from_db()
    assert failed.status == "Failed"


def test_retry_of_one_that_has_succeeded_is_refused_with_the_reason(signed_in: Client) -> None:
    used = factories.deployment()
    answer = signed_in.post(f"{page_of(used)}retry/")
    assert answer.status_code == 403
    assert "Only a deployment that has failed can be tried again." in answer.text


def test_retry_takes_no_get(signed_in: Client) -> None:
    assert signed_in.get(f"{page_of(factories.deployment())}retry/").status_code == 405


NO_NODE = "Waiting for a node of cpu-cluster to start."
BOTH_PAGES = ["/endpoints/e/", "/endpoints/e/deployments/d/"]


@pytest.fixture
def creating(cluster: Cluster) -> Deployment:
    return factories.deployment(
        Deployment.Status.CREATING, name="d", endpoint=factories.endpoint("e"), cluster=cluster
    )


@pytest.mark.parametrize("path", BOTH_PAGES)
def test_a_waiting_deployment_says_that_no_node_is_there(
    signed_in: Client, creating: Deployment, htmx: dict[str, str], path: str
) -> None:
    factories.node()  # of another cluster
    for headers in ({}, htmx):
        assert NO_NODE in signed_in.get(path, headers=headers).text


@pytest.mark.parametrize("path", BOTH_PAGES)
def test_a_deployment_that_is_worked_on_waits_for_nothing(
    signed_in: Client, creating: Deployment, path: str
) -> None:
    factories.node(cluster=creating.cluster)
    RegistryState.report(error="MLflow at http://nowhere does not answer: refused.")
    Deployment.objects.update(**Deployment.taken_by("node-1"))
    answer = signed_in.get(path)
    assert "Waiting" not in answer.text
    assert "Its environment is built on the cluster" in answer.text


@pytest.mark.parametrize("path", BOTH_PAGES)
def test_a_waiting_deployment_says_that_mlflow_is_away(
    signed_in: Client, creating: Deployment, path: str
) -> None:
    factories.node(cluster=creating.cluster)
    RegistryState.report(error="MLflow at http://nowhere does not answer: refused.")
    answer = signed_in.get(path)
    assert "Waiting for MLflow, which has the files of the model. MLflow at http://nowhere" in answer.text


@pytest.mark.parametrize("path", BOTH_PAGES)
def test_a_waiting_deployment_says_that_the_broker_is_away(
    signed_in: Client, creating: Deployment, settings: Any, path: str
) -> None:
    factories.node(cluster=creating.cluster)
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
    assert "Waiting for the message broker, which does not answer." in signed_in.get(path).text


@pytest.mark.parametrize("path", BOTH_PAGES)
@pytest.mark.parametrize("status", [Deployment.Status.SUCCEEDED, Deployment.Status.FAILED])
def test_a_deployment_that_is_done_waits_for_nothing(
    signed_in: Client, cluster: Cluster, path: str, status: str
) -> None:
    factories.deployment(status, name="d", endpoint=factories.endpoint("e"), cluster=cluster)
    assert "Waiting" not in signed_in.get(path).text
