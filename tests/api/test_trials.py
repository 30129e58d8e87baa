"""*Try the first rows*, as programs ask for it."""

from typing import Any

import pytest
from django.utils import timezone

from studio.models import Datastore, Deployment, Event, Job, Trial
from tests import factories
from tests.api.programs import Program

RESULT = {
    "file": "a.csv",
    "predictions": ["prediction"],
    "inputs": ["x", "age"],
    "rows": [
        {"row": 0, "predictions": ["0.25"], "inputs": ["1", None], "message": ""},
        {"row": 1, "predictions": [None], "inputs": ["no", "2"], "message": "“no” is no number"},
    ],
}


@pytest.fixture
def deployment(store: Datastore) -> Deployment:
    """Its model needs the numbers x and age."""
    version = factories.model_version(signature=factories.signature(("x", "double"), ("age", "double")))
    return factories.deployment(model_version=version, endpoint=factories.endpoint("heart-batch"))


@pytest.fixture
def body(deployment: Deployment, store: Datastore) -> dict[str, Any]:
    factories.data_asset(store, {"a.csv": "x,age\n1,2\n"}, name="heart")
    return {"properties": {"InputData": {"data": {"Uri": "azureml:heart:1"}}}}


def test_the_first_rows_are_tried_with_the_body_of_an_invocation(
    scientist: Program, body: dict[str, Any], deployment: Deployment
) -> None:
    body["properties"] |= {"passThrough": ["age"], "retrySettings": {"timeout": "PT7S"}}
    asked = scientist.post("/endpoints/heart-batch/trials", body, wanted=202)
    assert (asked["status"], asked["result"], asked["deploymentName"]) == ("Waiting", None, deployment.name)
    assert "Waiting for a node of" in asked["waitingFor"]
    trial = Trial.objects.get()
    assert (trial.settings["timeout"], trial.settings["pass_through"]) == (7, ["age"])
    assert Event.objects.get(action="trial.request").through == "token"
    assert not Job.objects.exists()
    again = scientist.post("/endpoints/heart-batch/trials", body, wanted=202)
    assert again["id"] == asked["id"]


def test_a_trial_is_followed_to_its_rows(scientist: Program, deployment: Deployment) -> None:
    trial = factories.trial(deployment, scientist.owner)
    trial.move_to(Trial.Status.RUNNING)
    trial.move_to(Trial.Status.COMPLETED, finished_at=timezone.now(), seconds=4.2, result=RESULT)
    found = scientist.get(f"/endpoints/heart-batch/trials/{trial.pk}")
    assert (found["status"], found["waitingFor"], found["seconds"]) == ("Completed", "", 4.2)
    assert found["result"] == RESULT


def test_a_trial_of_somebody_else_or_of_another_endpoint_is_not_there(
    admin: Program, scientist: Program, deployment: Deployment
) -> None:
    trial = factories.trial(deployment, scientist.owner)
    for program, endpoint in ((admin, "heart-batch"), (scientist, "other")):
        said = program.refused("get", f"/endpoints/{endpoint}/trials/{trial.pk}", status=404)
        assert "no such trial of yours" in said


def test_data_that_lacks_a_column_is_refused_as_the_wizard_does(
    scientist: Program, body: dict[str, Any], store: Datastore
) -> None:
    factories.data_asset(store, {"b.csv": "x\n1\n"}, name="short")
    body["properties"]["InputData"]["data"]["Uri"] = "azureml:short:1"
    said = scientist.refused("post", "/endpoints/heart-batch/trials", body)
    assert "The model needs the column age" in said
    assert not Trial.objects.exists()


def test_a_deployment_that_cannot_score_tries_nothing(
    scientist: Program, body: dict[str, Any], deployment: Deployment
) -> None:
    Deployment.objects.update(status="Failed")
    assert "cannot score" in scientist.refused("post", "/endpoints/heart-batch/trials", body, status=409)
