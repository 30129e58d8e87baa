"""From an invitation to a download by token, and to the end of both."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.journeys.conftest import PATIENCE
from tests.journeys.running import RunningStudio

pytestmark = pytest.mark.journey
PASSWORD = "bob-begins-a-journey"


@pytest.fixture
def elsewhere(studio: RunningStudio, browser: Browser) -> Iterator[BrowserContext]:
    """Another person's browser."""
    context = browser.new_context(base_url=studio.address, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def invite(page: Page, name: str, role: str) -> str:
    page.goto("/people/")
    page.get_by_role("link", name="Invite").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label(role).check()
    page.get_by_role("dialog").get_by_role("button", name="Invite").click()
    link = page.get_by_role("textbox", name="One-time link").inner_text()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("row", name=name)).to_contain_text("Invited")
    return link


def create_token(page: Page, name: str, scope: str = "Read") -> str:
    page.goto("/account/tokens/")
    page.get_by_role("link", name="Create token").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("radio", name=re.compile(f"^{scope}")).check()
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    raw = page.get_by_role("textbox", name="API token").inner_text()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("row", name=name)).to_contain_text("Active")
    return raw


def test_a_person_comes_works_with_a_token_and_goes(
    studio: RunningStudio, page: Page, elsewhere: BrowserContext
) -> None:
    link = invite(page, "bob", "Reader")
    theirs = elsewhere.new_page()
    theirs.goto(link)
    theirs.locator("[name=new_password1]").fill(PASSWORD)
    theirs.locator("[name=new_password2]").fill(PASSWORD)
    theirs.get_by_role("button", name="Save and sign in").click()
    expect(theirs.get_by_role("heading", name="Home")).to_be_visible()
    create = theirs.get_by_role("button", name="Create job")
    expect(create).to_have_attribute("aria-disabled", "true")
    expect(create).to_have_accessible_description(re.compile("A Data scientist or an Administrator"))
    expect(theirs.get_by_role("navigation", name="Main").get_by_text("People")).to_have_count(0)

    raw = create_token(theirs, "nightly")
    job = studio.query("SELECT name FROM studio_job WHERE status = 'Completed' ORDER BY id LIMIT 1")[0][0]
    where = f"{studio.address}/jobs/{job}/outputs/download/?file=predictions.csv"
    by_token = {"Authorization": f"Bearer {raw}"}
    answer = requests.get(where, headers=by_token, timeout=30, allow_redirects=False)
    assert answer.text.startswith("row,prediction,file_name")

    page.get_by_label("Select bob").check()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("row", name="bob")).to_contain_text("Deactivated")
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
    refused = requests.get(where, headers=by_token, timeout=30, allow_redirects=False)
    assert (refused.status_code, "was revoked" in refused.text) == (401, True)

    page.goto("/audit/?search=bob")
    for act in ("Invited", "Chose a password through a link", "Deactivated the account"):
        expect(page.get_by_role("cell", name=act)).to_be_visible()
    page.get_by_label("Act", exact=True).select_option("person.invite")
    expect(page.get_by_role("cell", name="Deactivated the account")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[2] for line in lines] == ["act", "person.invite"]
