"""Endpoints and deployments: made by every way in, edited, made the default, deleted."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.running import PASSWORD, RunningStudio
from tests.journeys.steps import fill_deployment, next_step

MODEL = "breast_cancer_classifier"
DEPLOYED = "SELECT environment, has_own_environment, settings FROM studio_deployment WHERE name = %s"
# Held by somebody who is never silent, so that nobody else goes on with it.
KEEP_BUSY = """
import uuid
from datetime import timedelta
from django.utils import timezone
from studio.models import Deployment
from tests import factories
used = Deployment.objects.with_model().get(name="by-model")
held = {"lease": uuid.uuid4(), "lease_until": timezone.now() + timedelta(hours=1)}
print(factories.job("Finalizing", deployment=used, display_name="long_run", **held).name)
"""
END = """
from django.db.models.functions import Now
from studio.models import Job
Job.objects.filter(name={name!r}).update(status="Canceled", finished_at=Now())
"""


@pytest.mark.journey
def test_endpoints_are_created_both_ways_and_grow_both_ways(studio: RunningStudio, page: Page) -> None:
    by_create(page)
    by_the_model(page)
    one_more_from_the_endpoint(studio, page)
    one_more_in_the_wizard(page)
    update_default(page)
    edit_endpoint(page)
    edit_settings(studio, page)
    delete_deployments(page)
    delete_endpoints(studio, page)


def by_create(page: Page) -> None:
    """+ Create, with a draft that outlives a new sign-in."""
    page.goto("/endpoints/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Endpoint name").fill("By-Create")
    page.get_by_label("Tags").fill("team=risk")
    next_step(page, "Model")
    page.reload()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_label("Signed in as").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Endpoints", exact=True).click()
    draft = page.get_by_label("Drafts").locator(".draft-line").filter(has_text="by-create")
    draft.get_by_role("link", name="Continue").click()
    fill_deployment(page, model=MODEL, deployment="by-create-one")
    ready(page, "by-create-one")
    expect(page.get_by_text("team: risk")).to_be_visible()
    page.goto("/endpoints/")
    expect(page.get_by_role("link", name="by-create", exact=True)).to_be_visible()
    expect(draft).to_have_count(0)


def by_the_model(page: Page) -> None:
    page.goto(f"/models/{MODEL}/")
    page.locator("summary", has_text="Deploy").click()
    page.get_by_role("link", name="Deploy to batch endpoint").click()
    page.get_by_label("Endpoint name").fill("by-create")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("An endpoint with this name exists.")).to_be_visible()
    page.get_by_label("Endpoint name").fill("by-model")
    next_step(page, "Model")
    fill_deployment(page, model=MODEL, deployment="by-model")
    ready(page, "by-model")


def one_more_from_the_endpoint(studio: RunningStudio, page: Page) -> None:
    """+ Add deployment, with packages of one's own, on a cluster that is created on the way."""
    page.get_by_role("link", name="Add deployment").click()
    page.get_by_role("radio", name=MODEL).check()
    next_step(page, "Deployment")
    page.get_by_role("textbox", name="Deployment name").fill("own-packages")
    page.get_by_label("Make this new deployment the default").uncheck()
    next_step(page, "Environment")
    customise(page)
    page.get_by_role("link", name="Create a cluster").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("side-cluster")
    dialog.get_by_label("Maximum number of nodes").fill("2")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("radio", name="side-cluster")).to_be_checked()
    page.get_by_label("Instance count").fill("2")
    next_step(page, "Review")
    for answer in ("side-cluster", "tomli==2.2.1", "yes, edited by you"):
        expect(page.locator("main")).to_contain_text(answer)
    page.get_by_role("button", name="Create deployment").dblclick()
    expect(card(page, "own-packages")).to_contain_text("(customised)")
    environment, is_own, settings = studio.query(DEPLOYED, "own-packages")[0]
    assert is_own
    assert "tomli==2.2.1" in environment["requirements"]
    assert not any(line.startswith("psutil==") for line in environment["requirements"])
    assert settings["instance_count"] == 2


def customise(page: Page) -> None:
    page.get_by_role("link", name="Customise").click()
    packages = page.get_by_label("Packages")
    generated = packages.input_value()
    packages.fill(f"{generated}\n--index-url https://example.org")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("options such as an index are not allowed")).to_be_visible()
    page.get_by_role("link", name="Reset to generated").click()
    expect(page.get_by_text(f"{len(generated.splitlines())} packages")).to_be_visible()
    page.get_by_role("link", name="Customise").click()
    kept = [line for line in generated.splitlines() if not line.startswith("psutil==")]
    page.get_by_label("Packages").fill("\n".join([*kept, "tomli==2.2.1"]))
    next_step(page, "Compute")


