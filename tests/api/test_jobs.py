from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone

from studio.models import Datastore, Job, JobLog, MiniBatch
from tests import factories
from tests.api.asking import ask
from tests.pages.job_rows import finished

Status = Job.Status


@pytest.fixture
def raw(db: None) -> str:
    return factories.token(scope="manage")[1]


@pytest.fixture
def done(store: Datastore) -> Job:
    return finished(store, summary={"rows": 2})


def path_of(job: Job, rest: str = "") -> str:
    return f"/api/jobs/{job.name}{rest}"


def names(answer: Any) -> list[str]:
    return [one["name"] for one in answer.json()["value"]]


def test_the_list_comes_in_pages_the_newest_first(raw: str, store: Datastore, queries: Any) -> None:
    jobs = [factories.job() for _ in range(5)]
    first = ask(raw, "GET", "/api/jobs?limit=2")
    assert names(first) == [jobs[4].name, jobs[3].name]
    with queries() as few:
        second = ask(raw, "GET", first.json()["nextLink"])
    assert names(second) == [jobs[2].name, jobs[1].name]
    last = ask(raw, "GET", second.json()["nextLink"])
    assert (names(last), last.json()["nextLink"]) == ([jobs[0].name], None)
    with queries() as many:
        ask(raw, "GET", "/api/jobs?limit=5")
    assert len(many) == len(few)


