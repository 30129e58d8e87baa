"""A bucket of Google's and a folder of an SFTP server: registered, tried, filled, scored from and into."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import download_predictions
from tests.journeys.test_buckets import score, try_access, upload
from tests.journeys.test_job_wizard import ENDPOINT, PATH, READY
from tests.stores.far import Place
from tests.stores.gcs_server import GcsServer
from tests.stores.sftp_server import SftpServer


@pytest.fixture
def samples(studio: RunningStudio) -> Path:
    studio.wait_for(lambda: studio.query(READY, ENDPOINT), seconds=240)
    return studio.home / "datastore" / studio.query(PATH, "breast-cancer-samples")[0][0] / "samples-1.csv"


def begin(page: Page, name: str, kind: str) -> None:
    page.goto("/datastores/-/new/")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("link", name=kind).click()


@pytest.mark.journey
def test_a_job_from_a_bucket_of_google_s_into_it(
    studio: RunningStudio, page: Page, google: GcsServer, gcs_place: Place, samples: Path
) -> None:
    begin(page, "clinic_google", "Google Cloud Storage")
    page.get_by_role("textbox", name="Bucket*", exact=True).fill(gcs_place.options["bucket"])
    page.get_by_label("Endpoint URL").fill(google.address)
    page.get_by_label("Key file of a service account").fill('{"type": "authorized_user"}')
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main")).to_contain_text("This is not the key file of a service account.")
    expect(page.get_by_label("Key file of a service account")).to_have_value("")
    page.get_by_label("Key file of a service account").fill(google.key_file())
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/datastores/clinic_google/")
    try_access(page)
    upload(page, samples)
    score(page, "clinic_google")
    with gcs_place.store().open("scored/predictions.csv") as stream:
        assert stream.read() == download_predictions(page, shown=samples.name).read_bytes()
    key = json.loads(google.key_file())["private_key"].splitlines()[1]
    assert key not in "".join(str(row) for row in studio.query("SELECT * FROM studio_datastore"))


@pytest.mark.journey
def test_a_job_from_an_sftp_server_into_it(
    studio: RunningStudio, page: Page, sshd: SftpServer, sftp_folder: Path, samples: Path
) -> None:
    begin(page, "clinic_server", "SFTP")
    page.get_by_role("textbox", name="Host*", exact=True).fill("127.0.0.1")
    page.get_by_label("Port").fill(str(sshd.port))
    page.get_by_role("textbox", name="User*", exact=True).fill(sshd.user)
    page.get_by_label("Folder on the server").fill(str(sftp_folder))
    page.get_by_label("Private key", exact=True).fill(sshd.private_key)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main")).to_contain_text("shows the key SHA256:")
    page.get_by_label("Private key", exact=True).fill(sshd.private_key)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/datastores/clinic_server/")
    try_access(page)
    upload(page, samples)
    score(page, "clinic_server")
    written = (sftp_folder / "scored/predictions.csv").read_bytes()
    assert written == download_predictions(page, shown=samples.name).read_bytes()
    key = sshd.private_key.splitlines()[1]
    assert key not in "".join(str(row) for row in studio.query("SELECT * FROM studio_datastore"))
