"""Whatever the OpenAPI document allows, and what it does not, is asked of every operation with each role's token: no
bug, no status that is not documented, no answer outside its schema.

A deeper run by hand: `SCHEMA_EXAMPLES=300 .venv/bin/python -m pytest tests/api/test_schema.py`.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, note, settings, strategies
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import Failure

from studio.api.docs import document
from studio.wsgi import application
from tests import factories
from tests.api.access import EXAMPLES
from tests.api.asking import Operation, filled, operations, own_rows
from tests.pages.access import ROLES, Who

ASKED = int(os.environ.get("SCHEMA_EXAMPLES", "8"))  # times that each operation is asked as each role
HOLDS = (  # 500 is documented nowhere; 503 is, and what needs MLflow answers so here
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
OPTIONS = settings(
    max_examples=ASKED,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def served(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The studio, whose answers are read to the end and closed, as a web server sees to it."""
    answer: Any = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


def cases(operation: Any) -> Any:
    """Requests that fit the document, and requests that do not."""
    return strategies.one_of(operation.as_strategy(GenerationMode(mode)) for mode in ("positive", "negative"))


def ask_whatever(schema: Any, one: Operation, tokens: dict[Who, str], rows: dict[str, str]) -> None:
    """The same of each role; half of the requests are about what is there."""
    no_parts = ("?", "body", "form", "file")
    example = {n: v for n, v in EXAMPLES.get(one.id, {}).items() if n not in no_parts}
    parts = {raw: filled(example, own_rows(raw, rows)) for raw in tokens.values()}
    checks = CHECKS.get_by_names(HOLDS)

    @OPTIONS
    @given(case=cases(schema[one.path][one.method]), is_real=strategies.booleans())
    def ask(case: Any, is_real: bool) -> None:
        for who, raw in tokens.items():
            if is_real and parts[raw]:
                case.path_parameters = {**(case.path_parameters or {}), **parts[raw]}
            with transaction.atomic():
                answer = case.call(headers={"Authorization": f"Bearer {raw}"})
                transaction.set_rollback(True)
            note(f"asked as {who.name}")
            case.validate_response(answer, checks=checks)

    ask()


@pytest.fixture
def one_transaction() -> Iterator[None]:
    """Requests do not close the connection that the test's rows are in, as Django's own test client sees to it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("one_transaction")
def test_every_answer_is_as_the_document_says(rows: dict[str, str], settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    tokens = {
        who: factories.token(factories.user(role=role), scope="manage")[1] for who, role in ROLES.items()
    }
    schema = schemathesis.openapi.from_dict(document())
    schema.app = served
    found = []
    for one in operations():
        try:
            ask_whatever(schema, one, tokens, rows)
        except* Failure as failures:
            found += [f"{one.id}: {failure}" for failure in failures.exceptions]
    assert not found, "\n\n".join(found)
