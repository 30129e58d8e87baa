"""Signing in through a provider, in a browser: it is away, then there; its person works and goes."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.conftest import PATIENCE, sign_in
from tests.journeys.running import RunningStudio
from tests.oidc_server import CLIENT_SECRET, OidcServer, oidc_server


@pytest.mark.journey
def test_a_person_of_a_provider_signs_in(studio: RunningStudio, browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(base_url=studio.address, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and message.location["url"].startswith(studio.address)
            else None
        ),
    )
    page.goto("/jobs/")
    button = page.get_by_role("link", name="Sign in with Clinic")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("Clinic does not answer. Try again later")
    page.goto("/jobs/")
    callback = f"{studio.address}/account/oidc/callback/"
    with oidc_server(tmp_path, port=studio.oidc_port, callback=callback) as server:
        server.know("hopper", name="Grace Hopper", preferred_username="hopper", groups=["science"])
        button.click()
        page.locator("[name=login]").fill("hopper")
        page.locator("[name=password]").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/jobs/")
        connect_and_disconnect(studio, browser, server)
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_role("main")).to_contain_text(re.compile("Grace Hopper.*Data scientist", re.DOTALL))
    page.locator("#user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()
    assert not errors
    logs = [studio.home / "console.log", *(studio.home / "logs").rglob("*.log")]
    assert not [log for log in logs if CLIENT_SECRET in log.read_text(errors="replace")]


def connect_and_disconnect(studio: RunningStudio, browser: Browser, server: OidcServer) -> None:
    """By who has a password, in a browser that the provider does not know yet."""
    server.know("root", preferred_username="root", groups=["science"])
    context = browser.new_context(base_url=studio.address)
    context.set_default_timeout(PATIENCE)
    sign_in(context, studio)
    page = context.new_page()
    page.goto("/account/")
    page.get_by_role("link", name="Connect with Clinic").click()
    page.get_by_role("button", name="Go on to Clinic").click()
    page.locator("[name=login]").fill("root")
    page.locator("[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/account/")
    expect(page.get_by_text("Clinic opens your account now.")).to_be_visible()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("link", name="Connect with Clinic")).to_be_visible()
    context.close()
