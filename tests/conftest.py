import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from xdist.scheduler import LoadScopeScheduling

from tests import factories

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


JOURNEYS = "tests/journeys/"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick tests first; the journeys and whole starts of the studio last. Workers begin with the longest: the
    journeys."""
    items.sort(key=lambda item: item.nodeid.startswith(JOURNEYS) or "test_up" in item.nodeid)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(JOURNEYS))


class JourneysTogether(LoadScopeScheduling):
    """All journeys go to one worker, since they share one studio and freeze or kill parts of it; else module by
    module."""

    def _split_scope(self, nodeid: str) -> str:
        return JOURNEYS if nodeid.startswith(JOURNEYS) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> JourneysTogether:
    config.option.loadscopereorder = False
    return JourneysTogether(config, log)


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Slow hashing protects real passwords, not those of tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def person(db: None) -> Any:
    return factories.user("ada")


@pytest.fixture
def signed_in(person: Any) -> Client:
    """A browser in which `person` is signed in."""
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def htmx() -> dict[str, str]:
    """Headers that htmx sends."""
    return {"HX-Request": "true"}


@pytest.fixture
def store(db: None, tmp_path: Path) -> Any:
    """The default datastore, in a folder of this test."""
    return factories.datastore(tmp_path / "store")


@pytest.fixture
def queries() -> Callable[[], Any]:
    """Counts the queries of a block: `with queries() as seen: …; len(seen)`."""

    @contextmanager
    def counting() -> Iterator[CaptureQueriesContext]:
        with CaptureQueriesContext(connection) as seen:
            yield seen

    return counting


@pytest.fixture(scope="session")
def python() -> str:
    return sys.executable
