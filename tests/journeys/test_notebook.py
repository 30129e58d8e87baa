"""A notebook on another machine: MLflow's own client, the studio's address and a token."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.test_people import create_token

LARGE = 300 << 20  # bytes of an artifact
NOTEBOOK = f"""
import os
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
features, target = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(features, target)
with open("large.bin", "wb") as file:
    file.truncate({LARGE})
open("empty.txt", "w").close()
with mlflow.start_run() as run:
    mlflow.log_param("where", "elsewhere")
    mlflow.sklearn.log_model(
        model, name="model", registered_model_name="from-elsewhere", input_example=features.head(3),
        pip_requirements=["mlflow", "scikit-learn"],
    )
    mlflow.log_artifact("large.bin")
    mlflow.log_artifact("empty.txt")
os.remove("large.bin")
got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="large.bin")
print(os.path.getsize(got))
print(mlflow.pyfunc.load_model("models:/from-elsewhere/1").predict(features.head(1)))
"""
REFUSED = """
try:
    mlflow.create_experiment("not-allowed")
except mlflow.exceptions.MlflowException as refusal:
    print(refusal)
"""


def peak(studio: RunningStudio) -> int:
    """Bytes that the web server's worker has had at most."""
    worker = studio.child("studio.wsgi").children()[0]
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10


@pytest.mark.journey
def test_a_model_from_elsewhere_by_token(studio: RunningStudio, page: Page) -> None:
    elsewhere = {"MLFLOW_TRACKING_URI": f"{studio.address}/mlflow"}
    read = create_token(page, "looks")
    said = studio.in_notebook(REFUSED, **elsewhere, MLFLOW_TRACKING_TOKEN=read)
    assert "PERMISSION_DENIED: The scope of the token looks is “Read”" in said
    assert "UNAUTHENTICATED: Show an API token" in studio.in_notebook(REFUSED, **elsewhere)
    token = create_token(page, "notebook", scope="Manage")
    before = peak(studio)
    printed = studio.in_notebook(NOTEBOOK, **elsewhere, MLFLOW_TRACKING_TOKEN=token)
    assert str(LARGE) in printed.split()
    assert peak(studio) - before < LARGE / 5, "a file was in memory"
    page.goto("/models/")
    expect(page.get_by_role("row", name="from-elsewhere")).to_be_visible()
    page.goto("/audit/?search=from-elsewhere")
    expect(page.get_by_role("cell", name="Changed something in MLflow").first).to_be_visible()
