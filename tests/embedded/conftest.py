from collections.abc import Iterator

import pytest

from tests.services import Services, running_services


@pytest.fixture(scope="session")
def running() -> Iterator[Services]:
    """Services of these tests alone: what they do to them concerns no other test."""
    with running_services() as services:
        yield services
