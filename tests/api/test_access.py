"""Every operation of the OpenAPI document, asked for by everybody: nobody, each role, each scope, another person."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from studio.models import ApiToken, Role
from tests import factories
from tests.api.access import ACCESS, EXAMPLES, Needs
from tests.api.asking import ask_example, operations, own_rows
from tests.pages.access import ROLES, Who

SCOPES = list(ApiToken.Scope.values)


def outcome(answer: Any) -> str:
    if answer.status_code == 401:
        return "who?"
    if answer.status_code == 403:
        message = answer.json()["error"]["message"]
        return (
            "scope" if "The scope of the token" in message else "role" if "Your role" in message else "owner"
        )
    return "let in"


def wrong_answers(raw: str, rows: dict[str, str], expected: Callable[[Needs], str]) -> list[str]:
    """Asks everything; what one request changes, the next one finds as it was."""
    rows, wrong = own_rows(raw, rows), []
    for one in operations():
        with transaction.atomic():
            answer = ask_example(raw, one, rows)
            transaction.set_rollback(True)
        if answer.streaming:
            b"".join(answer)
        if (
            outcome(answer) != expected(ACCESS[one.id])
            or answer.status_code in (400, 404, 405, 500)  # 503: there is no MLflow here
        ):
            wrong.append(f"{one.method} {one.path}: {answer.status_code} {answer.content[:200]!r}")
    return wrong


def test_every_operation_has_its_line_and_no_other_has() -> None:
    assert set(ACCESS) == {one.id for one in operations()}
    assert set(EXAMPLES) <= set(ACCESS)


def test_who_shows_no_token_is_asked_for_one(rows: dict[str, str]) -> None:
    assert not wrong_answers("", rows, lambda needs: "who?")


def test_an_expired_token_opens_nothing(rows: dict[str, str]) -> None:
    _token, raw = factories.token(scope="manage", expires_at=timezone.now() - timedelta(days=1))
    assert not wrong_answers(raw, rows, lambda needs: "who?")


@pytest.mark.parametrize("who", ROLES)
def test_each_role_is_let_in_where_the_table_says(rows: dict[str, str], who: Who) -> None:
    _token, raw = factories.token(factories.user(role=ROLES[who]), scope="manage")
    assert not wrong_answers(raw, rows, lambda needs: "let in" if who >= needs.who else "role")


def test_head_is_answered_as_get_is_without_a_body(rows: dict[str, str]) -> None:
    _token, raw = factories.token(scope="manage")
    rows = own_rows(raw, rows)
    for one in operations():
        if one.method == "GET":
            got = ask_example(raw, one, rows)
            head = ask_example(raw, one._replace(method="HEAD"), rows)
            assert (head.status_code, head.headers["Content-Type"]) == (
                got.status_code,
                got.headers["Content-Type"],
            ), one.id
            assert not b"".join(head), one.id
            if got.streaming:
                b"".join(got)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_does_no_more_than_its_scope(rows: dict[str, str], scope: str) -> None:
    _token, raw = factories.token(factories.user(role=Role.ADMINISTRATOR), scope=scope)
    allows = SCOPES.index(scope)
    assert not wrong_answers(
        raw, rows, lambda needs: "let in" if allows >= SCOPES.index(needs.scope) else "scope"
    )


def test_the_token_of_another_person_leaves_what_is_not_theirs(rows: dict[str, str], give_away: Any) -> None:
    give_away(factories.user("owner"))
    _token, raw = factories.token(factories.user(role=Role.DATA_SCIENTIST), scope="manage")

    def expected(needs: Needs) -> str:
        if needs.who == Who.ADMINISTRATOR:
            return "role"
        return "owner" if needs.owned else "let in"

    assert not wrong_answers(raw, rows, expected)
