from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.utils import timezone

from studio.actions.signing_in import MOST_OF_ADDRESS, MOST_OF_BOTH, WINDOW, TooManyAttempts, begin_attempt
from studio.models import Event, SignInAttempt
from tests import factories

WHERE = "/account/sign-in/"
LOCKED = "There were too many failed attempts to sign in. Wait 15 minutes, then try again."
WRONG = "Please enter a correct username and password"


def sign_in(client: Client, ip: str = "192.0.2.1", **answers: str) -> Any:
    return client.post(WHERE, {"username": "ada", "password": "wrong", **answers}, REMOTE_ADDR=ip)


def fail(client: Client, times: int, **answers: str) -> None:
    for _number in range(times):
        assert sign_in(client, **answers).status_code == 200


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_too_many_guesses_are_told_to_wait_whoever_it_is(client: Client, person: Any, username: str) -> None:
    fail(client, MOST_OF_BOTH, username=username)
    answer = sign_in(client, username=username)
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert LOCKED in answer.text
    assert WRONG not in answer.text


def test_who_is_told_to_wait_does_not_get_in_with_the_right_password(client: Client, person: Any) -> None:
    fail(client, MOST_OF_BOTH)
    assert sign_in(client, password="secret").status_code == 429
    assert client.get("/").status_code == 302


def test_another_spelling_of_a_name_counts_as_that_name(client: Client, person: Any) -> None:
    fail(client, MOST_OF_BOTH - 1)
    assert sign_in(client, username="\N{FULLWIDTH LATIN SMALL LETTER A}da").status_code == 200
    assert sign_in(client).status_code == 429


def test_one_network_of_ipv6_counts_as_one_address(client: Client, person: Any) -> None:
    for number in range(MOST_OF_BOTH):
        assert sign_in(client, ip=f"2001:db8::{number:x}").status_code == 200
    assert sign_in(client, ip="2001:db8::ffff").status_code == 429
    assert sign_in(client, ip="2001:db8:0:1::1").status_code == 200


def test_the_person_elsewhere_is_not_shut_out(client: Client, person: Any) -> None:
    fail(client, MOST_OF_BOTH)
    assert sign_in(client, password="secret", ip="192.0.2.2").status_code == 302


def test_an_address_that_tries_names_is_told_to_wait(client: Client, person: Any) -> None:
    for number in range(MOST_OF_ADDRESS):
        assert sign_in(client, username=f"name{number}").status_code == 200
    assert sign_in(client, password="secret").status_code == 429


def test_after_the_wait_it_works_again_though_they_kept_looking(db: None) -> None:
    now = timezone.now()
    for _number in range(MOST_OF_BOTH):
        begin_attempt(username="ada", ip=None, now=now)
    for minutes in range(1, 15):
        with pytest.raises(TooManyAttempts):
            begin_attempt(username="ada", ip=None, now=now + timedelta(minutes=minutes))
    begin_attempt(username="ADA", ip=None, now=now + WINDOW)
    assert SignInAttempt.objects.count() == 1


def test_signing_in_forgets_what_was_mistyped(client: Client, person: Any) -> None:
    for _twice in range(2):
        fail(client, MOST_OF_BOTH - 1)
        assert sign_in(client, password="secret").status_code == 302
        client.logout()
    assert not SignInAttempt.objects.exists()


def test_names_that_were_typed_are_kept_nowhere(client: Client, person: Any) -> None:
    sign_in(client, username="my-password-in-the-wrong-field")
    assert "my-password" not in str(list(SignInAttempt.objects.values())) + str(list(Event.objects.values()))


class Counting(MD5PasswordHasher):
    algorithm = "counting"
    done = 0

    def encode(self, password: str, salt: str) -> str:
        Counting.done += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("username", ["ada", "nobody", "gone", "invited"])
def test_every_name_costs_the_same_work_and_has_the_same_answer(
    client: Client, db: None, queries: Any, username: str
) -> None:
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.Counting"]):
        factories.user("ada")
        factories.user("gone", is_active=False)
        invited = factories.user("invited")
        invited.set_unusable_password()
        invited.save()
        Counting.done = 0
        with queries() as asked:
            answer = sign_in(client, username=username)
    assert (answer.status_code, WRONG in answer.text, Counting.done, len(asked)) == (200, True, 1, 6)


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///evil"],
)
def test_sign_in_leads_to_no_other_site(client: Client, person: Any, target: str) -> None:
    answer = client.post(WHERE, {"username": "ada", "password": "secret", "next": target})
    assert answer["Location"] == "/"
    client.logout()
    answer = client.post(f"{WHERE}?next={target}", {"username": "ada", "password": "secret"})
    assert answer["Location"] == "/"


def test_sign_in_and_out_are_on_record(client: Client, person: Any) -> None:
    sign_in(client, username="nobody")
    sign_in(client)
    sign_in(client, password="secret")
    client.post("/account/sign-out/")
    events = list(Event.objects.order_by("pk").values_list("action", "subject", "actor__username", "ip"))
    assert events == [
        ("account.sign_in_failed", "unknown name", None, "192.0.2.1"),
        ("account.sign_in_failed", "ada", None, "192.0.2.1"),
        ("account.sign_in", "ada", "ada", "192.0.2.1"),
        ("account.sign_out", "ada", "ada", "127.0.0.1"),
    ]


def test_who_cannot_be_put_on_record_is_not_signed_in(client: Client, person: Any) -> None:
    def no_events(execute: Any, sql: str, *others: Any) -> Any:
        if sql.startswith('INSERT INTO "studio_event"'):
            raise OperationalError("the disk is full")
        return execute(sql, *others)

    with connection.execute_wrapper(no_events), pytest.raises(OperationalError):
        sign_in(client, password="secret")
    person.refresh_from_db()
    assert person.last_login is None


@pytest.mark.parametrize("username", ["", "x" * 5000, "a\0b"])
def test_odd_names_are_no_bug(client: Client, db: None, username: str) -> None:
    assert sign_in(client, username=username).status_code in (200, 400)
