"""One whole studio, started as `make run` starts it, for all journeys; and Chromium."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.journeys.running import PASSWORD, RunningStudio, running_studio

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Chromium says so in the console of a page that answers a form with its mistakes; that is not an error.
EXPECTED = re.compile(r"the server responded with a status of 422")
PATIENCE = 15_000  # milliseconds; a machine may have more to do than this journey
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def studio() -> Iterator[RunningStudio]:
    with running_studio() as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield running
        running.close()


def sign_in(context: BrowserContext) -> None:
    """As the form does it, without looking at pages; each context has a session of its own, which it may end."""
    form = {"username": "admin", "password": PASSWORD}
    context.request.get("/account/sign-in/")
    token = next(one["value"] for one in context.cookies() if one["name"] == "csrftoken")
    form["csrfmiddlewaretoken"] = token
    assert context.request.post("/account/sign-in/", form=form, max_redirects=0).status == 302


@pytest.fixture
def page(studio: RunningStudio, browser: Browser) -> Iterator[Page]:
    """A signed-in page, nowhere yet; the test fails when its console shows an error."""
    context = browser.new_context(base_url=studio.address, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    sign_in(context)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [error for error in errors if not EXPECTED.search(error)] == []
