"""What a job leaves, scored by a real node: by output action, format and header."""

import hashlib
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from scoring.settings import ScoringSettings
from studio.actions.finalizing import finalize_job
from studio.actions.jobs import objects_written
from tests.actions.at_work import outputs, worked

pytestmark = pytest.mark.django_db


def schema_of(job):
    return json.loads(outputs(job)["_schema.json"].read_text())


def test_a_schema_beside_the_predictions_says_how_to_read_them(node, job_over):
    csv = job_over(["echo", "list"], pass_through=["act"])
    worked(node, csv)
    assert csv.run_due_at is not None  # the MLflow run follows
    written = outputs(csv)
    assert list(written) == ["_schema.json", "_summary.json", "errors.csv", "predictions.csv"]
    assert sorted(csv.outputs) == sorted(objects_written(ScoringSettings.from_dict(csv.settings)))
    data = written["predictions.csv"].read_bytes()
    assert schema_of(csv) == {
        "job": csv.name,
        "predictions": "predictions.csv",
        "format": "csv",
        "header": True,
        "delimiter": ",",
        "encoding": "utf-8",
        "null": "",
        "rows": 3,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "columns": [
            {"name": "row", "type": "int64"},
            {"name": "act", "type": "string"},
            {"name": "prediction", "type": "double"},
            {"name": "file_name", "type": "string"},
        ],
        "files": [{"file_name": "0-echo.csv", "rows": 1}, {"file_name": "1-list.csv", "rows": 2}],
    }


def test_without_a_header_the_schema_names_the_columns(node, job_over):
    job = job_over(["list"], write_header=False)
    worked(node, job)
    schema = schema_of(job)
    assert schema["header"] is False
    names = [column["name"] for column in schema["columns"]]
    read = pd.read_csv(outputs(job)["predictions.csv"], header=None, names=names)
    assert read.to_dict("list") == {
        "row": [0, 1],
        "prediction": [0.5, 1.0],
        "file_name": ["0-list.csv", "0-list.csv"],
    }


def test_parquet_is_what_its_schema_says(node, job_over):
    job = job_over(["list"], output_file_name="scores.parquet")
    worked(node, job)
    table = pq.read_table(outputs(job)["scores.parquet"])
    schema = schema_of(job)
    assert (schema["format"], schema["rows"], "header" in schema) == ("parquet", table.num_rows, False)
    assert [(one["name"], one["type"]) for one in schema["columns"]] == [
        (field.name, str(field.type)) for field in table.schema
    ]


def test_summary_only_keeps_no_predictions(node, job_over):
    job = job_over(["echo"], output_action="summary_only")
    worked(node, job)
    written = outputs(job)
    assert list(written) == ["_summary.json", "errors.csv"]
    assert job.outputs == ["errors.csv", "_summary.json"]
    summary = json.loads(written["_summary.json"].read_text())
    assert (summary["rows"], summary["failed_rows"]) == (1, 1)
    assert summary["predictions"]["prediction"]["mean"] == 0.5
    root = written["_summary.json"].parents[3]
    assert not [path for path in root.rglob("*") if path.suffix == ".arrow"]  # nor the parts


@pytest.mark.parametrize("action", ["append_row", "summary_only"])
def test_rows_that_do_not_add_up_fail_the_job(node, job_over, action):
    job = job_over(["list"], output_action=action)
    node.slots[0].score_all()
    report = job.minibatches.get().report
    report["slices"][0]["records"] += 1
    job.minibatches.update(report=report)
    finalize_job(job_id=job.pk, holder=node)
    job.refresh_from_db()
    assert (job.status, job.outputs) == ("Failed", [])
    assert job.error == "0-list.csv has 3 rows, but 2 were scored and 0 failed; run the job again."
