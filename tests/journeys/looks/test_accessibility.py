"""Every page, in light and dark, wide and narrow: axe finds nothing, the console is quiet, nothing sticks out."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, BrowserContext, Page

from tests.journeys.addresses import ADDRESSES, address, names
from tests.journeys.conftest import EXPECTED, PATIENCE, sign_in
from tests.journeys.running import RunningStudio
from tests.journeys.steps import choose_dataset, next_step

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 800}
EXAMPLES = [(name, example) for name, examples in ADDRESSES.items() for example in examples]
NODE = """
SELECT n.name FROM studio_node n JOIN studio_cluster c ON c.id = n.cluster_id
WHERE c.name = 'cpu-cluster' AND n.stopped_at IS NULL ORDER BY n.id DESC
"""
TOKEN = """
from django.contrib.auth import get_user_model
from tests import factories
print(factories.token(get_user_model().objects.get(username="admin"))[0].pk)
"""
# Colours may pass over into those of the theme, a part after the part around it.
SHOW = """async (theme) => {
  const frame = () => new Promise(requestAnimationFrame);
  document.documentElement.dataset.bsTheme = theme;
  await frame();
  for (let n = 0; n < 200 && document.getAnimations().some((one) => one instanceof CSSTransition); n++) await frame();
  await frame();
}"""
LOOK = """async (options) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false, ...options });
  const place = ({ html, any }) => `    ${html.slice(0, 200)}  ${any.map((one) => one.message).join(" ")}`;
  return violations.map(({ id, help, nodes }) => [`${id}: ${help}`, ...nodes.slice(0, 4).map(place)].join("\\n"));
}"""


# All that the theme can change, once a page was looked at in the other one.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


class Reader:
    """A signed-in page whose console is listened to."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def problems(self, path: str) -> list[str]:
        """All that is wrong with the page at `path`."""
        self.errors.clear()
        self.page.set_viewport_size(WIDE)
        answer = self.page.goto(path)
        if not answer or answer.status != 200:
            return [f"the status is {answer.status if answer else 'none'}"]
        if "text/html" not in answer.headers["content-type"]:
            return ["it is no page; say NO_PAGE"]
        found = [*self._head(), *self._axe("light"), *self._axe("dark", COLOURS)]
        self.page.set_viewport_size(NARROW)
        found += [*self._axe("narrow"), *self._width()]
        return found + [f"console: {error}" for error in self.errors if not EXPECTED.search(error)]

    def _head(self) -> list[str]:
        found = []
        if self.page.locator("h1").count() != 1:
            found.append(f"{self.page.locator('h1').count()} h1")
        if not re.fullmatch(r"\S.* · Scoring Studio", self.page.title()):
            found.append(f"the title is “{self.page.title()}”")
        return found

    def _axe(self, look: str, options: dict[str, Any] | None = None) -> list[str]:
        theme = "dark" if look == "dark" else "light"
        self.page.evaluate(SHOW, theme)
        return [f"{look}: {violation}" for violation in self.page.evaluate(LOOK, options or {})]

    def _width(self) -> list[str]:
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return [f"narrow: the page is {wider} px wider than the screen"] if wider > 0 else []


def context_with_axe(studio: RunningStudio, browser: Browser) -> BrowserContext:
    """Its pages have axe. The CSP stays out of its way; that pages keep to it is what every other journey shows."""
    made = browser.new_context(base_url=studio.address, bypass_csp=True, reduced_motion="reduce")
    made.set_default_timeout(PATIENCE)
    made.add_init_script(path=AXE_FILE_PATH)
    return made


@pytest.fixture(scope="module")
def context(studio: RunningStudio, browser: Browser) -> Iterator[BrowserContext]:
    made = context_with_axe(studio, browser)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reader(studio: RunningStudio, context: BrowserContext) -> Reader:
    sign_in(context, studio)
    return Reader(context)


@pytest.fixture(scope="module")
def rows(studio: RunningStudio, reader: Reader) -> dict[str, str]:
    """Names of things that are there, and drafts that have come to their reviews."""
    page = reader.page
    page.goto("/endpoints/breast-cancer-sample/")
    page.get_by_role("link", name="Create job").first.click()
    next_step(page, "Select data source")
    choose_dataset(page, "breast-cancer-samples")
    for title in ("Configure output location", "Review"):
        next_step(page, title)
    job_draft = draft(page)
    page.goto("/deployments/new/")
    page.get_by_role("textbox", name="Endpoint name").fill("to-be-looked-at")
    next_step(page, "Model")
    page.get_by_role("radio", name="breast_cancer_classifier").first.check()
    next_step(page, "Deployment")
    page.get_by_role("textbox", name="Deployment name").fill("first")
    for title in ("Environment", "Compute", "Review"):
        next_step(page, title)
    return {
        "model": "breast_cancer_classifier",
        "version": "1",
        "endpoint": "breast-cancer-sample",
        "deployment": "logistic-regression",
        "asset": "breast-cancer-samples",
        "datastore": one(studio, "SELECT name FROM studio_datastore WHERE is_default"),
        "cluster": "cpu-cluster",
        "node": one(studio, NODE),
        "job": one(
            studio, "SELECT name FROM studio_job WHERE endpoint_name = 'breast-cancer-sample' ORDER BY id"
        ),
        "job_draft": job_draft,
        "deployment_draft": draft(page),
        "person": str(one(studio, "SELECT id FROM auth_user WHERE username = 'admin'")),
        "token": studio.run(TOKEN),
    }


def draft(page: Page) -> str:
    found = re.search(r"/drafts/([0-9a-f-]{36})/", page.url)
    assert found, page.url
    return found[1]


def one(studio: RunningStudio, sql: str) -> Any:
    return studio.query(sql)[0][0]


def test_every_address_has_an_example() -> None:
    known, all_names = set(ADDRESSES), {name for name in names() if name != "ui:index"}
    assert not all_names - known, "Add them to tests/journeys/addresses.py"
    assert not known - all_names, "Take them out of tests/journeys/addresses.py"


@pytest.mark.parametrize(
    ("name", "example"), EXAMPLES, ids=[f"{name} {' '.join(example.values())}" for name, example in EXAMPLES]
)
def test_a_page_is_accessible(
    reader: Reader, rows: dict[str, str], name: str, example: dict[str, str]
) -> None:
    path = address(name, example, rows)
    problems = reader.problems(path)
    assert not problems, f"{path}\n" + "\n".join(problems)


@pytest.mark.parametrize("path", ["/account/sign-in/", "/account/sign-in/?next=/jobs/"])
def test_the_sign_in_page_is_accessible(studio: RunningStudio, browser: Browser, path: str) -> None:
    stranger = context_with_axe(studio, browser)
    try:
        assert not Reader(stranger).problems(path)
    finally:
        stranger.close()


def test_the_page_of_a_wrong_address_is_accessible(reader: Reader) -> None:
    reader.page.set_viewport_size(WIDE)
    reader.page.goto("/models/nowhere/")
    assert [*reader._head(), *reader._axe("light"), *reader._axe("dark")] == []
