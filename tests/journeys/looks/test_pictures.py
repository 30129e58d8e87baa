"""The pictures of README and Help, taken from the running studio: `make pictures` keeps them, with the words of each
page beside them. Every other run takes them too, and fails where a page no longer says what its picture shows."""

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys.running import PROJECT, RunningStudio
from tests.journeys.steps import choose_dataset, next_step

KEEPING = bool(os.environ.get("STUDIO_PICTURES"))
HELP, README = PROJECT / "static" / "img" / "help", PROJECT / "docs" / "images"
WORDS = README / "words.json"
LARGEST = 150 * 1024
# Name, address and whether README shows it; the wizard is driven to its second step.
PICTURES = {
    "home": ("/", False),
    "models": ("/models/", False),
    "endpoint": ("/endpoints/breast-cancer-sample/", True),
    "wizard": ("wizard", True),
    "job": ("/jobs/{job}/", True),
    "metrics": ("/jobs/{job}/metrics/", False),
    "data": ("/data/breast-cancer-samples/", False),
    "compute": ("/compute/", False),
}
# Headings, heads of columns, terms, commands, tabs and labels; not what comes from rows, which other journeys make,
# nor the time.
SAID = "h1, h2, th, dt, .commands .btn, .tabs a, label, legend, .form-label"
FROM_ROWS = "tbody, .card-rows, .menu, .empty-state, #toasts, select, datalist, time"
READ = """(all, fromRows) => {
  const read = (node) =>
    node.nodeType === Node.TEXT_NODE ? node.data
    : node.nodeType !== Node.ELEMENT_NODE || node.matches(fromRows) || !node.checkVisibility() ? ""
    : [...node.childNodes].map(read).join(" ");
  return all.filter((one) => !one.closest(fromRows)).map(read);
}"""
PASSING = {"first steps"}  # gone once somebody has taken them


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_its_page_says(
    studio: RunningStudio, page: Page, tmp_path: Path, name: str
) -> None:
    take_place(studio, page, PICTURES[name][0])
    picture, said = taken(page), words(page)
    assert len(picture) < LARGEST
    known = json.loads(WORDS.read_text()) if WORDS.exists() else {}
    if not KEEPING:
        (tmp_path / f"{name}.png").write_bytes(picture)
        assert said == known.get(name), f"The page of the picture “{name}” has changed: run make pictures"
        return
    for folder in (HELP, README) if PICTURES[name][1] else (HELP,):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(picture)
    WORDS.write_text(json.dumps({**known, name: said}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def take_place(studio: RunningStudio, page: Page, address: str) -> None:
    page.context.add_cookies([{"name": "theme", "value": "light", "url": studio.address}])
    page.set_viewport_size({"width": 1280, "height": 800})
    if address == "wizard":
        page.goto("/endpoints/breast-cancer-sample/")
        page.get_by_role("link", name="Create job").first.click()
        next_step(page, "Select data source")
        choose_dataset(page, "breast-cancer-samples")
        expect(page.locator("td.verdict").first).to_be_visible()
    else:
        page.goto(address.format(job=sample_job(studio)))
    page.mouse.move(0, 0)
    page.evaluate("document.fonts.ready")


def sample_job(studio: RunningStudio) -> Any:
    first = "SELECT name FROM studio_job WHERE endpoint_name = 'breast-cancer-sample' ORDER BY id LIMIT 1"
    return studio.query(first)[0][0]


def taken(page: Page) -> bytes:
    """The page as a small PNG: its few colours fit a palette."""
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    small = io.BytesIO()
    shot.convert("RGB").quantize(colors=128, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def words(page: Page) -> list[str]:
    """What the page says of itself, without numbers, in one spelling."""
    found: list[str] = page.locator(f"main :is({SAID})").evaluate_all(READ, FROM_ROWS)
    found = [text for text in found if not re.search(r"\b[a-z]+_[a-z]+_[a-z0-9]{8}\b", text)]
    said = {re.sub(r"[\d.,:–-]+|\s+", " ", text).strip().casefold() for text in found}
    said = {re.sub(r"\s+", " ", text) for text in said}
    return sorted(said - PASSING - {""})
