"""The job wizard: data found and looked at, its first rows tried, a column passed through; and without JavaScript."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import PATIENCE
from tests.journeys.running import PASSWORD, RunningStudio
from tests.journeys.steps import choose_dataset, next_step, predictions

ENDPOINT = "breast-cancer-sample"
READY = "SELECT 1 FROM studio_job WHERE endpoint_name = %s AND status = 'Completed'"
PATH = """
SELECT v.path FROM studio_dataassetversion v JOIN studio_dataasset a ON a.id = v.asset_id WHERE a.name = %s
"""
FOLDER = "wizard-journey"


@pytest.fixture
def keyed(studio: RunningStudio) -> list[str]:
    """The sample's first file with a column of keys before the others, below the default datastore; the keys."""
    studio.wait_for(lambda: studio.query(READY, ENDPOINT), seconds=240)
    path = studio.query(PATH, "breast-cancer-samples")[0][0]
    source = studio.home / "datastore" / path / "samples-1.csv"
    header, *rows = source.read_text().splitlines()
    keys = [f"{number:05}" for number in range(len(rows))]
    target = studio.home / "datastore" / FOLDER / "keyed.csv"
    target.parent.mkdir(exist_ok=True)
    lines = [f"sample_id,{header}", *(f"{key},{row}" for key, row in zip(keys, rows, strict=True))]
    target.write_text("\n".join(lines) + "\n")
    return keys


@pytest.mark.journey
def test_data_is_found_tried_and_scored(studio: RunningStudio, page: Page, keyed: list[str]) -> None:
    page.goto(f"/endpoints/{ENDPOINT}/")
    page.get_by_role("link", name="Create job").first.click()
    look_at_the_settings(page)
    next_step(page, "Select data source")
    page.get_by_role("button", name="Next").click()
    nothing_chosen = page.get_by_text("Choose a data asset, or “Datastore” to give a path.")
    expect(nothing_chosen).to_be_visible()
    choose_dataset(page, "breast-cancer-samples")
    expect(nothing_chosen).to_be_hidden()
    expect(page.locator("#input-check")).to_contain_text("569 rows")
    expect(page.locator("#input-check")).to_contain_text(
        re.compile(r"about .+, from the last .*of this deployment")
    )
    browse(page)
    pass_the_key_through(page)
    next_step(page, "Configure output location")
    next_step(page, "Review")
    expect(page.locator("main")).to_contain_text("sample_id")
    try_the_first_rows(page)
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    job = page.url.rstrip("/").rsplit("/", 1)[1]
    expect(page.locator("main")).to_contain_text("Completed", timeout=60_000)
    rows = predictions(studio.output(job))
    assert list(rows[0]) == ["row", "sample_id", "prediction", "file_name"]
    assert [row["sample_id"] for row in rows] == keyed


def look_at_the_settings(page: Page) -> None:
    expect(page.locator("#chosen-deployment")).to_contain_text("breast_cancer_classifier:1")
    page.get_by_label("Override deployment settings").check()
    line = page.locator(".override", has_text="Mini batch size")
    expect(line.get_by_text("changed")).to_be_hidden()
    page.get_by_label("Mini batch size").fill("1")
    expect(line.get_by_text("changed")).to_be_visible()
    page.get_by_label("Override deployment settings").uncheck()


def browse(page: Page) -> None:
    page.get_by_role("radio", name="Datastore", exact=True).check()
    page.get_by_role("link", name="Browse").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name=FOLDER, exact=True).click()
    dialog.get_by_role("link", name="Use keyed.csv").click()
    expect(page.get_by_role("textbox", name="Path")).to_have_value(f"{FOLDER}/keyed.csv")
    expect(page.locator("#input-check")).to_contain_text("extra, ignored")


def pass_the_key_through(page: Page) -> None:
    page.get_by_role("button", name="Pass sample_id through").click()
    expect(page.get_by_role("checkbox", name="sample_id")).to_be_checked()
    expect(page.get_by_role("button", name="Pass sample_id through")).to_have_count(0)


def try_the_first_rows(page: Page) -> None:
    page.get_by_role("button", name="Try the first rows").click()
    tried = page.locator(".trial-table")
    expect(tried).to_be_visible(timeout=30_000)
    expect(tried.locator("tbody tr")).to_have_count(20)
    expect(tried.locator("tbody tr").first).to_contain_text(re.compile("malignant|benign"))
    expect(page.locator("#trial")).to_contain_text("Completed")


@pytest.mark.journey
def test_without_javascript_to_a_finished_job(
    studio: RunningStudio, browser: Browser, keyed: list[str]
) -> None:
    context = browser.new_context(base_url=studio.address, java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"/jobs/new/?endpoint={ENDPOINT}")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    next_step(page, "Select data source")
    page.get_by_role("searchbox", name="Search data assets").fill("breast")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("radio", name="breast-cancer-samples", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Datastore", exact=True).check()
    page.get_by_role("link", name="Browse").click()
    page.get_by_role("link", name=FOLDER, exact=True).click()
    page.get_by_role("link", name="Use this folder").click()
    expect(page.get_by_role("textbox", name="Path")).to_have_value(FOLDER)
    page.get_by_role("button", name="Show the first rows").click()
    page.get_by_role("checkbox", name="sample_id").check()
    next_step(page, "Configure output location")
    next_step(page, "Review")
    with page.expect_navigation():  # a reload in the middle of it would find no page
        page.get_by_role("button", name=re.compile("^Try")).click()
    studio.wait_for(lambda: tried(page), seconds=30, every=1)
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    job = page.url.rstrip("/").rsplit("/", 1)[1]
    studio.wait_for(lambda: studio.job(job)["status"] == "Completed")
    assert [row["sample_id"] for row in predictions(studio.output(job))] == keyed
    context.close()


def tried(page: Page) -> bool:
    page.reload()
    return page.locator(".trial-table").is_visible()
