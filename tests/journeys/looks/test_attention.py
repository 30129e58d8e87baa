"""What a person is just doing outlives what the studio draws anew under their hands."""

import time
from collections.abc import Callable
from pathlib import Path

import requests
from playwright.sync_api import Page, Route, expect

from tests.journeys.running import RunningStudio


def register(studio: RunningStudio, *names: str) -> None:
    """As any client of MLflow does it."""
    for name in names:
        model = {"name": name, "tags": [{"key": "team", "value": "credit-risk-and-pricing"}]}
        address = f"{studio.mlflow_uri}/api/2.0/mlflow/registered-models/create"
        requests.post(address, json=model, timeout=20).raise_for_status()


def test_a_refused_upload_keeps_the_chosen_files(page: Page, tmp_path: Path) -> None:
    files = [tmp_path / "jan.csv", tmp_path / "feb.csv"]
    for file in files:
        file.write_text("x\n1\n")
    page.goto("/")
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("textbox", name="Name").fill("months")
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("takes one file")).to_be_visible()
    expect(page.get_by_text("jan.csv")).to_be_visible()
    page.get_by_text("Folder (uri_folder)").click()
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/months/")
    expect(page.get_by_role("link", name="feb.csv")).to_be_visible()


def test_a_list_that_follows_the_registry_keeps_the_keyboards_place_and_the_scroll(
    studio: RunningStudio, page: Page
) -> None:
    register(studio, "attention_1", "attention_2", "attention_3")
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto("/models/")
    expect(page.get_by_role("link", name="attention_3")).to_be_attached(timeout=20_000)
    third = page.get_by_label("Select attention_1")
    third.focus()
    page.keyboard.press("Space")
    table = page.locator(".table-scroll")
    table.evaluate("table => table.scrollTo(90, 0)")
    register(studio, "attention_4")
    expect(page.get_by_role("link", name="attention_4")).to_be_attached(timeout=20_000)
    expect(third).to_be_focused()
    expect(third).to_be_checked()
    assert table.evaluate("table => table.scrollLeft") == 90


def test_a_list_that_has_not_changed_is_left_alone(studio: RunningStudio, page: Page) -> None:
    register(studio, "attention_5")
    page.goto("/models/")
    expect(page.get_by_role("link", name="attention_5")).to_be_visible(timeout=20_000)
    with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
        pass  # there is nothing to hold the first answer against
    page.wait_for_timeout(100)
    page.locator("#models-rows").evaluate("rows => rows.dataset.mark = 'the same'")
    for _ in range(2):
        with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
            pass
    page.wait_for_timeout(100)
    expect(page.locator("#models-rows[data-mark]")).to_be_attached()


def test_searching_and_leaving_during_a_slow_answer_is_no_error(studio: RunningStudio, page: Page) -> None:
    register(studio, "attention_6")
    held: list[Route] = []

    def hold_polls(route: Route) -> None:
        polled = route.request.headers.get("hx-request") and "search" not in route.request.url
        held.append(route) if polled else route.continue_()

    page.goto("/models/")
    page.route("**/models/**", hold_polls)
    wait_until(page, lambda: len(held) == 1)
    page.get_by_role("searchbox").fill("attention_6")
    page.wait_for_url("**/models/?search=attention_6")
    page.get_by_role("searchbox").fill("")
    wait_until(page, lambda: len(held) > 1)
    page.reload()
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()
    expect(page.locator("#toasts p")).to_have_count(0)


# What a browser shows outside of its pages cannot be seen from here.
NOTIFICATIONS = """
window.told = [];
window.Notification = class {
  static permission = localStorage.getItem("asked") || "default";
  static async requestPermission() {
    localStorage.setItem("asked", "granted");
    return (Notification.permission = "granted");
  }
  constructor(title, { body }) { told.push(`${title}: ${body}`); }
  addEventListener() {}
};
"""
END_IT = """
UPDATE studio_job SET finished_at = now(), created_by_id = (SELECT id FROM auth_user WHERE username = 'admin')
WHERE name = (
    SELECT min(name) FROM studio_job WHERE status = 'Completed' AND endpoint_name = 'breast-cancer-sample'
)
RETURNING display_name
"""


def test_a_job_that_ends_is_told_at_the_bell_and_by_the_browser_that_was_asked(
    studio: RunningStudio, page: Page
) -> None:
    page.add_init_script(NOTIFICATIONS)
    page.goto("/account/")
    page.get_by_label("Also by a notification of the browser").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto("/account/notifications/")  # whatever other journeys have left is seen
    page.goto("/help/")
    bell = page.get_by_role("link", name="Notifications")
    expect(bell).to_be_visible()
    page.wait_for_function("localStorage.getItem('studio:told') !== null")
    [(shown,)] = studio.wait_for(lambda: studio.query(END_IT), seconds=240)
    page.reload()
    expect(bell).to_contain_text("1")
    page.wait_for_function("told.length > 0")
    assert page.evaluate("told") == [f"{shown} is completed: Completed"]
    bell.click()
    expect(page.get_by_role("main").get_by_role("link", name=shown).first).to_be_visible()
    expect(page.locator(".bell-count")).to_be_hidden()


def wait_until(page: Page, ask: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not ask():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(50)
