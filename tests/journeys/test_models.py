"""Models from local files and from a run, until one of them is deployed; then deleted."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import fill_deployment, next_step

SAVE = """
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

frame = pd.DataFrame({{"x": [0.0, 1.0, 2.0]}})
model = LinearRegression().fit(frame, [1.0, 3.0, 5.0])
given = dict(signature=infer_signature(frame, model.predict(frame)), input_example=frame)
mlflow.sklearn.save_model(model, {folder!r}, **given)
mlflow.set_experiment("lines")
with mlflow.start_run(run_name="straight line"):
    mlflow.log_metric("r2", 1.0)
    # MLflow imports the model in a process of its own to find its requirements: once is enough.
    mlflow.sklearn.log_model(model, name="line", pip_requirements={folder!r} + "/requirements.txt", **given)
"""
LOADED = """
import pandas as pd
print(round(float(mlflow.pyfunc.load_model("models:/{name}/1").predict(pd.DataFrame({{"x": [3.0]}}))[0]), 6))
"""
VERSIONS = """
SELECT v.version FROM studio_modelversion v JOIN studio_registeredmodel m ON m.id = v.registered_model_id
WHERE m.name = %s ORDER BY 1
"""


def open_register(page: Page, item: str) -> None:
    page.goto("/models/")
    page.locator("#register > summary").click()
    page.get_by_role("link", name=item).click()


def wait_until_registered(page: Page) -> None:
    page.wait_for_url(re.compile(r"/models/-/registrations/\d+/$"))
    page.get_by_role("link", name="Open the model").click(timeout=60_000)


@pytest.mark.journey
def test_a_model_comes_from_a_folder_a_zip_and_a_run_and_goes(
    studio: RunningStudio, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "my line"
    studio.in_notebook(SAVE.format(folder=str(folder)))
    (folder / "extra").mkdir()
    (folder / "extra" / "notes “1”.txt").write_text("straight\n" * 400_000)  # enough for progress to be seen
    from_folder(page, folder)
    assert studio.in_notebook(LOADED.format(name="line-files")).strip() == "7.0"
    look_at_artifacts(page)
    from_zip(studio, page, folder, tmp_path)
    from_run(studio, page)
    deploy(page)
    delete_is_refused_then_done(studio, page)


def from_folder(page: Page, folder: Path) -> None:
    open_register(page, "From local files")
    page.locator("input[name=folder]").set_input_files(folder)
    page.get_by_role("textbox", name="Model name").fill("line-files")
    expect(page.locator("#name-says")).to_contain_text("A new model, version 1.")
    page.evaluate(
        """() => document.addEventListener("htmx:xhr:progress", () => {
            const isHidden = document.querySelector("[data-upload-progress]").hidden;
            if (!isHidden) sessionStorage.setItem("progress", "seen");
        })"""
    )
    page.get_by_role("button", name="Register").click()
    page.wait_for_url(re.compile(r"/models/-/registrations/"))
    assert page.evaluate("sessionStorage.getItem('progress')") == "seen"
    wait_until_registered(page)
    expect(page.get_by_role("heading", name="line-files", level=1)).to_be_visible()
    expect(page.locator("#loading")).to_contain_text("Loading this model")


def look_at_artifacts(page: Page) -> None:
    page.get_by_role("link", name="Artifacts", exact=True).click()
    expect(page.locator("#artifact-text")).to_contain_text("flavors:")
    page.get_by_role("link", name=re.compile("notes “1”.txt")).click()
    expect(page.locator("#artifacts")).to_contain_text("The first 200 KB are shown.")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert Path(started.value.path()).stat().st_size == 9 * 400_000


def from_zip(studio: RunningStudio, page: Page, folder: Path, scratch: Path) -> None:
    shutil.rmtree(folder / "extra")
    archive = shutil.make_archive(str(scratch / "line"), "zip", folder.parent, folder.name)
    open_register(page, "From local files")
    page.get_by_role("radio", name=re.compile("^Zip file")).check()
    page.locator("input[name=zip]").set_input_files(
        {"name": "bad.zip", "mimeType": "application/zip", "buffer": b"no"}
    )
    page.get_by_role("textbox", name="Model name").fill("line-files")
    expect(page.locator("#name-says")).to_contain_text("becomes its version 2")
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#field-zip")).to_contain_text("This is not a zip file.")
    page.locator("input[name=zip]").set_input_files(archive)
    page.get_by_role("button", name="Register").click()
    wait_until_registered(page)
    assert studio.query(VERSIONS, "line-files") == [(1,), (2,)]


def from_run(studio: RunningStudio, page: Page) -> None:
    open_register(page, "From a run")
    with page.expect_response(re.compile("search=lin")):
        page.get_by_role("searchbox", name="Search experiments").fill("lin")
    page.get_by_role("link", name="lines", exact=True).click()
    expect(page.locator("#choices")).to_contain_text("r2: 1")
    page.get_by_role("link", name="straight line").click()
    page.get_by_role("link", name="line", exact=True).click()
    page.get_by_role("textbox", name="Model name").fill("line-run")
    page.get_by_role("button", name="Register").click()
    wait_until_registered(page)
    assert studio.in_notebook(LOADED.format(name="line-run")).strip() == "7.0"


def deploy(page: Page) -> None:
    page.goto("/models/line-files/versions/1/")
    page.locator("#deploy > summary").click()
    page.get_by_role("link", name="Deploy to batch endpoint").click()
    page.get_by_role("textbox", name="Endpoint name").fill("straight-lines")
    next_step(page, "Model")
    fill_deployment(page, model="line-files:1", deployment="first")
    expect(page.locator("#endpoint-live")).to_contain_text("Succeeded", timeout=240_000)


def delete_is_refused_then_done(studio: RunningStudio, page: Page) -> None:
    page.goto("/models/line-files/")
    page.get_by_role("link", name="Delete", exact=True).click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("The deployment straight-lines/first uses it.")
    page.goto("/endpoints/straight-lines/delete/")
    page.get_by_label("to confirm").fill("straight-lines")
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/endpoints/")
    page.goto("/models/")
    page.get_by_label("Select line-files").check()
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_label("to confirm").fill("line-files")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("#toasts")).to_contain_text("line-files is deleted, with 2 versions.")
    assert studio.query(VERSIONS, "line-files") == []