def one_more_in_the_wizard(page: Page) -> None:
    """+ Create, and then the existing endpoint."""
    page.goto("/endpoints/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("radio", name="Existing").check()
    page.get_by_role("combobox", name="Endpoint").select_option("by-create")
    next_step(page, "Model")
    fill_deployment(page, model=MODEL, deployment="by-create-two")
    ready(page, "by-create-two")
    expect(card(page, "by-create-two")).to_contain_text("Default")


def update_default(page: Page) -> None:
    page.get_by_role("link", name="Update default deployment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Select default deployment").select_option("by-create-one")
    dialog.get_by_role("button", name="Update").click()
    expect(page.get_by_text("by-create-one is the default deployment now.")).to_be_visible()
    commands_of(page, "by-create-two").get_by_role("button", name="Make default").click()
    expect(page.get_by_text("by-create-two is the default deployment now.")).to_be_visible()


def edit_endpoint(page: Page) -> None:
    page.get_by_role("link", name="Edit the tags").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tags").fill("team=pricing")
    dialog.get_by_label("Description").fill("Scores <every> week.")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("team: pricing")).to_be_visible()
    expect(page.locator(".page-lead")).to_have_text("Scores <every> week.")


def edit_settings(studio: RunningStudio, page: Page) -> None:
    """Two tabs over one deployment: the second one is shown both values."""
    path = "/endpoints/by-create/deployments/by-create-two/edit/"
    second = page.context.new_page()
    for tab in (page, second):
        tab.goto(path)
    page.get_by_label("Scoring timeout (seconds)").fill("60")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The settings of by-create-two are saved.")).to_be_visible()
    second.get_by_label("Scoring timeout (seconds)").fill("90")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("admin changed by-create-two meanwhile.")).to_be_visible()
    row = second.get_by_role("row", name="Scoring timeout (seconds)")
    expect(row).to_contain_text("60 s")
    expect(row).to_contain_text("90 s")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("The settings of by-create-two are saved.")).to_be_visible()
    second.close()
    assert studio.query(DEPLOYED, "by-create-two")[0][2]["timeout"] == 90


def delete_deployments(page: Page) -> None:
    page.goto("/endpoints/by-create/")
    refused = commands_of(page, "by-create-two").get_by_role("button", name="Delete")
    expect(refused).to_have_attribute("aria-disabled", "true")
    expect(refused).to_have_accessible_description(re.compile("Make another one the default first"))
    page.keyboard.press("Escape")
    commands_of(page, "by-create-one").get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("0 jobs that it ran stay")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The deployment by-create-one is deleted.")).to_be_visible()
    expect(page.locator(".card-rows > li")).to_have_count(1)


def delete_endpoints(studio: RunningStudio, page: Page) -> None:
    job = studio.run(KEEP_BUSY)
    page.goto("/endpoints/by-model/")
    refused = page.get_by_role("button", name="Delete").last
    expect(refused).to_have_accessible_description(re.compile("The job long_run has not ended"))
    studio.run(END.format(name=job))
    page.goto("/endpoints/")
    page.get_by_role("checkbox", name="by-model").check()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 deployments go with it")
    expect(dialog).to_contain_text("1 job stays, with its predictions.")
    expect(dialog.get_by_role("button", name="Delete")).to_have_attribute("aria-disabled", "true")
    dialog.get_by_label("Type by-model to confirm").fill("by-model")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The endpoint by-model is deleted, with 2 deployments.")).to_be_visible()
    expect(page.get_by_role("link", name="by-model")).to_have_count(0)
    page.goto(f"/jobs/{job}/")
    expect(page.locator("main")).to_contain_text("by-model")


def ready(page: Page, deployment: str) -> None:
    expect(card(page, deployment)).to_contain_text("Succeeded", timeout=90_000)


def card(page: Page, deployment: str) -> Locator:
    name = page.get_by_role("link", name=deployment, exact=True)
    return page.locator(".card-rows > li").filter(has=name)


def commands_of(page: Page, deployment: str) -> Locator:
    """The opened menu of a deployment's card."""
    of_card = card(page, deployment)
    of_card.locator("summary", has=page.locator("svg")).first.click()
    return of_card.locator(".dropdown-menu")
