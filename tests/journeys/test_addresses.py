"""From a public https address to predictions: tested, registered, explored, scored; its key is nowhere to be seen."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import download_predictions, next_step, predictions
from tests.journeys.test_job_wizard import ENDPOINT, PATH, READY
from tests.stores.https_server import Server, https_server

KEY = "sig=a-key-for-this-journey"


@pytest.mark.journey
def test_a_job_from_an_address(studio: RunningStudio, page: Page) -> None:
    studio.wait_for(lambda: studio.query(READY, ENDPOINT), seconds=240)
    samples = studio.home / "datastore" / studio.query(PATH, "breast-cancer-samples")[0][0] / "samples-1.csv"
    with https_server(studio.authority, port=studio.web_port) as web:
        address = f"{web.put('/samples.csv', samples.read_bytes())}?{KEY}"
        web.put("/about.html", b"<html>", type="text/html")
        register(page, web, address)
        expect(page.locator("main")).to_contain_text(f"localhost:{web.port}/samples.csv?…")
        page.get_by_role("link", name="Explore").click()
        expect(page.get_by_role("heading", name="First rows of samples.csv")).to_be_visible()
        job = score(page, web, address)
        rows = predictions(download_predictions(page, shown="samples.csv"))
        assert len(rows) == len(samples.read_text().splitlines()) - 1
        assert {row["file_name"] for row in rows} == {"samples.csv"}
        assert all(ranged for _path, ranged in web.asked), "nothing was fetched whole"
    nowhere(studio, job)


def register(page: Page, web: Server, address: str) -> None:
    page.goto("/data/-/new/")
    page.get_by_role("textbox", name="Name").fill("web-samples")
    page.get_by_label("Public https address").check()
    field, facts = page.get_by_role("textbox", name="Address"), page.locator("#address-facts")
    for wrong, said in (
        ("http://example.com/x.csv", "Only https addresses are read"),
        ("https://127.0.0.1/x.csv", "is not a public host"),
        (web.url("/about.html"), "looks like a web page"),
        (web.url("/none.csv"), "There is nothing at"),
    ):
        field.fill(wrong)
        page.get_by_role("button", name="Test").click()
        expect(facts).to_contain_text(said)
    field.fill(address)
    page.get_by_role("button", name="Test").click()
    expect(facts).to_contain_text("in parts: each node fetches the bytes that it scores")
    expect(facts).not_to_contain_text("a-key")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/web-samples/")


def score(page: Page, web: Server, address: str) -> str:
    page.goto(f"/endpoints/{ENDPOINT}/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    page.get_by_role("radio", name="Datastore", exact=True).check()
    path = page.get_by_role("textbox", name="Path")
    path.fill(web.url("/none.csv"))
    expect(page.locator("#input-choice")).to_contain_text("There is nothing at")
    path.fill(address)
    expect(page.locator("#input-check")).to_contain_text("first rows of samples.csv")
    next_step(page, "Configure output location")
    page.get_by_role("link", name="Back").click()
    expect(path).to_have_value(f"{web.url('/samples.csv')}?…")
    next_step(page, "Configure output location")
    next_step(page, "Review")
    expect(page.locator("main")).to_contain_text("/samples.csv?…")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    expect(page.locator("main")).to_contain_text("Completed", timeout=60_000)
    expect(page.locator("main")).to_contain_text("/samples.csv?…")
    return page.url.rstrip("/").rsplit("/", 1)[1]


def nowhere(studio: RunningStudio, job: str) -> None:
    tables = [row[0] for row in studio.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    for table in tables:
        assert "a-key-for" not in str(studio.query(f"SELECT * FROM {table}")), table
    logs = [studio.home / "console.log", *(studio.home / "logs").rglob("*.log")]
    assert not [log for log in logs if "a-key-for" in log.read_text(errors="replace")]
    outputs = studio.output(job).parent
    assert not [file for file in Path(outputs).iterdir() if b"a-key-for" in file.read_bytes()]
