"""Datastores and data assets, from an empty folder to data that a job could read."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio

# The other journeys look for uploads and outputs in the folder of a fresh studio.
FIRST_IS_DEFAULT = """
from studio.models import Datastore
Datastore.objects.update(is_default=False)
Datastore.objects.filter(name="workspaceblobstore").update(is_default=True)
"""


def visits(folder: Path, *paths: str) -> Path:
    """CSV files of three rows."""
    for number, path in enumerate(paths):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"{number}{row},{50 + row},{city}\n" for row, city in enumerate(("Ulm", "Bonn", ""))]
        file.write_text("PatientID,Age,City\n" + "".join(rows))
    return folder


@pytest.mark.journey
def test_a_datastore_from_its_folder_to_its_end(studio: RunningStudio, page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    try:
        register(page, folder, "clinic")
        assert folder.is_dir()
        try_access(page, folder)
        browse_and_upload(page, folder, tmp_path)
        asset_from_a_path(studio, page)
        asset_from_a_folder(page, tmp_path)
        explore_and_versions(studio, page, tmp_path)
        unregister(studio, page, tmp_path)
    finally:
        studio.run(FIRST_IS_DEFAULT)


def register(page: Page, folder: Path, name: str) -> None:
    page.goto("/data/")
    page.get_by_role("link", name="Datastores", exact=True).click()
    page.get_by_role("link", name="Create", exact=True).click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Folder").fill("/etc")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main")).to_contain_text("belongs to the operating system")
    page.get_by_role("textbox", name="Folder").fill(str(folder))
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/datastores/{name}/")
    expect(page.locator("main")).to_contain_text(str(folder))


def try_access(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Test access").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Test", exact=True).click()
    expect(dialog).to_contain_text("can read and write here")
    expect(dialog.get_by_text("worked")).to_have_count(4)
    folder.rename(folder.with_name("away"))
    dialog.get_by_role("button", name="Test again").click()
    expect(dialog).to_contain_text("there is no folder")
    expect(dialog.get_by_text("not tried")).to_have_count(3)
    folder.with_name("away").rename(folder)
    dialog.get_by_role("link", name="Close").last.click()


def browse_and_upload(page: Page, folder: Path, here: Path) -> None:
    visits(folder, "2026/january.csv", "2026/_notes.csv")
    source = visits(here / "source", "february.csv") / "february.csv"
    page.get_by_role("link", name="Browse").click()
    page.get_by_role("link", name="2026").click()
    expect(page.get_by_role("row").filter(has_text="_notes.csv")).to_contain_text("left out by jobs")
    page.get_by_role("link", name="january.csv").click()
    expect(page.locator("#preview")).to_contain_text("Bonn")
    put(page, source)
    expect(page.get_by_role("row").filter(has_text="february.csv")).to_be_visible()
    source.write_text("PatientID,Age,City\n1,2,Kiel\n")
    put(page, source)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("There already: february.csv")
    assert "Kiel" not in (folder / "2026/february.csv").read_text()
    dialog.get_by_label("Replace files of the same name").check()
    dialog.get_by_role("button", name="Upload").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("1 file is stored.")
    assert "Kiel" in (folder / "2026/february.csv").read_text()
    page.get_by_role("link", name="New folder").click()
    dialog.get_by_role("textbox", name="Name").fill("2027")
    dialog.get_by_role("button", name="Create").click()
    expect(page.locator("#browse")).to_contain_text("This folder is empty")
    assert (folder / "2026/2027").is_dir()


def put(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Upload").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Upload").click()


def asset_from_a_path(studio: RunningStudio, page: Page) -> None:
    page.goto("/data/-/new/")
    page.get_by_role("textbox", name="Name").fill("clinic-visits")
    page.get_by_text("Folder (uri_folder)").click()
    page.get_by_label("Path in a datastore").check()
    page.get_by_role("button", name="Browse").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="clinic", exact=True).click()
    dialog.get_by_role("link", name="2026", exact=True).click()
    dialog.get_by_role("link", name="Use this folder").click()
    expect(page.get_by_role("textbox", name="Path")).to_have_value("2026")
    expect(page.get_by_label("Datastore", exact=True).locator("option:checked")).to_have_text("clinic")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/clinic-visits/")
    expect(page.locator("main")).to_contain_text("january.csv")
    files = "SELECT files FROM studio_dataassetversion v JOIN studio_dataasset a ON a.id = v.asset_id WHERE a.name = %s"
    assert studio.query(files, "clinic-visits") == [(2,)]


def asset_from_a_folder(page: Page, here: Path) -> None:
    source = visits(here / "upload", "2026/a.csv", "2027/a.csv")
    make_default(page, "clinic")
    page.goto("/data/-/new/")
    page.get_by_role("textbox", name="Name").fill("uploaded-visits")
    page.get_by_text("Folder (uri_folder)").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(source)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/uploaded-visits/")
    for path in ("2026/a.csv", "2027/a.csv"):
        expect(page.get_by_role("link", name=path)).to_be_visible()
    assert len(list((here / "clinic" / "uploads").rglob("a.csv"))) == 2


def make_default(page: Page, name: str) -> None:
    page.goto(f"/datastores/{name}/")
    page.get_by_role("link", name="Set as default").click()
    page.get_by_role("dialog").get_by_role("button", name="Set as default").click()
    expect(page.locator("#toasts")).to_contain_text(f"{name} is the default datastore now.")


def explore_and_versions(studio: RunningStudio, page: Page, here: Path) -> None:
    page.goto("/data/clinic-visits/")
    page.get_by_role("link", name="Explore").click()
    page.get_by_label("File", exact=True).select_option("january.csv")
    expect(page.get_by_role("heading", name="First rows of january.csv")).to_be_visible()
    city = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="City"))
    expect(city).to_contain_text("Ulm")
    expect(city).to_contain_text("33 %")
    expect(page.locator("main")).to_contain_text("over all 3 rows")
    page.get_by_role("link", name="New version").click()
    expect(page.locator("#name-note")).to_contain_text("This makes version 2 of clinic-visits")
    page.locator("input[type=file]").set_input_files(here / "source" / "february.csv")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/clinic-visits/")
    page.get_by_role("link", name="Versions").click()
    page.get_by_role("link", name="Version 1", exact=True).click()
    expect(page.locator("main")).to_contain_text("january.csv")
    page.get_by_label("Version", exact=True).select_option("2")
    expect(page.locator("main")).not_to_contain_text("january.csv")
    page.get_by_role("link", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tags").fill("team=clinic")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("team: clinic")


def unregister(studio: RunningStudio, page: Page, here: Path) -> None:
    make_default(page, "workspaceblobstore")
    page.goto("/datastores/")
    page.get_by_label("Select clinic", exact=True).check()
    page.get_by_role("button", name="Unregister").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("lies in it, so it stays registered")
    dialog.get_by_role("link", name="Cancel").click()
    page.goto("/data/")
    for name in ("clinic-visits", "uploaded-visits"):
        page.get_by_label(f"Select {name}", exact=True).check()
        page.get_by_role("button", name="Delete").click()
        expect(dialog).to_contain_text(f"Delete {name}?")
        dialog.get_by_role("button", name="Delete").click()
        expect(page.locator("#toasts")).to_contain_text(f"{name} is deleted. Its files stay.")
    assert (here / "clinic" / "2026" / "january.csv").exists()
    page.goto("/datastores/clinic/")
    page.get_by_role("link", name="Unregister").click()
    dialog.get_by_role("button", name="Unregister").click()
    expect(page.locator("#toasts")).to_contain_text("clinic is no longer registered. Its files stay.")
    register(page, here / "spare", "spare")
    (here / "spare" / "kept.csv").write_text("x\n1\n")
    page.get_by_role("link", name="Unregister").click()
    dialog.get_by_role("button", name="Unregister").click()
    expect(page.locator("#toasts")).to_contain_text("spare is no longer registered. Its files stay.")
    assert (here / "spare" / "kept.csv").exists()
    shutil.rmtree(here / "spare")
