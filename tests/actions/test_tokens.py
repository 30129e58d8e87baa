import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from studio import permissions
from studio.actions.tokens import (
    MOST,
    TokenRefused,
    authenticate_token,
    create_token,
    digest_of,
    is_well_formed,
    new_secret,
    revoke_token,
)
from studio.errors import FieldErrors, NotAllowed
from studio.models import ApiToken, Event, Role
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_secret_is_what_scanners_look_for() -> None:
    secrets = [new_secret() for _number in range(200)]
    assert len(set(secrets)) == 200
    assert all(re.fullmatch(r"sst_[0-9A-Za-z]{49}", secret) and is_well_formed(secret) for secret in secrets)


@given(st.text(max_size=60))
def test_no_other_text_is_taken_for_a_token(text: str) -> None:
    assert not is_well_formed(text)
    assert not is_well_formed(f"sst_{text}")


def test_a_letter_that_was_mistyped_is_seen_without_asking_the_database(queries: Any) -> None:
    raw = new_secret()
    other = raw[:10] + ("a" if raw[10] != "a" else "b") + raw[11:]
    with queries() as asked, pytest.raises(TokenRefused, match="no token of this studio"):
        authenticate_token(other, now=timezone.now())
    assert len(asked) == 0


def test_the_secret_is_kept_nowhere() -> None:
    _token, raw = factories.token()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'SELECT count(*) FROM "{table}" AS one WHERE one::text LIKE %s', [f"%{raw[4:40]}%"]
            )
            assert cursor.fetchone()[0] == 0, table


def test_a_token_is_its_owner() -> None:
    owner = factories.user("ada")
    made, raw = factories.token(owner)
    token = authenticate_token(raw, now=timezone.now())
    assert (token.pk, token.owner) == (made.pk, owner)
    assert token.digest == digest_of(raw)


def test_a_token_that_is_well_formed_and_unknown_is_refused() -> None:
    with pytest.raises(TokenRefused, match="no token of this studio"):
        authenticate_token(new_secret(), now=timezone.now())


def test_a_token_opens_nothing_from_the_moment_it_expires() -> None:
    token, raw = factories.token()
    authenticate_token(raw, now=token.expires_at - timedelta(seconds=1))
    with pytest.raises(TokenRefused, match="expired on"):
        authenticate_token(raw, now=token.expires_at)


def test_a_revoked_token_opens_nothing_and_is_revoked_once() -> None:
    token, raw = factories.token()
    for _twice in range(2):
        revoke_token(user=token.owner, token=token)
    with pytest.raises(TokenRefused, match="was revoked"):
        authenticate_token(raw, now=timezone.now())
    assert Event.objects.filter(action="token.revoke", subject=str(token)).count() == 1


def test_a_deactivated_owner_has_no_token() -> None:
    token, raw = factories.token()
    token.owner.is_active = False
    token.owner.save()
    with pytest.raises(TokenRefused, match="deactivated"):
        authenticate_token(raw, now=timezone.now())


def test_use_is_noted_once_a_minute(queries: Any) -> None:
    token, raw = factories.token()
    now = timezone.now()
    authenticate_token(raw, now=now)
    with queries() as asked:
        authenticate_token(raw, now=now + timedelta(seconds=59))
    assert len(asked) == 1
    token.refresh_from_db()
    assert token.last_used_at == now
    authenticate_token(raw, now=now + timedelta(seconds=60))
    token.refresh_from_db()
    assert token.last_used_at == now + timedelta(seconds=60)


def test_a_name_is_free_again_once_its_token_is_revoked() -> None:
    owner = factories.user()
    ends = timezone.now() + timedelta(days=1)
    token, _raw = create_token(user=owner, name="ci", scope="read", expires_at=ends)
    with pytest.raises(FieldErrors, match="a token of this name"):
        create_token(user=owner, name="ci", scope="read", expires_at=ends)
    create_token(user=factories.user(), name="ci", scope="read", expires_at=ends)
    revoke_token(user=owner, token=token)
    create_token(user=owner, name="ci", scope="read", expires_at=ends)


def test_a_person_has_so_many_tokens_and_no_more() -> None:
    owner = factories.user()
    for _number in range(MOST):
        factories.token(owner)
    with pytest.raises(FieldErrors, match="Revoke one first"):
        factories.token(owner)


@pytest.mark.parametrize(
    ("role", "scope", "runs", "manages", "administers"),
    [
        (Role.ADMINISTRATOR, "read", False, False, False),
        (Role.ADMINISTRATOR, "run", True, False, False),
        (Role.ADMINISTRATOR, "manage", True, True, True),
        (Role.DATA_SCIENTIST, "run", True, False, False),
        (Role.DATA_SCIENTIST, "manage", True, True, False),
        (Role.READER, "manage", False, False, False),
    ],
)
def test_a_token_may_what_its_role_and_its_scope_both_allow(
    role: Role, scope: str, runs: bool, manages: bool, administers: bool
) -> None:
    token, _raw = factories.token(factories.user(role=role), scope)
    user: Any = token.owner
    user.api_token = token
    others = factories.endpoint(created_by=factories.user())
    may = [
        not permissions.reason_against(check, user)
        for check in (
            permissions.check_can_create_data_asset,
            permissions.check_can_create_endpoint,
            permissions.check_can_create_cluster,
        )
    ]
    assert may == [runs, manages, administers]
    assert (
        permissions.reason_against(permissions.check_can_edit_endpoint, user, others) == ""
    ) == administers


def test_a_token_with_too_little_scope_says_so() -> None:
    token, _raw = factories.token(scope="read")
    user: Any = token.owner
    user.api_token = token
    with pytest.raises(NotAllowed, match=f"scope of the token {token.name} is “Read”"):
        permissions.check_can_create_data_asset(user)


def test_the_database_knows_the_scopes() -> None:
    token, _raw = factories.token()
    with pytest.raises(Exception, match="token_scope_is_known"):
        ApiToken.objects.filter(pk=token.pk).update(scope="all")
