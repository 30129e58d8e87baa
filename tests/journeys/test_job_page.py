"""A job's page: its logs are followed while it runs; it is renamed, resubmitted, retried where it failed, deleted."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import create_job, fill_deployment, next_step, predictions, upload, wait_for_model

# Until the file in its environment variable is there, says slowly which rows of the job it scores, and refuses the 13.
TALKING_MODEL = """
import pandas as pd
from mlflow.models import infer_signature

class Talking(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import os, time
        cured = os.path.exists(os.environ.get("CURED", ""))
        for value in model_input["x"]:
            if value == 13 and not cured:
                raise ValueError("thirteen is unlucky")
            print(f"scoring {value}", flush=True)
            if value >= 100 and not cured:
                time.sleep(0.3)
        return model_input["x"] * 2

frame = pd.DataFrame({"x": [1.0]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model", python_model=Talking(), registered_model_name="talking_model",
        signature=infer_signature(frame, frame["x"]),
        pip_requirements=["mlflow==3.17.2", "pandas==3.1.1", "numpy==2.4.6"],
    )
"""
ENDPOINT = "talking-endpoint"


@pytest.mark.journey
def test_a_job_is_followed_renamed_resubmitted_retried_and_deleted(
    studio: RunningStudio, page: Page, tmp_path: Path
) -> None:
    cured = studio.home / "cured"
    deploy(studio, page, cured)
    files = [tmp_path / f"{number}.csv" for number in range(3)]
    for number, file in enumerate(files):
        values = [13 if number == 1 and row == 2 else 100 + number * 20 + row for row in range(20)]
        file.write_text("x\n" + "".join(f"{value}\n" for value in values))
    upload(page, "talks", files, is_folder=True)
    settings = {"Mini_batch_size": "1", "Max_retries": "0", "Max_concurrency_per_instance": "1"}
    job = create_job(page, ENDPOINT, dataset="talks", **settings)
    follow_the_log(page)
    rename(page)
    page.reload()
    expect(page.get_by_text("Completed, 1 of 3 files failed").first).to_be_visible(timeout=60_000)
    retry = retry_what_failed(studio, page, cured)
    again = resubmit(studio, page, job)
    assert studio.output(again).read_bytes() == studio.output(retry).read_bytes()
    delete(studio, page, job)


def deploy(studio: RunningStudio, page: Page, cured: Path) -> None:
    studio.in_notebook(TALKING_MODEL)
    wait_for_model(studio, "talking_model")
    page.goto("/endpoints/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Endpoint name").fill(ENDPOINT)
    next_step(page, "Model")
    fill_deployment(page, model="talking_model", deployment="talking")
    expect(page.get_by_role("link", name="Create job").first).to_be_visible(timeout=90_000)
    variable = {"CURED": str(cured)}
    studio.run(
        "from studio.models import Deployment; d = Deployment.objects.get(name='talking');"
        f"d.settings = {{**d.settings, 'environment_variables': {variable!r}}}; d.save()"
    )


def follow_the_log(page: Page) -> None:
    """The text comes by itself, and stays where the reader has scrolled to."""
    page.get_by_role("link", name="Outputs + logs").click()
    page.get_by_role("link", name=re.compile(r"process\d+\.stdout\.txt")).first.click(timeout=40_000)
    log = page.locator("pre.log")
    expect(log).to_contain_text("scoring 103.0", timeout=40_000)
    expect(log).to_contain_text("scoring 115.0", timeout=20_000)
    page.set_viewport_size({"width": 1280, "height": 420})  # so that it is longer than what is seen of it
    log.evaluate("log => { log.scrollTop = 30; }")
    expect(log).to_contain_text("scoring 145.0", timeout=40_000)
    assert log.evaluate("log => log.scrollTop") == pytest.approx(30, abs=2)
    page.set_viewport_size({"width": 1280, "height": 900})


def rename(page: Page) -> None:
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Display name").fill("“November” <b>🚢</b>")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="“November” <b>🚢</b>", level=1)).to_be_visible()


def retry_what_failed(studio: RunningStudio, page: Page, cured: Path) -> str:
    """Only the mini-batch that failed runs; the output has all rows."""
    cured.touch()
    page.get_by_role("link", name="Retry failed").click()
    expect(page.get_by_text("It takes over the 2 that did.")).to_be_visible()
    first = page.url
    page.get_by_role("button", name="Retry failed").dblclick()
    page.wait_for_url(lambda url: "/jobs/batchjob-" in url and url.split("?")[0] not in first)
    retry = name_of(page)
    expect(page.get_by_text("Retry of")).to_be_visible()
    studio.wait_for(lambda: studio.job(retry)["status"] == "Completed", seconds=60)
    rows = predictions(studio.output(retry))
    assert len(rows) == 60
    assert [float(row["prediction"]) for row in rows if row["file_name"] == "1.csv"][2] == 26
    made = "SELECT count(*) FROM studio_job WHERE retry_of_id IS NOT NULL AND endpoint_name = %s"
    assert studio.query(made, ENDPOINT) == [(1,)]
    begun = "SELECT count(*) FROM studio_minibatch m JOIN studio_job j ON j.id = m.job_id WHERE j.name = %s"
    assert studio.query(f"{begun} AND m.started_at IS NOT NULL", retry) == [(1,)]
    return retry


def resubmit(studio: RunningStudio, page: Page, job: str) -> str:
    page.goto(f"/jobs/{job}/")
    page.get_by_role("link", name="Resubmit").click()
    expect(page.get_by_role("heading", name="Review", level=2)).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(lambda url: "/jobs/batchjob-" in url and job not in url)
    expect(page.get_by_text("Resubmit of")).to_be_visible()
    again = name_of(page)
    studio.wait_for(lambda: studio.job(again)["status"] == "Completed", seconds=90)
    return again


def delete(studio: RunningStudio, page: Page, job: str) -> None:
    output = studio.output(job)
    page.goto(f"/endpoints/{ENDPOINT}/jobs/?sort=created")
    page.locator(f"#{job}").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Also delete its output").check()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**/endpoints/{ENDPOINT}/jobs/?sort=created")
    expect(page.get_by_text("is deleted.")).to_be_visible()
    assert not output.exists()
    assert studio.query("SELECT 1 FROM studio_job WHERE name = %s", job) == []


def name_of(page: Page) -> str:
    found = re.search(r"batchjob-[0-9a-f-]+", page.url)
    assert found
    return found[0]
