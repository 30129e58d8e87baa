"""What several journeys do in the same way."""

import csv
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.journeys.running import RunningStudio

IN_REGISTRY = """
SELECT 1 FROM studio_modelversion v JOIN studio_registeredmodel m ON m.id = v.registered_model_id WHERE m.name = %s
"""


def wait_for_model(studio: RunningStudio, name: str) -> None:
    studio.run("from studio.queue import enqueue; enqueue('models.follow_registry')")  # as a page does
    studio.wait_for(lambda: studio.query(IN_REGISTRY, name), seconds=10)


def next_step(page: Page, title: str) -> None:
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name=title, level=2)).to_be_visible()


def upload(page: Page, name: str, files: list[Path], *, is_folder: bool = False) -> None:
    """Data → + Create, to the new asset's page."""
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("textbox", name="Name").fill(name)
    if is_folder:
        page.get_by_text("Folder (uri_folder)").click()
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/data/{name}/")


def drop(page: Page, target: Locator, *paths: Path) -> None:
    """Files and folders of this machine, as a person drags them from their desktop."""
    box = target.bounding_box()
    assert box is not None, "what is dropped onto is drawn"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    browser = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
    browser.detach()


def choose_dataset(page: Page, name: str) -> None:
    """In the step *Select data source*: search, then choose."""
    with page.expect_response(lambda answer: f"search={name}" in (answer.request.post_data or "")):
        page.get_by_role("searchbox", name="Search data assets").fill(name)
    page.get_by_role("radio", name=name, exact=True).check()


def create_job(
    page: Page, endpoint: str, *, dataset: str = "", path: str = "", output: str = "", **override: str
) -> str:
    """The job wizard to its end; the name of the new job. `override` are labels' answers, spaces as _."""
    page.goto(f"/endpoints/{endpoint}/")
    page.get_by_role("link", name="Create job").first.click()
    if override:
        page.get_by_label("Override deployment settings").check()
        for label, value in override.items():
            page.get_by_label(label.replace("_", " ")).fill(value)
    next_step(page, "Select data source")
    if path:
        page.get_by_role("radio", name="Datastore").check()
        page.get_by_role("textbox", name="Path").fill(path)
    else:
        choose_dataset(page, dataset)
    next_step(page, "Configure output location")
    if output:
        page.get_by_label("Enable output configuration").check()
        page.get_by_role("textbox", name="Output path").fill(output)
    next_step(page, "Review")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    return page.url.rstrip("/").rsplit("/", 1)[1]


def download_predictions(page: Page, *, shown: str) -> Path:
    """From a completed job's page: looked at, `shown` among them, and fetched."""
    page.get_by_role("link", name="Outputs + logs").click()
    page.get_by_role("link", name="Show data outputs").click()
    page.get_by_role("link", name="Preview predictions.csv").click()
    expect(page.locator("main")).to_contain_text(shown)
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download predictions.csv").click()
    return Path(download.value.path())


def fill_deployment(page: Page, *, model: str, deployment: str) -> None:
    """The steps *Model* to *Review* of the deployment wizard, from *Model* on, and *Create deployment*."""
    page.get_by_role("radio", name=model).check()
    next_step(page, "Deployment")
    page.get_by_role("textbox", name="Deployment name").fill(deployment)
    next_step(page, "Environment")
    next_step(page, "Compute")
    next_step(page, "Review")
    page.get_by_role("button", name="Create deployment").click()
    page.wait_for_url(re.compile(r"/endpoints/[a-z0-9-]+/$"))


def predictions(file: Path) -> list[dict[str, Any]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))
