"""A pipeline elsewhere, with nothing but curl: a token, an invocation as Azure has it, its predictions."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.running import PASSWORD, RunningStudio
from tests.journeys.steps import predictions

pytestmark = pytest.mark.journey
ENDPOINT = "breast-cancer-sample"
READY = "SELECT 1 FROM studio_job WHERE endpoint_name = %s AND status = 'Completed'"
FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
TOKEN = re.compile(r"\bsst_\w+")
FINAL = ("Completed", "Failed", "Canceled")


def curl(*words: str) -> str:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def new_token(studio: RunningStudio, cookies: Path) -> str:
    """Signs in, creates a token with the form in the profile and reads it from the page that shows it, once."""
    jar = ("--cookie", str(cookies), "--cookie-jar", str(cookies))

    def send(path: str, **fields: str) -> str:
        address = studio.address.rstrip("/") + path
        [field, *_others] = FIELD.findall(curl(*jar, address))
        values = {"csrfmiddlewaretoken": field, **fields}
        said = [word for name, value in values.items() for word in ("--data-urlencode", f"{name}={value}")]
        return curl(*jar, *said, address)

    send("/account/sign-in/", username="admin", password=PASSWORD)
    return TOKEN.findall(send("/account/tokens/new/", name="curl", scope="run", days="7"))[0]


class Curl:
    def __init__(self, studio: RunningStudio, token: str) -> None:
        self.base, self.token = studio.address.rstrip("/"), token

    def __call__(self, path: str, *options: str) -> str:
        address = path if path.startswith("http") else self.base + path
        return curl(*options, "--header", f"Authorization: Bearer {self.token}", address)

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
    api = Curl(studio, new_token(studio, tmp_path / "cookies"))
    path = json.loads(api("/api/data/breast-cancer-samples/versions/1"))["path"]
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
    job = api.invoke(body, "nightly")
    assert api.invoke(body, "nightly")["name"] == job["name"]
    end = time.monotonic() + 60
    while job["properties"]["status"] not in FINAL and time.monotonic() < end:
        time.sleep(0.5)
        job = json.loads(api(f"/api/endpoints/{ENDPOINT}/jobs/{job['name']}"))
    assert job["properties"]["status"] == "Completed", job
    [output, *_others] = json.loads(api(f"/api/jobs/{job['name']}/outputs"))["value"]
    target = tmp_path / "predictions.csv"
    api(output["href"], "--output", str(target))
    assert len(predictions(target)) == job["properties"]["counts"]["rows"] == 569
    first = target.read_bytes()[:100]
    assert api(output["href"], "--range", "0-99").encode() == first
    assert api.invoke(body, "nightly")["name"] == job["name"]  # though its output is there now
