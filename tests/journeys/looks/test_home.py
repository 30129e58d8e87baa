"""A person's own settings follow them, and what failed leads to what to do."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.journeys.running import PASSWORD, RunningStudio

MAKE_PERSON = """
from django.contrib.auth.models import User
User.objects.create_user("noether", password="first-of-hers-1")
"""


def sign_in(page: Page, password: str) -> None:
    page.goto("/account/sign-in/")
    page.get_by_label("Username").fill("noether")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()


def test_theme_time_zone_and_password_follow_the_person(studio: RunningStudio, browser: Browser) -> None:
    studio.run(MAKE_PERSON)
    here, there = (browser.new_context(base_url=studio.address, timezone_id="UTC") for _ in range(2))
    try:
        page, other = here.new_page(), there.new_page()
        sign_in(page, "first-of-hers-1")
        sign_in(other, "first-of-hers-1")
        page.get_by_label("Signed in as noether").click()
        page.get_by_role("link", name="Profile").click()
        page.get_by_role("radio", name="Dark").check()
        page.get_by_label("Time zone").fill("Asia/Tokyo")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("html[data-bs-theme=dark][data-time-zone='Asia/Tokyo']")).to_be_attached()
        expect(page.locator("dd time").first).to_have_attribute("title", re.compile(r"GMT\+9"))
        page.get_by_label("Old password").fill("first-of-hers-1")
        page.get_by_label("New password", exact=False).first.fill("second-of-hers-2")
        page.get_by_label("New password confirmation").fill("second-of-hers-2")
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("The password is changed")).to_be_visible()
        other.goto("/jobs/")
        expect(other.get_by_role("button", name="Sign in")).to_be_visible()
        sign_in(other, "second-of-hers-2")
        expect(other.locator("html[data-bs-theme=dark]")).to_be_attached()
    finally:
        here.close()
        there.close()


def test_a_form_opened_before_signing_in_again_is_sent_all_the_same(
    studio: RunningStudio, page: Page
) -> None:
    page.goto("/account/")
    second = page.context.new_page()
    second.goto("/")
    second.get_by_label("Signed in as admin").click()
    second.get_by_role("button", name="Sign out").click()
    second.get_by_label("Username").fill("admin")
    second.get_by_label("Password").fill(PASSWORD)
    second.get_by_role("button", name="Sign in").click()
    expect(second.get_by_role("heading", name="Home", level=1)).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def test_help_explains_a_sentence_that_was_seen(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Help", exact=True).click()
    page.get_by_role("link", name="Troubleshooting").click()
    page.get_by_label("The sentence that you saw").fill(
        "MLflow at http://127.0.0.1:5050 does not answer: Connection refused"
    )
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", name="What this sentence means")).to_be_visible()
    expect(page.get_by_role("heading", name="MLflow is away")).to_be_visible()
