"""A bucket and a container of Azure, from their keys to predictions in them: registered, filled, scored from and into,
their keys changed."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import download_predictions, next_step
from tests.journeys.test_job_wizard import ENDPOINT, PATH, READY
from tests.stores.azure_server import ACCOUNT_KEY, connection_string, sas_of
from tests.stores.far import Place
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY, s3_client

NAME = "clinic_bucket"


@pytest.mark.journey
def test_a_job_from_a_bucket_into_it(
    studio: RunningStudio, page: Page, bucket: dict[str, Any], tmp_path: Path
) -> None:
    studio.wait_for(lambda: studio.query(READY, ENDPOINT), seconds=240)
    samples = studio.home / "datastore" / studio.query(PATH, "breast-cancer-samples")[0][0] / "samples-1.csv"
    register(page, bucket)
    try_access(page)
    upload(page, samples)
    job = score(page, NAME)
    compare(bucket, job, samples)
    assert download_predictions(page, shown=samples.name).read_text().startswith("row,prediction,file_name")
    change_keys(page)
    assert SECRET_KEY not in "".join(str(row) for row in studio.query("SELECT * FROM studio_datastore"))
    assert SECRET_KEY not in "".join(str(row) for row in studio.query("SELECT details FROM studio_event"))


def register(page: Page, bucket: dict[str, Any]) -> None:
    page.goto("/datastores/-/new/")
    page.get_by_role("textbox", name="Name").fill(NAME)
    expect(page.get_by_role("textbox", name="Bucket*", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Amazon S3 or compatible").click()
    expect(page.get_by_role("textbox", name="Bucket*", exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Folder*", exact=True)).to_have_count(0)
    expect(page.get_by_role("textbox", name="Name")).to_have_value(NAME)
    page.get_by_role("textbox", name="Bucket*", exact=True).fill("no-such-bucket")
    page.get_by_label("Endpoint URL").fill(bucket["endpoint"])
    page.get_by_label("Region").fill(bucket["region"])
    page.get_by_label("Path-style addresses").check()
    page.get_by_label("Access key ID").fill(ACCESS_KEY)
    page.get_by_label("Secret access key").fill(SECRET_KEY)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main")).to_contain_text("there is no bucket “no-such-bucket”")
    expect(page.get_by_label("Secret access key")).to_have_value("")
    page.get_by_role("textbox", name="Bucket*", exact=True).fill(bucket["bucket"])
    page.get_by_label("Secret access key").fill(SECRET_KEY)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/datastores/{NAME}/")
    expect(page.locator("main")).to_contain_text(f"s3://{bucket['bucket']}")
    expect(page.locator("main")).to_contain_text("Credentials, encrypted")


def try_access(page: Page) -> None:
    page.get_by_role("link", name="Test access").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Test", exact=True).click()
    expect(dialog.get_by_text("worked")).to_have_count(4)
    dialog.get_by_role("link", name="Close").last.click()


def upload(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Browse").click()
    page.wait_for_url("**/browse/**")  # and loaded: before its script has run, a link opens no dialog
    expect(page.locator("main")).to_contain_text("This folder is empty")
    page.get_by_role("link", name="New folder").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("november")
    dialog.get_by_role("button", name="Create").click()
    expect(page.locator("#browse")).to_contain_text("This folder is empty")
    page.get_by_role("link", name="Upload").click()
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Upload").click()
    page.get_by_role("link", name=file.name).click()
    expect(page.locator("#preview")).to_contain_text("mean_radius")


def score(page: Page, datastore: str) -> str:
    """A job from the folder that upload() has filled into another one."""
    page.goto(f"/endpoints/{ENDPOINT}/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    page.get_by_role("radio", name="Datastore", exact=True).check()
    page.get_by_label("Datastore", exact=True).last.select_option(label=datastore)
    page.get_by_role("textbox", name="Path").fill("november")
    expect(page.locator("#input-check")).to_contain_text("1 file")
    next_step(page, "Configure output location")
    page.get_by_label("Enable output configuration").check()
    page.get_by_label("Blob datastore").select_option(label=datastore)
    page.get_by_role("textbox", name="Output path").fill("scored")
    next_step(page, "Review")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/batchjob-"))
    expect(page.locator("main")).to_contain_text("Completed", timeout=60_000)
    return page.url.rstrip("/").rsplit("/", 1)[1]


def compare(bucket: dict[str, Any], job: str, samples: Path) -> None:
    client = s3_client(bucket["endpoint"])
    written = client.get_object(Bucket=bucket["bucket"], Key="scored/predictions.csv")["Body"].read()
    lines = written.decode().splitlines()
    assert lines[0] == "row,prediction,file_name"
    assert len(lines) == len(samples.read_text().splitlines())
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket["bucket"])["Contents"]]
    assert sorted(keys) == [
        "november/",
        "november/samples-1.csv",
        "scored/_schema.json",
        "scored/_summary.json",
        "scored/predictions.csv",
    ], job


def change_keys(page: Page) -> None:
    page.goto(f"/datastores/{NAME}/")
    page.get_by_role("link", name="Update authentication").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Access key ID").fill("AKIANEW")
    dialog.get_by_role("button", name="Update").click()
    expect(dialog).to_contain_text("belong together")
    dialog.get_by_label("Access key ID").fill("AKIANEW")
    dialog.get_by_label("Secret access key").fill("another")
    dialog.get_by_role("button", name="Update").click()
    expect(page.locator("#toasts")).to_contain_text("has its new credentials")


@pytest.mark.journey
def test_a_job_from_a_container_into_it_and_a_sas_token(
    studio: RunningStudio, page: Page, azure_place: Place
) -> None:
    studio.wait_for(lambda: studio.query(READY, ENDPOINT), seconds=240)
    samples = studio.home / "datastore" / studio.query(PATH, "breast-cancer-samples")[0][0] / "samples-1.csv"
    container, endpoint = azure_place.options["container"], azure_place.options["endpoint"]
    page.goto("/datastores/-/new/?kind=s3")
    page.get_by_role("textbox", name="Name").fill("clinic_container")
    page.get_by_role("link", name="Azure Blob Storage").click()
    page.get_by_role("textbox", name="Container*", exact=True).fill(container)
    expect(page.get_by_role("textbox", name="Bucket*", exact=True)).to_have_count(0)
    page.get_by_label("Connection string").fill("AccountName")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main")).to_contain_text("This is no connection string.")
    page.get_by_label("Connection string").fill(connection_string(endpoint))
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/datastores/clinic_container/")
    expect(page.locator("main")).to_contain_text(f"{endpoint}/{container}")
    try_access(page)
    upload(page, samples)
    score(page, "clinic_container")
    with azure_place.store().open("scored/predictions.csv") as stream:
        assert stream.read() == download_predictions(page, shown=samples.name).read_bytes()
    page.goto("/datastores/clinic_container/")
    page.get_by_role("link", name="Update authentication").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Access key ID")).to_have_count(0)
    dialog.get_by_label("SAS token").fill(sas_of(container))
    dialog.get_by_role("button", name="Update").click()
    expect(page.locator("#toasts")).to_contain_text("has its new credentials")
    assert ACCOUNT_KEY not in "".join(str(row) for row in studio.query("SELECT * FROM studio_datastore"))
