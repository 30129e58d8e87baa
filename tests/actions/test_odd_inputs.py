"""Inputs that nobody would make on purpose: odd names, 40 levels, nothing at all; on every kind of storage."""

import csv
import html
import io
from typing import Any

import pytest
from django.test import Client

from scoring.settings import ScoringSettings
from studio.actions.finalizing import finalize_job
from studio.actions.preparing import prepare_job
from studio.models import Datastore, Job
from studio.sealing import seal
from studio.stores import open_store
from tests import factories
from tests.actions.conftest import spec_of
from tests.stores.test_contract import ODD_NAMES

pytestmark = pytest.mark.django_db
DEEP = "/".join(f"level {number}" for number in range(40)) + "/deep.csv"


@pytest.fixture(params=["local", "second_s3", "azure", "gcs", "sftp"])
def visits(request: pytest.FixtureRequest, store: Datastore) -> Datastore:
    if request.param == "local":
        return store
    place = request.getfixturevalue(f"{request.param}_place")
    options = place.options | ({"folder": request.node.name} if request.param == "second_s3" else {})
    return factories.datastore(
        "", name="visits", kind=place.kind, options=options, secrets=seal(place.secrets), is_default=False
    )


def queued(node: Any, visits: Datastore, path: str, spec: dict[str, Any]) -> Job:
    return factories.job(
        Job.Status.QUEUED,
        deployment=factories.deployment(cluster=node.row.cluster),
        datastore=visits,
        input_path=path,
        spec=spec,
        settings=ScoringSettings(max_retries=0, mini_batch_size=3).to_dict(),
    )


def test_files_of_any_name_and_depth_are_scored_and_shown(
    node: Any, visits: Datastore, home: Any, odd_model: Any, signed_in: Client
) -> None:
    paths = [*ODD_NAMES, DEEP]
    for number, path in enumerate(paths):
        rows = f"act,value\nlist,{number}.5\nlist,no\n"
        open_store(visits).write(f"in/{path}", [rows.encode()])
    job = queued(node, visits, "in", spec_of(home(odd_model)))
    prepare_job(job_id=job.pk, holder=node)
    node.slots[0].score_all()
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.rows_scored, job.files_failed) == (Job.Status.COMPLETED, len(paths), len(paths))
    names = {path.rpartition("/")[2]: number for number, path in enumerate(paths)}
    assert written(job, "predictions.csv", "prediction") == {
        name: f"{number}.5" for name, number in names.items()
    }
    assert written(job, "errors.csv", "message") == dict.fromkeys(
        names, "column 'value' is not a number: 'no'"
    )
    for tab in ("", "minibatches/", "errors/", "outputs/"):
        assert signed_in.get(f"/jobs/{job.name}/{tab}").status_code == 200
    listed = html.unescape(signed_in.get(f"/jobs/{job.name}/files/").text)
    for path in paths:
        assert path in listed
        browsed = signed_in.get(f"/datastores/{visits.name}/browse/", {"path": f"in/{path}"}).text
        assert path.rpartition("/")[2] in html.unescape(browsed)
        assert "list" in browsed.partition('id="preview"')[2]


def written(job: Job, output: str, column: str) -> dict[str, str]:
    """One value for each file, as the output names it."""
    with open_store(job.output_datastore).open(job.output_object(output)) as stream:
        rows = csv.DictReader(io.StringIO(stream.read().decode(), newline=""))
        return {row["file_name"]: row[column] for row in rows}


@pytest.mark.parametrize("path", ["", "empty"])
def test_a_folder_without_an_object_fails_the_job_with_its_reason(
    node: Any, visits: Datastore, path: str
) -> None:
    open_store(visits).make_folder("empty")
    open_store(visits).write("empty/_left_out.csv", [b"x\n1\n"])
    job = queued(node, visits, path, factories.job().spec)
    prepare_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert job.error.startswith("The input contains no file to score. Put files there that end in .csv,")
    assert job.error.endswith("names starting with . or _ are left out.")
