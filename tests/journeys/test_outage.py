"""A service that is away: the page says which, nothing is lost, and work goes on when it is back."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import create_job


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Stopped, with its whole family, so that it takes connections and answers nothing: the worst way to be away."""
    family = [process, *process.children(recursive=True)]
    for one in family:
        one.suspend()
    try:
        yield
    finally:
        for one in family:
            one.resume()


@pytest.mark.journey
def test_a_job_submitted_while_the_broker_is_away_starts_when_it_is_back(
    studio: RunningStudio, page: Page
) -> None:
    with frozen(studio.child("valkey-server")):
        job = create_job(page, "breast-cancer-sample", dataset="breast-cancer-samples")
        expect(page.locator("main")).to_contain_text("message broker does not answer", timeout=20_000)
        assert studio.job(job)["status"] == "Queued"
    studio.wait_for(lambda: studio.job(job)["status"] == "Completed", seconds=60)
    expect(page.locator("main")).to_contain_text("Completed", timeout=30_000)
    assert studio.job(job)["rows_scored"] == 569


@pytest.mark.journey
def test_the_models_page_says_that_mlflow_is_away_and_when_it_is_back(
    studio: RunningStudio, page: Page
) -> None:
    page.goto("/models/")
    with frozen(studio.child("uvicorn")):
        expect(page.locator("main")).to_contain_text("does not answer", timeout=40_000)
        expect(page.get_by_role("link", name="breast_cancer_classifier")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("does not answer", timeout=40_000)
