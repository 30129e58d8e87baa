"""Datastores and data assets, from an empty folder to data that a job could read."""

import shutil
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.journeys.conftest import sign_in
from tests.journeys.running import RunningStudio
from tests.journeys.steps import drop
from tests.journeys.test_job_wizard import PATH

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
        find_by_name(page, folder)
        asset_from_a_path(studio, page)
        asset_from_a_folder(page, tmp_path)
        asset_of_what_is_dropped(page, tmp_path)
        archive_and_restore(page)
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
    unpack(page, folder, here)


def unpack(page: Page, folder: Path, here: Path) -> None:
    with zipfile.ZipFile(here / "march.zip", "w") as archive:
        archive.writestr("march/a.csv", "PatientID,Age,City\n1,2,Kiel\n")
    page.get_by_role("link", name="Upload").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(here / "march.zip")
    dialog.get_by_label("Unpack archives").check()
    dialog.get_by_role("button", name="Upload").click()
    expect(page.locator("#toasts")).to_contain_text("1 file is stored.")
    assert (folder / "2026/2027/march/a.csv").exists()


def put(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Upload").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Upload").click()


def find_by_name(page: Page, folder: Path) -> None:
    """In a folder of several pages, and that a way back leads through what was looked for."""
    many = folder / "many"
    many.mkdir()
    for number in range(250):
        (many / f"visit-{number:03}.csv").write_text("PatientID\n1\n")
    page.goto("/datastores/clinic/browse/?path=many")
    rows, box = (
        page.locator(".folder-list tbody tr"),
        page.get_by_label("Filter by the beginning of the name"),
    )
    expect(rows).to_have_count(100)
    box.press_sequentially("visit-24", delay=50)
    expect(rows).to_have_count(10)
    expect(box).to_be_focused()
    assert page.url.endswith("?path=many&prefix=visit-24")
    page.get_by_role("link", name="visit-240.csv").click()
    expect(page.locator("#preview")).to_contain_text("visit-240.csv")
    expect(rows).to_have_count(10)
    page.go_back()
    expect(page.locator("#preview")).to_have_count(0)
    expect(box).to_have_value("visit-24")
    box.fill("Visit")
    expect(page.locator("#folder-found")).to_contain_text("has a name that begins with “Visit”")
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(100)
    shutil.rmtree(many)


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
    assert studio.query(files, "clinic-visits") == [(3,)]


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


def asset_of_what_is_dropped(page: Page, here: Path) -> None:
    """A folder and a file beside it."""
    page.goto("/data/-/new/")
    page.get_by_role("textbox", name="Name").fill("dropped-visits")
    page.get_by_text("Folder (uri_folder)").click()
    february = here / "source" / "february.csv"
    drop(page, page.locator("[data-dropzone]"), here / "upload", february)
    expect(page.locator("[data-ahead-progress]")).to_contain_text("All of it has arrived")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/dropped-visits/")
    for path in ("upload/2026/a.csv", "upload/2027/a.csv", "february.csv"):
        expect(page.get_by_role("link", name=path)).to_be_visible()
    (stored,) = (here / "clinic" / "uploads").rglob("february.csv")
    assert stored.read_bytes() == february.read_bytes()


def archive_and_restore(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    page.get_by_role("link", name="Archive", exact=True).click()
    dialog.get_by_role("button", name="Archive").click()
    expect(page.locator("#toasts")).to_contain_text("dropped-visits is archived.")
    expect(page.get_by_role("button", name="New version")).to_have_attribute("aria-disabled", "true")
    page.goto("/data/")
    expect(page.get_by_role("link", name="clinic-visits", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="dropped-visits", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Show archived ones").click()
    page.get_by_role("link", name="dropped-visits", exact=True).click()
    page.get_by_role("link", name="Restore", exact=True).click()
    dialog.get_by_role("button", name="Restore").click()
    expect(page.locator("#toasts")).to_contain_text("dropped-visits is restored.")


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
    for name in ("clinic-visits", "uploaded-visits", "dropped-visits"):
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


@pytest.mark.journey
def test_an_upload_goes_on_where_it_broke_off(
    studio: RunningStudio, browser: Browser, tmp_path: Path
) -> None:
    """After a lost connection by itself, and after the page was closed once the same file is chosen again."""
    file = tmp_path / "many.csv"
    file.write_text("x,y\n" + "".join(f"{row},{row % 97}\n" for row in range(3_000_000)))
    context = browser.new_context(base_url=studio.address)
    sign_in(context, studio)
    page, sent = context.new_page(), []

    def weak(route: Route) -> None:
        sent.append(int(route.request.url.rpartition("=")[2]))
        if len(sent) == 2:
            route.abort()
        elif len(sent) < 4:  # and the last one hangs
            route.continue_()

    page.route("**/uploads/*/?from=*", weak)
    page.goto("/data/-/new/")
    page.locator("input[type=file]").set_input_files(file)
    while len(sent) < 4:
        page.wait_for_timeout(100)
    expect(page.get_by_role("button", name="Create")).to_be_disabled()
    page.close()
    assert sent == [0, 8 << 20, 8 << 20, 16 << 20]

    page, sent = context.new_page(), []
    page.on(
        "request", lambda request: "?from=" in request.url and sent.append(request.url.rpartition("=")[2])
    )
    page.goto("/data/-/new/")
    page.get_by_role("textbox", name="Name").fill("many")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator("[data-ahead-progress]")).to_contain_text("All of it has arrived")
    assert int(sent[0]) >= 16 << 20  # and what came of the piece that hung
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/data/many/")
    (path,) = studio.query(PATH, "many")[0]
    assert (studio.home / "datastore" / path).read_bytes() == file.read_bytes()
    context.close()