@pytest.mark.parametrize("query", ["limit=201", "limit=0", "offset=-1", "status=Done", "createdAfter=soon"])
def test_a_list_says_what_it_does_not_understand(raw: str, query: str) -> None:
    answer = ask(raw, "GET", f"/api/jobs?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["error"]["message"]


def test_a_list_is_filtered(raw: str, store: Datastore) -> None:
    ada = factories.user("ada")
    deployment = factories.deployment()
    wanted = factories.job(Status.FAILED, deployment=deployment, created_by=ada)
    factories.job()
    for query in (
        "status=Failed",
        f"endpoint={deployment.endpoint.name}",
        f"deployment={deployment.name}",
        "createdBy=ada",
        f"search={wanted.name}",
    ):
        assert names(ask(raw, "GET", f"/api/jobs?{query}")) == [wanted.name], query
    moment = wanted.created_at.isoformat().replace("+00:00", "Z")
    assert wanted.name not in names(ask(raw, "GET", f"/api/jobs?createdBefore={moment}"))
    assert wanted.name in names(ask(raw, "GET", f"/api/jobs?createdAfter={moment}"))
    figures = ask(raw, "GET", "/api/jobs/-/statistics?status=Failed").json()
    assert (figures["jobs"], figures["failed"], figures["successRate"]) == (1, 1, 0)


def test_a_job_is_renamed_and_canceled(raw: str, store: Datastore) -> None:
    job = factories.job()
    renamed = ask(raw, "PATCH", path_of(job), {"displayName": "calm_sea"})
    assert renamed.json()["properties"]["displayName"] == "calm_sea"
    canceled = ask(raw, "POST", path_of(job, "/cancel"))
    assert canceled.status_code == 202
    assert canceled.json()["properties"]["provisioningState"] == "Canceled"
    again = ask(raw, "POST", path_of(job, "/cancel"))
    assert again.status_code == 409
    assert "can no longer be canceled" in again.json()["error"]["message"]


def test_a_retry_with_one_key_makes_one_job(raw: str, store: Datastore) -> None:
    job = factories.job(Status.FAILED, parts_until=timezone.now() + timedelta(days=1))
    factories.minibatch(job, MiniBatch.Status.FAILED)
    Job.objects.filter(pk=job.pk).update(minibatches_failed=1)
    keys = {"Idempotency-Key": "again"}
    made = [ask(raw, "POST", path_of(job, "/retry"), headers=keys) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201], made[0].content
    assert made[0].json()["name"] == made[1].json()["name"]
    assert made[0].json()["properties"]["retryOf"] == job.name


def test_a_job_is_deleted_with_its_files(raw: str, done: Job, store: Datastore) -> None:
    answer = ask(raw, "DELETE", path_of(done, "?withOutputs=true"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert ask(raw, "GET", path_of(done)).status_code == 404
    assert not list(Path(store.options["root"]).rglob("*.csv"))


def test_outputs_are_listed_and_downloaded(raw: str, done: Job) -> None:
    [output] = ask(raw, "GET", path_of(done, "/outputs")).json()["value"]
    assert output["name"] == "predictions.csv"
    assert (
        output["uri"]
        == f"azureml://datastores/{done.output_datastore_name}/paths/{done.output_path}/predictions.csv"
    )
    answer = ask(raw, "GET", output["href"])
    assert b"".join(answer).startswith(b"row,prediction")
    assert answer["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "status", "content", "place"),
    [
        ("bytes=0-2", 206, b"row", "bytes 0-2/46"),
        ("bytes=42-", 206, b"csv\n", "bytes 42-45/46"),
        ("bytes=-4", 206, b"csv\n", "bytes 42-45/46"),
        ("bytes=42-9999", 206, b"csv\n", "bytes 42-45/46"),
        ("bytes=46-", 416, None, "bytes */46"),
        ("bytes=-0", 416, None, "bytes */46"),
        ("bytes=3-2", 200, None, ""),
        ("lines=1-2", 200, None, ""),
        ("bytes=0-1,4-5", 200, None, ""),
    ],
)
def test_a_download_goes_on_where_it_broke_off(
    raw: str, done: Job, asked: str, status: int, content: bytes | None, place: str
) -> None:
    answer = ask(raw, "GET", path_of(done, "/outputs/predictions.csv"), headers={"Range": asked})
    assert answer.status_code == status
    assert answer.headers.get("Content-Range", "") == place
    found = b"".join(answer) if answer.streaming else answer.content
    assert content is None or found == content
    if status == 206:
        assert answer["Content-Length"] == str(len(found))


def test_only_get_has_parts(raw: str, done: Job) -> None:
    answer = ask(raw, "HEAD", path_of(done, "/outputs/predictions.csv"), headers={"Range": "bytes=0-2"})
    assert (answer.status_code, answer["Content-Length"]) == (200, "46")
    assert "Content-Range" not in answer.headers
    assert not b"".join(answer)


def test_a_part_of_another_file_is_not_taken_for_this_one(raw: str, done: Job) -> None:
    headers = {"Range": "bytes=0-2", "If-Range": '"of-another-time"'}
    answer = ask(raw, "GET", path_of(done, "/outputs/predictions.csv"), headers=headers)
    assert answer.status_code == 200
    b"".join(answer)


def test_a_log_is_read_on_from_where_it_was_left(raw: str, done: Job) -> None:
    log = "logs/user/stdout/n1/process000.stdout.txt"
    JobLog.objects.create(job=done, path=log, text="one\ntwo\n", size=8)
    assert log in [one["path"] for one in ask(raw, "GET", path_of(done, "/logs")).json()["value"]]
    first = ask(raw, "GET", path_of(done, f"/logs/{log}")).json()
    assert (first["text"], first["nextOffset"]) == ("one\ntwo\n", 8)
    assert ask(raw, "GET", path_of(done, f"/logs/{log}?offset=4")).json()["text"] == "two\n"
    assert ask(raw, "GET", path_of(done, f"/logs/{log}?offset=800")).json()["text"] == ""
    assert ask(raw, "GET", path_of(done, "/logs/none.txt")).status_code == 404


def test_minibatches_files_and_errors_are_listed(raw: str, store: Datastore) -> None:
    errors = "file_name,row,stage,message\na.csv,1,predict,it broke\n"
    job = finished(store, {"predictions.csv": "row\n", "errors.csv": errors}, status=Status.FAILED)
    factories.minibatch(job, MiniBatch.Status.COMPLETED)
    factories.minibatch(job, MiniBatch.Status.FAILED, error="no")
    assert [one["number"] for one in ask(raw, "GET", path_of(job, "/minibatches")).json()["value"]] == [0, 1]
    failed = ask(raw, "GET", path_of(job, "/minibatches?state=failed")).json()["value"]
    assert [(one["number"], one["error"]) for one in failed] == [(1, "no")]
    Job.objects.filter(pk=job.pk).update(files_total=2)
    assert [one["path"] for one in ask(raw, "GET", path_of(job, "/files?limit=1")).json()["value"]] == [
        "file-0.csv"
    ]
    found = ask(raw, "GET", path_of(job, "/errors")).json()
    assert found["value"] == [{"file": "a.csv", "row": "1", "stage": "predict", "message": "it broke"}]
    assert [one["number"] for one in found["failedMiniBatches"]] == [1]


def test_the_summary_is_what_the_job_wrote(raw: str, done: Job) -> None:
    assert ask(raw, "GET", path_of(done, "/summary")).json() == {"summary": {"rows": 2}}


def test_the_definition_is_yaml_with_which_the_job_can_be_created_again(raw: str, done: Job) -> None:
    answer = ask(raw, "GET", path_of(done, "/definition"))
    assert answer["Content-Type"].startswith("application/yaml")
    found = yaml.safe_load(answer.content)
    assert (found["endpoint"], found["deployment"]) == (done.endpoint_name, done.deployment_name)
    assert found["inputs"]["input"]["path"].startswith("azureml:")


def test_metrics_are_the_numbers_of_the_charts_beside_those_of_the_job_before(
    raw: str, store: Datastore
) -> None:
    def figures(yes: int, no: int) -> dict[str, Any]:
        values = [{"value": "yes", "count": yes}, {"value": "no", "count": no}]
        return {"count": yes + no, "nulls": 0, "distinct": 2, "top_values": values}

    before = finished(store, summary={"predictions": {"label": figures(1, 1)}, "seconds": {"read": 1}})
    job = finished(
        store,
        deployment=before.deployment,
        summary={"predictions": {"label": figures(3, 1)}, "seconds": {"read": 2, "predict": 6}},
    )
    began = timezone.now()
    factories.minibatch(
        job,
        MiniBatch.Status.COMPLETED,
        rows_scored=400,
        started_at=began,
        finished_at=began + timedelta(seconds=40),
    )
    Job.objects.filter(pk=job.pk).update(minibatches_done=1)
    found = ask(raw, "GET", path_of(job, "/metrics")).json()
    predictions, throughput = found["predictions"], found["throughput"]
    [column] = predictions["columns"]
    assert column["values"][0] == {"value": "yes", "count": 3, "share": 0.75, "last": 0.5}
    assert column["figures"]["top_values"][1] == {"value": "no", "count": 1}
    assert predictions["comparedWith"] == before.name
    assert predictions["seconds"] == {"read": 2, "predict": 6, "write": 0}
    assert [round(point["rowsPerSecond"]) for point in throughput["points"]] == [10] * 40
    assert throughput["stepSeconds"] == 1


def test_a_job_that_has_not_begun_has_empty_metrics(raw: str, store: Datastore) -> None:
    found = ask(raw, "GET", path_of(factories.job(), "/metrics")).json()
    assert (found["predictions"]["columns"], found["predictions"]["comparedWith"]) == ([], None)
    assert found["throughput"]["points"] == []
