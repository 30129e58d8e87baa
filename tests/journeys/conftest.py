"""One whole studio, started as `make run` starts it, for all journeys; and Chromium."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.journeys.running import RunningStudio, running_studio

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")  # as tests/browser.sh looks for them
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIGN_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
browser = Client()
browser.force_login(get_user_model().objects.get(username="admin"))
print(browser.cookies["sessionid"].value)
"""
# Chromium says so in the console of a page that answers a form with its mistakes; that is not an error.
EXPECTED = re.compile(r"the server responded with a status of 422")
PATIENCE = 15_000  # milliseconds; a machine may have more to do than this journey
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def studio() -> Iterator[RunningStudio]:
    with running_studio() as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with the journeys: while it runs, its event loop keeps Django from the database in this thread."""
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield running
        running.close()


def sign_in(context: BrowserContext, studio: RunningStudio) -> None:
    """Without the form, whose check of the password takes its time; each context has a session of its own, which it
    may end."""
    session = {"name": "sessionid", "value": studio.run(SIGN_IN), "url": studio.address}
    context.add_cookies([session])  # type: ignore[list-item]


@pytest.fixture
def page(studio: RunningStudio, browser: Browser) -> Iterator[Page]:
    """A signed-in page, nowhere yet; the test fails when its console shows an error."""
    context = browser.new_context(base_url=studio.address, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    sign_in(context, studio)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [error for error in errors if not EXPECTED.search(error)] == []
