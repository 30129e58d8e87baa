"""The studio's main job as a person does it: from a notebook's model to predictions, on the Titanic data."""

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.data import titanic_file
from tests.journeys.running import RunningStudio
from tests.journeys.steps import choose_dataset, download_predictions, next_step, predictions, upload

NOTEBOOK = """
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

frame = pd.read_csv({file!r})
numbers, words = ["Pclass", "Age", "Fare", "GroupSize"], ["Sex", "Embarked", "Loc"]
features = frame[numbers + words].astype(dict.fromkeys(numbers, "float64"))
prepare = ColumnTransformer([
    ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
    ("words", OneHotEncoder(handle_unknown="ignore"), words),
])
model = make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(features, frame["Survived"])
with mlflow.start_run():
    mlflow.sklearn.log_model(
        model, name="model", registered_model_name="titanic_survival_model_",
        serialization_format="cloudpickle",
        signature=infer_signature(features, model.predict(features)), input_example=features.head(3),
    )
"""
REFERENCE = """
import json
import pandas as pd

frame = pd.read_csv({file!r})
model = mlflow.pyfunc.load_model("models:/titanic_survival_model_/1")
for column in model.metadata.get_input_schema().inputs:
    frame[column.name] = frame[column.name].astype(column.type.to_pandas())
print(json.dumps([int(value) for value in model.predict(frame)]))
"""


@pytest.mark.journey
def test_from_a_notebook_to_predictions(studio: RunningStudio, page: Page, tmp_path: Path) -> None:
    data = titanic_file(tmp_path)
    register_from_a_notebook(studio, page, data)
    deploy(page)
    upload(page, "titanic-test-data", [data])
    page.get_by_role("link", name="Explore").click()
    expect(page.locator("main")).to_contain_text("Survived")
    job = score(page)
    compare(studio, page, job, data)


def register_from_a_notebook(studio: RunningStudio, page: Page, data: Path) -> None:
    page.goto("/models/")
    studio.in_notebook(NOTEBOOK.format(file=str(data)))
    logged = time.monotonic()
    model = page.get_by_role("row").filter(has=page.get_by_role("link", name="titanic_survival_model_"))
    # MLflow itself knows the model's name a moment before its version.
    expect(model.get_by_text("MLFLOW")).to_be_visible()
    assert time.monotonic() - logged < 5


def deploy(page: Page) -> None:
    page.get_by_role("checkbox", name="titanic_survival_model_").check()
    page.locator("summary", has_text="Deploy").click()
    page.get_by_role("button", name="Deploy to batch endpoint").click()
    expect(page.get_by_role("heading", name="Create deployment", level=1)).to_be_visible()
    page.get_by_label("Endpoint name").fill("titanic-survival-batch-endpoint")
    next_step(page, "Model")
    expect(page.get_by_role("radio", name="titanic_survival_model_")).to_be_checked()
    next_step(page, "Deployment")
    page.get_by_label("Deployment name").fill("titanic-deployment")
    next_step(page, "Environment")
    expect(page.locator("main")).to_contain_text(
        "The scoring script and the environment are generated for the selected model."
    )
    expect(page.locator("main")).to_contain_text("scikit-learn==")
    next_step(page, "Compute")
    page.get_by_text("cpu-cluster").first.click()
    next_step(page, "Review")
    for answer in ("titanic-survival-batch-endpoint", "titanic-deployment", "titanic_survival_model_:1"):
        expect(page.locator("main")).to_contain_text(answer)
    page.get_by_role("button", name="Create deployment").click()
    page.wait_for_url("**/endpoints/titanic-survival-batch-endpoint/")
    expect(page.locator("main")).to_contain_text("Creating")
    expect(page.get_by_role("link", name="Details")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Jobs")).last).to_be_visible()
    expect(page.get_by_role("link", name="Create job").first).to_be_visible(timeout=60_000)
    expect(page.locator("main")).not_to_contain_text("Creating")
    expect(page.locator("main")).to_contain_text("Default")


def score(page: Page) -> str:
    page.goto("/endpoints/titanic-survival-batch-endpoint/")
    page.get_by_role("link", name="Create job").first.click()
    expect(page.get_by_role("heading", name="Create a batch scoring job")).to_be_visible()
    expect(page.get_by_role("combobox", name="Deployment")).to_contain_text("titanic-deployment")
    page.get_by_label("Override deployment settings").check()
    page.get_by_label("Scoring timeout (seconds)").fill("60")
    next_step(page, "Select data source")
    expect(page.get_by_role("radio", name="Registered dataset")).to_be_checked()
    choose_dataset(page, "titanic-test-data")
    check = page.locator("#input-check")
    expect(check).to_contain_text("extra")
    for verdict in ("matches", "cast"):
        expect(check).to_contain_text(verdict)
    next_step(page, "Configure output location")
    next_step(page, "Review")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    for part in ("Data", "batchscoring", "score", "Job overview"):
        expect(page.locator("main")).to_contain_text(part)
    expect(page.locator("main")).to_contain_text("Completed", timeout=60_000)
    return page.url.rstrip("/").rsplit("/", 1)[1]


def compare(studio: RunningStudio, page: Page, job: str, data: Path) -> None:
    rows = predictions(download_predictions(page, shown="titanic-test-data.csv"))
    assert list(rows[0]) == ["row", "prediction", "file_name"]
    assert [int(row["row"]) for row in rows] == list(range(891))
    assert {row["file_name"] for row in rows} == {"titanic-test-data.csv"}
    expected = json.loads(studio.in_notebook(REFERENCE.format(file=str(data))).splitlines()[-1])
    assert [int(row["prediction"]) for row in rows] == expected
    page.goto("/endpoints/titanic-survival-batch-endpoint/jobs/")
    expect(page.get_by_role("row").filter(has_text="Completed")).to_contain_text("titanic-deployment")
    timeout = "SELECT settings->>'timeout', setting_origins->>'timeout' FROM studio_job WHERE name = %s"
    assert studio.query(timeout, job) == [("60", "job")]
