import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from xdist.scheduler import LoadScopeScheduling

from tests import factories
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY, s3_server

JOURNEYS = "tests/journeys/"
LOOKS = "tests/journeys/looks/"  # journeys that only need the sample


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick tests first; whole starts of the studio and the journeys last. Of two workers one begins with journeys."""

    def place(item: pytest.Item) -> int:
        if item.nodeid.startswith(JOURNEYS):
            return 3 if item.nodeid.startswith(LOOKS) or not hasattr(config, "workerinput") else 0
        return 2 if "test_up" in item.nodeid else 1

    items.sort(key=place)


class JourneysTogether(LoadScopeScheduling):
    """Journeys stay together, since they share one studio and freeze or kill parts of it; those that only look may
    have another. All else goes module by module."""

    def _split_scope(self, nodeid: str) -> str:
        return next((one for one in (LOOKS, JOURNEYS) if nodeid.startswith(one)), nodeid.split("::")[0])


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


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str) -> dict[str, Any]:
    """Options of a fresh one."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    client = boto3.client(
        "s3",
        endpoint_url=s3_address,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=name)
    return {"bucket": name, "endpoint": s3_address, "region": "us-east-1", "path_style": True}


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
