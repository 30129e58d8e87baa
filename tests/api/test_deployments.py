from typing import Any

import pytest

from studio.models import Deployment
from tests import factories
from tests.api.programs import Program


@pytest.fixture
def azure() -> dict[str, Any]:
    """The body of Azure's documentation, with what is there in the studio."""
    factories.endpoint("churn")
    factories.model_version("risk", version=2)
    factories.cluster("cpu-cluster", slots=4, max_nodes=2)
    return {
        "location": "westeurope",
        "properties": {
            "model": {
                "referenceType": "Id",
                "assetId": "/subscriptions/s/workspaces/w/models/risk/versions/2",
            },
            "compute": "/subscriptions/s/workspaces/w/computes/cpu-cluster",
            "resources": {"instanceCount": 2},
            "maxConcurrencyPerInstance": "4",
            "retrySettings": {"maxRetries": 1, "timeout": "PT45S"},
            "errorThreshold": "10",
            "loggingLevel": "Info",
            "miniBatchSize": "5",
            "outputAction": "AppendRow",
        },
    }


def properties(program: Program, body: dict[str, Any], wanted: int = 201) -> dict[str, Any]:
    found: dict[str, Any] = program.put("/endpoints/churn/deployments/first", body, wanted=wanted)[
        "properties"
    ]
    return found


def test_azures_body_makes_a_deployment(scientist: Program, azure: dict[str, Any]) -> None:
    made = properties(scientist, azure)
    assert made["provisioningState"] == "Creating"
    assert made["model"]["assetId"] == "azureml:risk:2"
    assert made["retrySettings"] == {"maxRetries": 1, "timeout": "PT45S"}
    assert made["resources"] == {"instanceCount": 2}
    assert (made["miniBatchSize"], made["errorThreshold"], made["maxConcurrencyPerInstance"]) == (5, 10, 4)
    assert made["writeHeader"] is False  # Azure's layout
    [listed] = scientist.get("/endpoints/churn/deployments")["value"]
    assert listed["id"] == "/api/endpoints/churn/deployments/first"
    assert scientist.get("/endpoints/churn/deployments/first/log")["text"] == ""
    deployment = Deployment.objects.get()
    assert (deployment.wants_default, deployment.created_by) == (True, scientist.owner)


def test_what_is_left_out_is_as_azure_has_it_or_the_studio(scientist: Program, azure: dict[str, Any]) -> None:
    azure["properties"] = {"model": {"assetId": "azureml:risk@latest"}, "compute": "azureml:cpu-cluster"}
    made = properties(scientist, azure)
    assert (made["maxConcurrencyPerInstance"], made["miniBatchSize"], made["splitSize"]) == (1, 10, 32 << 20)
    assert made["environment"]["edited"] is False


def test_the_studios_own_settings_and_an_environment_of_ones_own(
    scientist: Program, azure: dict[str, Any]
) -> None:
    own = {"python": "3.11", "packages": ["mlflow==3.17.2", "scikit-learn==1.9.1"]}
    more = {
        "environment": own,
        "maxConcurrencyPerInstance": None,
        "writeHeader": True,
        "passThrough": ["id"],
        "environmentVariables": {"TZ": "UTC"},
        "makeDefault": False,
    }
    azure["properties"] |= more
    made = properties(scientist, azure)
    assert made["environment"]["edited"] is True
    assert "scikit-learn==1.9.1" in made["environment"]["packages"]
    assert {name: made[name] for name in ("writeHeader", "passThrough", "environmentVariables")} == {
        name: more[name] for name in ("writeHeader", "passThrough", "environmentVariables")
    }
    assert made["maxConcurrencyPerInstance"] is None
    assert Deployment.objects.get().wants_default is False
    assert (
        properties(scientist, azure, wanted=200)["environment"] == made["environment"]
    )  # sent again, it is no change
    own["packages"].append("pandas==2.2.3")
    assert "Create another one" in scientist.refused(
        "put", "/endpoints/churn/deployments/first", azure, status=409
    )


