import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.models import ApiToken, Event, Job, Role
from tests import factories
from tests.pages.job_rows import address, finished

ANSWERS = {"name": "nightly", "scope": "run", "days": "30"}
SECRET = re.compile(r"sst_[0-9A-Za-z]{49}")


def bearer(raw: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {raw}"})


def test_new_shows_the_token_once(signed_in: Client, person: Any, htmx: dict[str, str]) -> None:
    answer = signed_in.post("/account/tokens/new/", ANSWERS, headers=htmx)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    raw = SECRET.findall(answer.text)[0]
    token = ApiToken.objects.get()
    assert (token.owner, token.name, token.scope, token.ending) == (person, "nightly", "run", raw[-4:])
    assert abs(token.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    page = signed_in.get("/account/tokens/").text
    assert "nightly" in page
    assert not SECRET.search(page)
    event = Event.objects.get()
    assert event.action == "token.create"
    assert raw not in str(event.details)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"scope": "all"}, "not one of the available choices"),
        ({"days": "100000"}, "not one of the available choices"),
        ({"name": "a\0b"}, "Null characters"),
    ],
)
def test_new_says_what_is_wrong(signed_in: Client, answers: dict[str, str], says: str) -> None:
    answer = signed_in.post("/account/tokens/new/", {**ANSWERS, **answers})
    assert answer.status_code == 422
    assert says in answer.text
    assert not ApiToken.objects.exists()


def test_new_refuses_a_name_that_is_taken(signed_in: Client) -> None:
    signed_in.post("/account/tokens/new/", ANSWERS)
    answer = signed_in.post("/account/tokens/new/", ANSWERS)
    assert answer.status_code == 422
    assert "You have a token of this name" in answer.text


def test_new_offers_a_reader_the_scope_that_does_something(db: None) -> None:
    client = Client()
    client.force_login(factories.user(role=Role.READER))
    assert 'value="read"' in client.get("/account/tokens/new/").text
    assert 'value="run"' not in client.get("/account/tokens/new/").text
    assert client.post("/account/tokens/new/", ANSWERS).status_code == 422


def test_revoke_asks_then_ends_it(signed_in: Client, person: Any, htmx: dict[str, str]) -> None:
    token, _raw = factories.token(person)
    where = f"/account/tokens/{token.pk}/revoke/"
    assert "It was never used." in signed_in.get(where, headers=htmx).text
    assert signed_in.post(where)["Location"] == "/account/tokens/"
    token.refresh_from_db()
    assert token.is_revoked
    assert "Revoked" in signed_in.get("/account/tokens/").text


def test_tokens_of_others_are_not_there(signed_in: Client) -> None:
    token, _raw = factories.token()
    assert token.name not in signed_in.get("/account/tokens/").text
    assert signed_in.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert not token.is_revoked


@pytest.fixture
def done(store: Any) -> Job:
    return finished(store)


def test_a_token_downloads_predictions(done: Job) -> None:
    _token, raw = factories.token(factories.user(role=Role.READER))
    answer: Any = bearer(raw).get(address("download", done, file="predictions.csv"))
    assert b"".join(answer).startswith(b"row,prediction")
    assert not answer.cookies


def test_a_token_that_is_refused_says_why_and_redirects_nowhere(done: Job) -> None:
    token, raw = factories.token(revoked_at=timezone.now())
    answer = bearer(raw).get(address("download", done, file="predictions.csv"))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["message"].startswith(f"The token {token.name} was revoked.")
    assert raw not in answer.text


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YWRhOnNlY3JldA==", "sst_x", "Bearer \xe9"])
def test_other_headers_are_no_sign_in(done: Job, header: str) -> None:
    client = Client(headers={"Authorization": header})
    assert client.get(address("download", done, file="predictions.csv")).status_code in (302, 401)


def test_a_session_does_not_help_a_refused_token(signed_in: Client, done: Job) -> None:
    where = address("download", done, file="predictions.csv")
    assert signed_in.get(where, headers={"Authorization": "Bearer sst_none"}).status_code == 401
