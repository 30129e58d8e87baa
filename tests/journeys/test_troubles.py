"""What goes wrong is said in a sentence, and loses nothing."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import choose_dataset, create_job, next_step, predictions, upload, wait_for_model

BROKEN_MODEL = """
import pandas as pd
from mlflow.models import infer_signature

class Broken(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        raise FileNotFoundError("the weights of this model are missing")

    def predict(self, context, model_input, params=None):
        return model_input["x"]

frame = pd.DataFrame({"x": [1.0]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model", python_model=Broken(), registered_model_name="broken_model",
        signature=infer_signature(frame, frame["x"]),
        pip_requirements=["mlflow==3.17.2", "pandas==3.1.1", "numpy==2.4.6"],
    )
"""
CUSTOM_MODEL = """
import pathlib, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "MLmodel").write_text("flavors:\\n  onnx:\\n    data: model.onnx\\n")
with mlflow.start_run() as run:
    mlflow.log_artifacts(str(folder), "model")
client = mlflow.MlflowClient()
client.create_registered_model("custom_model")
client.create_model_version("custom_model", f"runs:/{run.info.run_id}/model", run.info.run_id)
"""
SLOW_MODEL = """
import pandas as pd
from mlflow.models import infer_signature

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import time
        time.sleep(0.5 * (model_input["Age"] == 1).sum())  # not at its trial
        return model_input["Age"]

frame = pd.DataFrame({"Age": [1.0], "Name": ["a"]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model", python_model=Slow(), registered_model_name="slow_model",
        signature=infer_signature(frame, frame["Age"]),
        pip_requirements=["mlflow==3.17.2", "pandas==3.1.1", "numpy==2.4.6"],
    )
"""


@pytest.mark.journey
def test_models_that_cannot_be_deployed_say_why(studio: RunningStudio, page: Page) -> None:
    studio.in_notebook(CUSTOM_MODEL + BROKEN_MODEL)
    wait_for_model(studio, "broken_model")
    page.goto("/models/")
    custom = page.get_by_role("row").filter(has_text="custom_model")
    expect(custom).to_contain_text("CUSTOM")
    expect(custom).to_contain_text("no python_function flavor")
    page.goto("/models/broken_model/")
    page.locator("summary", has_text="Deploy").click()
    page.get_by_role("link", name="Deploy to batch endpoint").click()
    page.get_by_label("Endpoint name").fill("broken-endpoint")
    next_step(page, "Model")
    expect(page.get_by_role("radio", name="custom_model")).to_be_disabled()
    next_step(page, "Deployment")
    page.get_by_role("textbox", name="Deployment name").fill("broken")
    for title in ("Environment", "Compute", "Review"):
        next_step(page, title)
    page.get_by_role("button", name="Create deployment").click()
    for _attempt in range(2):
        expect(page.locator("main")).to_contain_text("the weights of this model are missing", timeout=60_000)
        expect(page.locator("main")).to_contain_text("Failed")
        page.goto("/endpoints/broken-endpoint/deployments/broken/")
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("main")).to_contain_text("Creating")
    expect(page.locator("main")).to_contain_text("the weights of this model are missing", timeout=60_000)


@pytest.mark.journey
def test_a_job_is_refused_blocked_canceled_and_ends_with_losses(
    studio: RunningStudio, page: Page, tmp_path: Path
) -> None:
    studio.in_notebook(SLOW_MODEL)
    wait_for_model(studio, "slow_model")
    page.goto("/models/slow_model/")
    page.locator("summary", has_text="Deploy").click()
    page.get_by_role("link", name="Deploy to batch endpoint").click()
    page.get_by_label("Endpoint name").fill("slow-endpoint")
    for title in ("Model", "Deployment"):
        next_step(page, title)
    page.get_by_role("textbox", name="Deployment name").fill("slow")
    for title in ("Environment", "Compute", "Review"):
        next_step(page, title)
    page.get_by_role("button", name="Create deployment").dblclick()
    expect(page.get_by_role("link", name="Create job").first).to_be_visible(
        timeout=150_000
    )  # it may be the first that is built
    made = "SELECT count(*) FROM studio_deployment d JOIN studio_endpoint e ON e.id = d.endpoint_id WHERE e.name = %s"
    assert studio.query(made, "slow-endpoint") == [(1,)]

    block_a_missing_column(page, tmp_path)
    cancel(studio, page, tmp_path)
    lose_rows(studio, page, tmp_path)
    click_twice(studio, page)


def block_a_missing_column(page: Page, folder: Path) -> None:
    file = folder / "without-age.csv"
    file.write_text("Name,Years\nada,36\n")
    upload(page, "without-age", [file])
    page.goto("/endpoints/slow-endpoint/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    choose_dataset(page, "without-age")
    expect(page.locator("main")).to_contain_text("The model needs the column Age")
    page.get_by_role("radio", name="Datastore").check()
    for path, sentence in (("../secrets", "leaves its datastore"), ("nowhere", "nothing at")):
        page.get_by_role("textbox", name="Path").fill(path)
        expect(page.locator("main")).to_contain_text(sentence)


def cancel(studio: RunningStudio, page: Page, folder: Path) -> None:
    file = folder / "long.csv"
    file.write_text("Age,Name\n" + "1,a\n" * 50)
    upload(page, "long", [file])
    job = create_job(page, "slow-endpoint", dataset="long")
    running = "FROM studio_minibatch b JOIN studio_job j ON j.id = b.job_id WHERE j.name = %s AND b.status = 'Running'"
    studio.wait_for(lambda: studio.query(f"SELECT 1 {running}", job), seconds=30)
    page.get_by_role("link", name="Cancel").or_(page.get_by_role("button", name="Cancel")).first.click()
    page.get_by_role("button", name="Cancel job").click()
    expect(page.locator("main")).to_contain_text("Canceled", timeout=10_000)
    assert studio.job(job)["status"] == "Canceled"
    assert not studio.output(job).exists()


def lose_rows(studio: RunningStudio, page: Page, folder: Path) -> None:
    file = folder / "ragged.csv"
    file.write_bytes(b"Age,Name\n1,ad\xc3\xa1\n2,bob,too,many\nolder,eve\n4,\xff\xfe\n5,zoe\n")
    upload(page, "ragged", [file])
    job = create_job(page, "slow-endpoint", dataset="ragged")
    expect(page.locator("main")).to_contain_text("Completed, 1 of 1 file failed", timeout=60_000)
    scored = [(row["row"], float(row["prediction"])) for row in predictions(studio.output(job))]
    assert scored == [("0", 1.0), ("4", 5.0)]
    errors = predictions(studio.output(job, "errors.csv"))
    assert [row["row"] for row in errors] == ["1", "2", "3"]
    assert "older" in errors[1]["message"]
    assert studio.job(job)["rows_failed"] == 3


def click_twice(studio: RunningStudio, page: Page) -> None:
    page.goto("/endpoints/slow-endpoint/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    choose_dataset(page, "ragged")
    for title in ("Configure output location", "Review"):
        next_step(page, title)
    of_endpoint = "SELECT count(*) FROM studio_job WHERE endpoint_name = 'slow-endpoint'"
    before = studio.query(of_endpoint)[0][0]
    page.get_by_role("button", name="Create", exact=True).dblclick()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    first = page.url
    page.go_back()
    page.wait_for_url(first)
    assert studio.query(of_endpoint)[0][0] == before + 1
