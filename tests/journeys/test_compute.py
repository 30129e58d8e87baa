"""A cluster from its first page to its end: its node comes with the work and goes when there is none."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.running import RunningStudio
from tests.journeys.steps import create_job

CLUSTER = "on-demand"
ENDPOINT = "scores-on-demand"
DEPLOY = f"""
from django.contrib.auth import get_user_model
from scoring.settings import ScoringSettings
from studio.actions.endpoints import create_deployment
from studio.models import Cluster, ModelVersion

create_deployment(
    user=get_user_model().objects.get(username="admin"), endpoint=None, new_endpoint={{"name": {ENDPOINT!r}}},
    name="sample", model_version=ModelVersion.objects.get(registered_model__name="breast_cancer_classifier"),
    cluster=Cluster.objects.get(name={CLUSTER!r}), settings=ScoringSettings(),
)
"""


def state(page: Page, word: str, *, seconds: float = 120) -> None:
    expect(page.locator("#cluster-state")).to_have_text(word, timeout=seconds * 1000)


def live_nodes(studio: RunningStudio) -> int:
    alive = "SELECT count(*) FROM studio_node n JOIN studio_cluster c ON c.id = n.cluster_id"
    return int(studio.query(f"{alive} WHERE c.name = %s AND n.stopped_at IS NULL", CLUSTER)[0][0])


@pytest.mark.journey
def test_a_cluster_from_its_first_page_to_its_end(studio: RunningStudio, page: Page) -> None:
    create(page)
    state(page, "Idle")

    # A deployment brings a node up by itself.
    studio.run(DEPLOY)
    state(page, "Running")
    page.get_by_role("link", name="Nodes").click()
    expect(page.get_by_role("row").filter(has_text=f"{CLUSTER}-")).to_be_visible()
    of_endpoint = "studio_deployment d JOIN studio_endpoint e ON e.id = d.endpoint_id WHERE e.name = %s"
    ready = f"SELECT 1 FROM {of_endpoint} AND d.status = 'Succeeded'"
    studio.wait_for(lambda: studio.query(ready, ENDPOINT), seconds=180)

    # It goes when there is nothing left to do, and comes back for a job.
    expect(page.locator("main")).to_contain_text("No node is live", timeout=120_000)
    # The page leaves a node out that is silent, which a busy machine can make it.
    studio.wait_for(lambda: live_nodes(studio) == 0)
    state(page, "Idle")
    job = create_job(page, ENDPOINT, dataset="breast-cancer-samples")
    expect(page.locator("main")).to_contain_text("Completed", timeout=120_000)
    assert studio.job(job)["rows_scored"] == 569

    stop_and_start(studio, page)
    edit(studio, page)
    delete(studio, page)


def create(page: Page) -> None:
    page.goto("/compute/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Name").fill("-on-demand")
    page.get_by_label("Memory per node (GB)").fill("2")
    page.get_by_label("Slots per node").fill("1")
    page.get_by_label("Idle seconds before scale down").fill("5")
    page.get_by_role("radio", name="External").check()
    expect(page.get_by_label("Idle seconds before scale down")).to_be_hidden()
    page.get_by_role("radio", name="This machine").check()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#field-name")).to_contain_text("Use 3 to 24 characters: a letter first")
    page.get_by_label("Name").fill(CLUSTER)
    page.get_by_role("button", name="Create").dblclick()
    page.wait_for_url(f"**/compute/{CLUSTER}/")


def stop_and_start(studio: RunningStudio, page: Page) -> None:
    """From the list: the selected row's commands; a job waits and says why, until somebody presses Start."""
    page.goto("/compute/")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_label(f"Select {CLUSTER}").check()
    page.get_by_role("button", name="Stop").click()
    page.locator("dialog").get_by_role("button", name="Stop").click()
    page.wait_for_url(f"**/compute/{CLUSTER}/")
    state(page, "Stopped")
    job = create_job(page, ENDPOINT, dataset="breast-cancer-samples")
    waits = f"Waiting because the cluster {CLUSTER} is stopped. Start it on its page."
    expect(page.locator("main")).to_contain_text(waits, timeout=120_000)
    page.goto(f"/compute/{CLUSTER}/")
    page.get_by_role("button", name="Start").click()
    state(page, "Running")
    studio.wait_for(lambda: studio.job(job)["status"] == "Completed", seconds=120)


def edit(studio: RunningStudio, page: Page) -> None:
    page.goto(f"/compute/{CLUSTER}/")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Maximum number of nodes").fill("2")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/compute/{CLUSTER}/")
    expect(page.locator("main")).to_contain_text("0 to 2")
    assert studio.query("SELECT max_nodes, revision FROM studio_cluster WHERE name = %s", CLUSTER) == [(2, 2)]


def delete(studio: RunningStudio, page: Page) -> None:
    refused = page.get_by_role("button", name="Delete")
    expect(refused).to_be_disabled()
    expect(refused).to_have_accessible_description(re.compile(rf"{ENDPOINT}/sample uses it"))
    studio.run(f"from studio.models import Endpoint; Endpoint.objects.get(name={ENDPOINT!r}).delete()")
    page.reload()
    page.get_by_role("link", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/compute/")
    expect(page.get_by_role("link", name=CLUSTER)).to_have_count(0)
    studio.wait_for(lambda: not studio.processes(f"--cluster {CLUSTER}"))
