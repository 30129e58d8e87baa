"""A pipeline elsewhere, with nothing but curl: a token, an invocation as Azure has it, its predictions."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.running import RunningStudio
from tests.journeys.steps import predictions

pytestmark = pytest.mark.journey
ENDPOINT = "breast-cancer-sample"
READY = "SELECT 1 FROM studio_job WHERE endpoint_name = %s AND status = 'Completed'"
PATH = """
SELECT v.path FROM studio_dataassetversion v JOIN studio_dataasset a ON a.id = v.asset_id WHERE a.name = %s
"""
MAKE_TOKEN = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from studio.actions.tokens import create_token
admin = User.objects.get(username="admin")
print(create_token(user=admin, name="curl", scope="run", expires_at=timezone.now() + timedelta(days=1))[1])
"""
FINAL = ("Completed", "Failed", "Canceled")


class Curl:
    def __init__(self, studio: RunningStudio, token: str) -> None:
        self.base, self.token = studio.address.rstrip("/"), token

    def __call__(self, path: str, *options: str) -> str:
        address = path if path.startswith("http") else self.base + path
        command = ["curl", "--silent", "--show-error", "--fail-with-body", *options]
        command += ["--header", f"Authorization: Bearer {self.token}", address]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def invoke(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        said = ("--header", "Content-Type: application/json", "--header", f"Idempotency-Key: {key}")
        found: dict[str, Any] = json.loads(
            self(f"/api/endpoints/{ENDPOINT}/jobs", *said, "--data", json.dumps(body))
        )
        return found


def test_a_pipeline_starts_a_job_follows_it_and_takes_its_predictions(
    studio: RunningStudio, tmp_path: Path
) -> None:
    studio.wait_for(lambda: studio.query(READY, ENDPOINT), seconds=240)
    curl = Curl(studio, studio.run(MAKE_TOKEN).strip())
    path = studio.query(PATH, "breast-cancer-samples")[0][0]
    body = {
        "properties": {
            "InputData": {
                "heart_data": {
                    "JobInputType": "UriFolder",
                    "Uri": f"azureml://datastores/workspaceblobstore/paths/{path}",
                }
            },
            "OutputData": {
                "score": {
                    "JobOutputType": "UriFile",
                    "Uri": "azureml://datastores/workspaceblobstore/paths/curl-journey/predictions.csv",
                }
            },
            "properties": {"experimentName": "nightly"},
        }
    }
    job = curl.invoke(body, "nightly")
    assert curl.invoke(body, "nightly")["name"] == job["name"]
    end = time.monotonic() + 60
    while job["properties"]["status"] not in FINAL and time.monotonic() < end:
        time.sleep(0.5)
        job = json.loads(curl(f"/api/endpoints/{ENDPOINT}/jobs/{job['name']}"))
    assert job["properties"]["status"] == "Completed", job
    [output, *_others] = json.loads(curl(f"/api/jobs/{job['name']}/outputs"))["value"]
    target = tmp_path / "predictions.csv"
    curl(output["href"], "--output", str(target))
    assert len(predictions(target)) == job["properties"]["counts"]["rows"] == 569
    first = target.read_bytes()[:100]
    assert curl(output["href"], "--range", "0-99").encode() == first
    assert curl.invoke(body, "nightly")["name"] == job["name"]  # though its output is there now
