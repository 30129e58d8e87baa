"""Four files whose whole numbers the model wants as doubles; then the same endpoint on another scikit-learn."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import uv
from playwright.sync_api import Page, expect

from scoring.compiled import packages_of, take_over
from tests.journeys.data import diabetes_files
from tests.journeys.running import RunningStudio
from tests.journeys.steps import (
    choose_dataset,
    create_job,
    fill_deployment,
    next_step,
    predictions,
    upload,
    wait_for_model,
)

ENDPOINT = "diabetes-screening"
TRAIN = """
import sys, mlflow, numpy as np, pandas as pd, sklearn
from mlflow.models import infer_signature
from sklearn.linear_model import Ridge

frame = pd.concat([pd.read_csv(file) for file in {files!r}], ignore_index=True).astype("float64")
target = np.sin(frame["BMI"]) + frame["PlasmaGlucose"] / 100 + frame["Age"] / 50
model = Ridge().fit(frame, target)
with mlflow.start_run():
    mlflow.sklearn.log_model(
        model, {keyword}="model", registered_model_name={name!r}, serialization_format="cloudpickle",
        signature=infer_signature(frame, model.predict(frame)), input_example=frame.head(3),
    )
print(sklearn.__version__)
"""
REFERENCE = """
import json
import mlflow, pandas as pd

model = mlflow.pyfunc.load_model("models:/{name}/1")
parts = [model.predict(pd.read_csv(file).astype("float64")) for file in {files!r}]
print(json.dumps([float(value) for part in parts for value in part]))
"""


@pytest.mark.journey
def test_four_files_and_a_model_of_another_scikit_learn(
    studio: RunningStudio, page: Page, tmp_path: Path
) -> None:
    files = diabetes_files(tmp_path)
    names = [str(file) for file in files]
    studio.in_notebook(TRAIN.format(files=names, name="diabetes_ridge", keyword="name"))
    wait_for_model(studio, "diabetes_ridge")
    create_endpoint(page)
    upload(page, "patients", files, is_folder=True)
    expect(page.locator("main")).to_contain_text("patient-data-3.csv")

    job = create_job(page, ENDPOINT, dataset="patients", output="screening/november", Mini_batch_size="1")
    expect(page.locator("main")).to_contain_text("Completed", timeout=60_000)
    assert studio.job(job)["rows_scored"] == 400
    check(
        studio,
        job,
        files,
        json.loads(studio.in_notebook(REFERENCE.format(files=names, name="diabetes_ridge"))),
    )
    minibatches = (
        "SELECT count(*) FROM studio_minibatch b JOIN studio_job j ON j.id = b.job_id WHERE j.name = %s"
    )
    assert studio.query(minibatches, job) == [(4,)]
    refuse_the_same_output(page)

    other = python_with(tmp_path, "scikit-learn==1.7.2")
    code = TRAIN.format(files=names, name="older_ridge", keyword="name")
    version, expected = in_environment(
        studio, other, code + REFERENCE.format(files=names, name="older_ridge")
    )
    assert version == "1.7.2"
    wait_for_model(studio, "older_ridge")
    add_and_make_default(page)
    asset = "SELECT path FROM studio_dataassetversion v JOIN studio_dataasset a ON a.id = v.asset_id WHERE a.name = %s"
    job = create_job(page, ENDPOINT, path=studio.query(asset, "patients")[0][0])
    expect(page.locator("main")).to_contain_text("Completed", timeout=60_000)
    expect(page.locator("main")).to_contain_text("older-ridge")
    check(studio, job, files, json.loads(expected))
    environment = "SELECT spec->'environment'->>'requirements' FROM studio_job WHERE name = %s"
    assert "scikit-learn==1.7.2" in studio.query(environment, job)[0][0]


def create_endpoint(page: Page) -> None:
    page.goto("/endpoints/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Endpoint name").fill("breast-cancer-sample")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main")).to_contain_text("An endpoint with this name exists")
    page.get_by_label("Endpoint name").fill("-no-")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main")).to_contain_text("3 to 32 characters")
    page.get_by_label("Endpoint name").fill(ENDPOINT)
    next_step(page, "Model")
    fill_deployment(page, model="diabetes_ridge", deployment="ridge")
    expect(page.get_by_role("link", name="Create job").first).to_be_visible(timeout=60_000)


def refuse_the_same_output(page: Page) -> None:
    page.goto(f"/endpoints/{ENDPOINT}/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    choose_dataset(page, "patients")
    next_step(page, "Configure output location")
    page.get_by_label("Enable output configuration").check()
    page.get_by_role("textbox", name="Output path").fill("screening/november")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("main")).to_contain_text("exists already, and the studio never overwrites")


def add_and_make_default(page: Page) -> None:
    page.goto(f"/endpoints/{ENDPOINT}/")
    page.get_by_role("link", name="Add deployment").click()
    if page.get_by_role("heading", name="Endpoint", level=2).is_visible():
        next_step(page, "Model")
    page.get_by_role("radio", name="older_ridge").check()
    next_step(page, "Deployment")
    page.get_by_role("textbox", name="Deployment name").fill("older-ridge")
    page.get_by_label("Make this new deployment the default for batch jobs").uncheck()
    next_step(page, "Environment")
    expect(page.locator("main")).to_contain_text("scikit-learn==1.7.2")
    next_step(page, "Compute")
    next_step(page, "Review")
    page.get_by_role("button", name="Create deployment").click()
    expect(page.locator("main")).to_contain_text("Creating")
    expect(page.locator("main")).not_to_contain_text("Creating", timeout=90_000)
    page.get_by_role("link", name="Update default deployment").click()
    page.get_by_label("Select default deployment").select_option("older-ridge")
    page.get_by_role("button", name="Update", exact=True).click()
    expect(page.get_by_text("older-ridge is the default deployment now.")).to_be_visible()
    page.reload()
    expect(page.locator("dd").filter(has_text="older-ridge")).to_be_visible()


def check(studio: RunningStudio, job: str, files: list[Path], expected: list[float]) -> None:
    rows = predictions(studio.output(job))
    assert [(row["file_name"], int(row["row"])) for row in rows] == [
        (file.name, number) for file in files for number in range(100)
    ]
    assert [float(row["prediction"]) for row in rows] == expected


def python_with(folder: Path, *requirements: str) -> Path:
    """Another Python environment, as somebody's notebook server has."""
    environment = folder / "notebook"
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "-q", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    wanted = ["mlflow==3.17.2", *requirements]
    subprocess.run([tool, "pip", "install", "-q", "--python", python, *wanted], check=True)
    packages = packages_of(environment)
    assert packages
    take_over(packages=packages, source=Path(sysconfig.get_path("purelib")))
    return python


def in_environment(studio: RunningStudio, python: Path, code: str) -> list[str]:
    """The last two lines that it prints."""
    script = f"import mlflow\nmlflow.set_tracking_uri({studio.mlflow_uri!r})\n{code}"
    done = subprocess.run(
        [python, "-W", "ignore", "-c", script], capture_output=True, text=True, cwd=studio.home
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-2:]