def test_settings_are_edited_and_what_is_left_out_stays(scientist: Program, azure: dict[str, Any]) -> None:
    properties(scientist, azure)
    edited = properties(scientist, {"properties": {"miniBatchSize": 20}, "tags": {"a": "b"}}, wanted=200)
    assert (edited["miniBatchSize"], edited["errorThreshold"], edited["retrySettings"]["timeout"]) == (
        20,
        10,
        "PT45S",
    )
    assert properties(scientist, azure, wanted=200)["miniBatchSize"] == 5
    factories.model_version("risk", version=3)
    other = {"properties": {"model": {"assetId": "azureml:risk:3"}}}
    said = scientist.refused("put", "/endpoints/churn/deployments/first", other, status=409)
    assert "Create another one" in said


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"model": {"assetId": "azureml:risk:9"}}, 404, "has no version 9"),
        ({"model": {"assetId": "azureml:risk@champion"}}, 404, "no version or alias “champion”"),
        ({"model": {"assetId": "risk"}}, 400, "names no model"),
        ({"compute": "azureml:gone"}, 404, "There is no cluster “gone”"),
        ({"resources": {"instanceCount": 9}}, 400, "at most 2 nodes"),
        ({"miniBatchSize": 0}, 400, "miniBatchSize: Ensure this value is greater than or equal to 1"),
        ({"outputFileName": "a/b.csv"}, 400, "The name must not contain /"),
        ({"environment": {"python": "3.11", "packages": ["-r x"]}}, 400, "-r x"),
        ({"codeConfiguration": {}}, 400, "properties.codeConfiguration: Extra inputs"),
        ({"retrySettings": {"timeout": "soon"}}, 400, "retrySettings.timeout: "),
    ],
)
def test_a_wrong_deployment_is_refused_with_a_sentence(
    scientist: Program, azure: dict[str, Any], change: dict[str, Any], status: int, says: str
) -> None:
    azure["properties"] |= change
    assert says in scientist.refused("put", "/endpoints/churn/deployments/first", azure, status=status)
    assert not Deployment.objects.exists()


def test_one_that_failed_is_retried_with_what_it_proposes(scientist: Program) -> None:
    failed = factories.deployment(
        Deployment.Status.FAILED, error="No.", instead={"mlflow==3.17.2": "mlflow==3.17.3"}
    )
    path = f"/endpoints/{failed.endpoint.name}/deployments/{failed.name}"
    assert scientist.get(path)["properties"]["instead"] == failed.instead
    said = scientist.refused("post", f"{path}/retry", {"instead": {"mlflow==3.17.2": "evil==1"}}, status=409)
    assert "Other packages are proposed" in said
    made = scientist.post(f"{path}/retry", {"instead": failed.instead}, wanted=202)
    assert made["properties"]["provisioningState"] == "Creating"
    assert "mlflow==3.17.3" in made["properties"]["environment"]["packages"]
    assert "Only a deployment that has failed" in scientist.refused("post", f"{path}/retry", status=409)


def test_one_is_deleted_unless_it_is_the_default_of_others(scientist: Program) -> None:
    home = factories.deployment(name="first").endpoint
    factories.deployment(endpoint=home, name="second", is_default=False)
    path = f"/endpoints/{home.name}/deployments"
    assert "default deployment" in scientist.refused("delete", f"{path}/first", status=409)
    scientist.delete(f"{path}/second")
    assert "has no deployment “second”" in scientist.refused("get", f"{path}/second", status=404)


def test_another_persons_deployment_is_left_alone_and_a_reader_makes_none(
    scientist: Program, reader: Program, azure: dict[str, Any]
) -> None:
    theirs = factories.deployment(created_by=factories.user("ada"))
    path = f"/endpoints/{theirs.endpoint.name}/deployments/{theirs.name}"
    assert "It belongs to ada" in scientist.refused("put", path, {"properties": {}}, status=403)
    reader.refused("put", "/endpoints/churn/deployments/first", azure, status=403)
