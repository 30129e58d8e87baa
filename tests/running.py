"""pytest plugin: the real PostgreSQL and Valkey that the tests use, started before Django reads its settings."""

import os
import sys
from contextlib import ExitStack

import pytest

from tests.services import running_services

# Else each of the many processes that tests start compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_stack = ExitStack()
services = _stack.enter_context(running_services(waits_for_disk=False))
(services.home / "static").mkdir()  # WhiteNoise warns where it is missing
os.environ.update(
    STUDIO_HOME=str(services.home),
    DATABASE_URL=services.database_url("studio"),
    BROKER_URL=services.broker_url,
    MLFLOW_TRACKING_URI="http://127.0.0.1:9",  # nobody listens there; a test that needs MLflow asks for its own
    SECRET_KEY="only-for-tests-" + "x" * 32,
)


def pytest_unconfigure(config: pytest.Config) -> None:
    _stack.close()
