"""The REST endpoint, with the bodies of Azure's documentation."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from studio.models import Datastore, Deployment, Endpoint, Event, Job, Role
from tests import factories
from tests.api.asking import ask

LONG = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/"


@pytest.fixture
def deployment(store: Datastore) -> Deployment:
    """Its model needs the numbers x and age."""
    version = factories.model_version(signature=factories.signature(("x", "double"), ("age", "double")))
    return factories.deployment(
        model_version=version,
        endpoint=factories.endpoint("heart-batch"),
        cluster=factories.cluster(max_nodes=2),
    )


@pytest.fixture
def data(store: Datastore) -> str:
    """Path of a folder in the default datastore."""
    return str(factories.data_asset(store, {"a.csv": "x,age\n1,2\n"}, name="heart").path)


@pytest.fixture
def raw(db: None) -> str:
    return factories.token(factories.user("ada", role=Role.DATA_SCIENTIST), scope="run")[1]


def invoke(raw: str, uri: str, *, endpoint: str = "heart-batch", kind: str = "UriFolder", **rest: Any) -> Any:
    headers = rest.pop("headers", {})
    properties = {"InputData": {"heart_data": {"JobInputType": kind, "Uri": uri}}, **rest}
    return ask(raw, "POST", f"/api/endpoints/{endpoint}/jobs", {"properties": properties}, headers=headers)


def message(answer: Any) -> str:
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    return str(error["message"])


def test_an_invocation_answers_with_azures_envelope(
    raw: str, deployment: Deployment, store: Datastore, data: str
) -> None:
    answer = invoke(raw, f"azureml://datastores/{store.name}/paths/{data}")
    assert answer.status_code == 201, answer.content
    found, job = answer.json(), Job.objects.get()
    assert found["name"] == job.name
    assert found["type"] == "ScoringStudio/batchEndpoints/jobs"
    assert found["properties"]["status"] == "Queued"
    assert found["properties"]["provisioningState"] == "InProgress"
    assert found["properties"]["deploymentName"] == deployment.name
    assert found["properties"]["interactionEndpoints"]["Studio"]["endpoint"].endswith(f"/jobs/{job.name}/")
    assert found["properties"]["OutputData"]["score"]["Uri"].endswith(f"azureml/{job.name}/score")
    assert found["systemData"]["createdBy"] == "ada"
    followed = ask(raw, "GET", f"/api/endpoints/heart-batch/jobs/{job.name}")
    assert answer["Location"].endswith(f"/api/endpoints/heart-batch/jobs/{job.name}")
    assert followed.json() == found


def test_nothing_is_read_twice(
    raw: str, deployment: Deployment, store: Datastore, data: str, queries: Any
) -> None:
    """However much there is to choose from."""
    invoke(raw, "azureml:heart:1")  # which notes the use of the token
    with queries() as few:
        assert invoke(raw, "azureml:heart:1").status_code == 201
    for number in range(5):
        factories.deployment(
            endpoint=deployment.endpoint, model_version=deployment.model_version, is_default=False
        )
        factories.data_asset(store, {"a.csv": "x,age\n1,2\n"}, name=f"other-{number}")
        factories.datastore(Path(store.options["root"]) / str(number), is_default=False)
    with queries() as many:
        assert invoke(raw, "azureml:heart:1").status_code == 201
    asked = [query["sql"] for query in many if "SAVEPOINT" not in query["sql"]]
    assert len(many) == len(few)
    assert len(asked) <= 12, "\n".join(asked)


def test_the_act_is_on_record_with_its_token(
    raw: str, deployment: Deployment, store: Datastore, data: str
) -> None:
    invoke(raw, f"azureml://datastores/{store.name}/paths/{data}")
    event = Event.objects.get(action="job.submit")
    assert (event.through, event.actor.username, event.token[-2:]) == ("token", "ada", raw[-1] + ")")


@pytest.mark.parametrize(
    "uri",
    [
        "azureml:heart:1",
        "azureml:heart@latest",
        LONG + "data/heart/versions/1",
        "/subscriptions/s/resourceGroups/g/workspaces/w/data/heart/versions/1",
        "azureml://locations/l/workspaces/w/data/heart/versions/labels/latest",
        "azureml://locations/l/workspaces/w/data/heart/labels/latest",
    ],
)
def test_a_data_asset_is_read_by_any_of_its_names(
    raw: str, deployment: Deployment, data: str, uri: str
) -> None:
    answer = invoke(raw, uri)
    assert answer.status_code == 201, answer.content
    assert str(Job.objects.get().input_asset) == "heart:1"


@pytest.mark.parametrize(
    "form", ["azureml://datastores/", LONG + "datastores/", "/subscriptions/s/datastores/"]
)
def test_a_datastore_path_is_read_in_each_form(
    raw: str, deployment: Deployment, store: Datastore, data: str, form: str
) -> None:
    answer = invoke(raw, f"{form}{store.name}/paths/{data}/a.csv", kind="UriFile")
    assert answer.status_code == 201, answer.content
    assert Job.objects.get().input_path == f"{data}/a.csv"


def test_an_https_address_is_read(raw: str, deployment: Deployment, web: Any) -> None:
    answer = invoke(raw, web.put("/a.csv", b"x,age\n1,2\n"), kind="UriFile")
    assert answer.status_code == 201, answer.content
    assert Job.objects.get().input_datastore.is_address


@pytest.mark.parametrize("capital", [True, False])
def test_overrides_reach_the_job_and_nothing_else_does(
    raw: str, deployment: Deployment, store: Datastore, data: str, capital: bool
) -> None:
    overrides = {
        "miniBatchSize": "7",
        "errorThreshold": 3,
        "retrySettings": {"maxRetries": 2, "timeout": "PT45S"},
        "maxConcurrencyPerInstance": 1,
        "loggingLevel": "Debug",
        "outputFileName": "mine.csv",
        "compute": {"instanceCount": 2},
    }
    if capital:
        overrides = {name[0].upper() + name[1:]: value for name, value in overrides.items()}
    answer = invoke(raw, f"azureml://datastores/{store.name}/paths/{data}", **overrides)
    assert answer.status_code == 201, answer.content
    job = Job.objects.get()
    changed = {name: job.settings[name] for name, origin in job.setting_origins.items() if origin == "job"}
    assert changed == {
        "mini_batch_size": 7,
        "error_threshold": 3,
        "max_retries": 2,
        "timeout": 45,
        "max_concurrency": 1,
        "logging_level": "debug",
        "output_file_name": "mine.csv",
        "instance_count": 2,
    }


def test_output_data_names_the_folder_and_the_file(
    raw: str, deployment: Deployment, store: Datastore, data: str
) -> None:
    place = f"azureml://datastores/{store.name}/paths/out/nov/p.csv"
    answer = invoke(raw, "azureml:heart:1", outputData={"score": {"jobOutputType": "UriFile", "uri": place}})
    assert answer.status_code == 201, answer.content
    job = Job.objects.get()
    assert (job.output_path, job.output_file_name) == ("out/nov", "p.csv")


@pytest.mark.parametrize(
    ("uri", "rest", "status", "says"),
    [
        ("azureml:nothing:1", {}, 404, "There is no data asset “nothing”."),
        ("azureml:heart:9", {}, 404, "has no version 9"),
        ("azureml://datastores/nowhere/paths/x", {}, 404, "There is no datastore “nowhere”."),
        ("ftp://x/y", {}, 400, "names no data"),
        ("azureml:narrow:1", {}, 400, "The model needs the column age, which this input does not have."),
        ("azureml:heart:1", {"miniBatchSize": 0}, 400, "properties.miniBatchSize: Ensure this value is"),
        ("azureml:heart:1", {"outputFileName": "x.txt"}, 400, "properties.outputFileName:"),
        ("azureml:heart:1", {"miniBatchsize": 5}, 400, "properties.miniBatchsize"),
        ("azureml:heart:1", {"passThrough": ["id"]}, 400, "The column id, to be passed through, is not in"),
        ("azureml:heart:1", {"retrySettings": {"timeout": "soon"}}, 400, "properties.retrySettings.timeout"),
        ("azureml:heart:1", {"headers": {"azureml-model-deployment": "green"}}, 404, "no deployment “green”"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_to_do(
    raw: str, deployment: Deployment, store: Datastore, data: str, uri: str, rest: Any, status: int, says: str
) -> None:
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="narrow")
    answer = invoke(raw, uri, **rest)
    assert answer.status_code == status, answer.content
    assert says in message(answer)
    assert not Job.objects.exists()


def test_the_header_chooses_the_deployment(raw: str, deployment: Deployment, data: str) -> None:
    endpoint = deployment.endpoint
    other = factories.deployment(
        endpoint=endpoint, is_default=False, model_version=deployment.model_version, name="green"
    )
    answer = invoke(raw, "azureml:heart:1", headers={"azureml-model-deployment": "green"})
    assert answer.json()["properties"]["deploymentName"] == other.name


def test_without_a_default_deployment_the_header_is_asked_for(
    raw: str, deployment: Deployment, data: str
) -> None:
    Endpoint.objects.update(default_deployment=None)
    answer = invoke(raw, "azureml:heart:1")
    assert answer.status_code == 400
    assert "azureml-model-deployment" in message(answer)


@pytest.mark.parametrize("header", ["Idempotency-Key", "repeatability-request-id"])
def test_a_repeat_with_the_same_key_returns_the_first_job(
    raw: str, deployment: Deployment, store: Datastore, data: str, header: str
) -> None:
    place = f"azureml://datastores/{store.name}/paths/fixed"
    rest = {
        "OutputData": {"score": {"JobOutputType": "UriFolder", "Uri": place}},
        "headers": {header: "nightly 2026-11-26"},
    }
    first, second = invoke(raw, "azureml:heart:1", **rest), invoke(raw, "azureml:heart:1", **rest)
    assert (first.status_code, second.status_code) == (201, 201), second.content
    assert first.json()["name"] == second.json()["name"]
    other = invoke(raw, "azureml:heart:1", **{**rest, "miniBatchSize": 2})
    assert other.status_code == 409
    assert first.json()["name"] in message(other)
    assert Job.objects.count() == 1


def test_keys_of_other_people_are_others(raw: str, deployment: Deployment, data: str) -> None:
    _token, other = factories.token(factories.user(role=Role.DATA_SCIENTIST), scope="run")
    for one in (raw, other):
        assert invoke(one, "azureml:heart:1", headers={"Idempotency-Key": "k"}).status_code == 201
    assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_requests_with_one_key_that_come_together_make_one_job(tmp_path: Path) -> None:
    store = factories.datastore(tmp_path / "store")
    factories.deployment(endpoint=factories.endpoint("heart-batch"))
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="heart")
    raw = factories.token(factories.user(role=Role.DATA_SCIENTIST), scope="run")[1]
    place = f"azureml://datastores/{store.name}/paths/fixed"
    answers: list[Any] = []
    begin = threading.Barrier(4)

    def send() -> None:
        begin.wait()
        answers.append(
            invoke(
                raw,
                "azureml:heart:1",
                OutputData={"score": {"JobOutputType": "UriFolder", "Uri": place}},
                headers={"Idempotency-Key": "together"},
            )
        )
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4, [one.content for one in answers]
    assert len({answer.json()["name"] for answer in answers}) == 1
    assert Job.objects.count() == 1
