from studio.models import Deployment, Endpoint
from tests import factories
from tests.api.programs import Program


def test_an_endpoint_is_created_edited_and_deleted(scientist: Program) -> None:
    body = {
        "properties": {"description": "Nightly", "authMode": "aadToken"},
        "tags": {"team": "a"},
        "location": "x",
    }
    made = scientist.put("/endpoints/Churn", body, wanted=201)
    assert (made["id"], made["type"]) == ("/api/endpoints/churn", "batch_endpoint")
    assert made["properties"]["scoringUri"] == "http://testserver/api/endpoints/churn/jobs"
    assert made["properties"]["defaults"] is None
    assert made["systemData"]["createdBy"] == scientist.owner.username
    edited = scientist.put("/endpoints/churn", {"tags": {}})
    assert (edited["tags"], edited["properties"]["description"]) == ({}, "Nightly")
    assert [one["name"] for one in scientist.get("/endpoints?search=chu")["value"]] == ["churn"]
    scientist.delete("/endpoints/churn")
    assert not Endpoint.objects.exists()


def test_the_default_deployment_is_chosen_with_azures_words(scientist: Program) -> None:
    home = factories.deployment().endpoint
    factories.deployment(endpoint=home, name="second", is_default=False)
    body = {"properties": {"defaults": {"deploymentName": "second"}}}
    assert scientist.put(f"/endpoints/{home.name}", body)["properties"]["defaults"] == {
        "deploymentName": "second"
    }
    factories.deployment(Deployment.Status.FAILED, endpoint=home, name="third")
    for name, status in (("third", 409), ("gone", 404)):
        body = {"properties": {"description": "no", "defaults": {"deploymentName": name}}}
        assert f"“{name}”" in scientist.refused("put", f"/endpoints/{home.name}", body, status=status)
    assert Endpoint.objects.get().description == ""


def test_a_wrong_endpoint_is_refused_with_a_sentence(scientist: Program) -> None:
    assert "name: Use 3 to 32 characters" in scientist.refused("put", "/endpoints/1st", {})
    assert "properties.model: Extra inputs" in scientist.refused(
        "put", "/endpoints/churn", {"properties": {"model": 1}}
    )
    said = scientist.refused(
        "put", "/endpoints/churn", {"properties": {"defaults": {"deploymentName": "first"}}}
    )
    assert "has no deployment yet" in said
    assert "no endpoint “gone”" in scientist.refused("get", "/endpoints/gone", status=404)
    assert not Endpoint.objects.exists()


def test_an_edit_of_an_older_revision_is_refused(scientist: Program) -> None:
    factories.endpoint("churn")
    scientist.put("/endpoints/churn", {"tags": {"a": "b"}})
    body = {"properties": {"description": "late", "revision": 1}}
    assert "changed churn meanwhile" in scientist.refused("put", "/endpoints/churn", body, status=409)


def test_another_persons_endpoint_is_left_alone_and_a_reader_makes_none(
    scientist: Program, reader: Program
) -> None:
    factories.endpoint("churn", created_by=factories.user("ada"))
    assert "It belongs to ada" in scientist.refused("put", "/endpoints/churn", {"tags": {}}, status=403)
    assert "It belongs to ada" in scientist.refused("delete", "/endpoints/churn", status=403)
    reader.refused("put", "/endpoints/mine", {}, status=403)
