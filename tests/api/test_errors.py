"""Refusals have one shape, whatever it is that refuses."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from studio.models import ApiToken
from tests import factories
from tests.api.asking import ask


@pytest.fixture
def raw(db: None) -> str:
    return factories.token(scope="manage")[1]


def send(raw: str, body: str, kind: str = "application/json") -> Any:
    client = Client(headers={"Authorization": f"Bearer {raw}"})
    return client.generic("PATCH", "/api/jobs/batchjob-1", body, kind)


def refused(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert set(answer.json()["error"]) == {"code", "message"}
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/api/nothing", 404, "/api/docs lists those that are there"),
        ("GET", "/api/", 404, "There is nothing at this address"),
        ("GET", "/api/jobs/batchjob-1", 404, "There is no job “batchjob-1”."),
        ("PUT", "/api/jobs", 405, "does not take PUT. It takes GET, HEAD."),
        ("OPTIONS", "/api/jobs", 405, "does not take OPTIONS"),
        ("GET", "/api/jobs?search=%00", 400, "cannot be read"),
        ("GET", "/api/jobs?offset=99999999999999999999", 400, "offset"),
    ],
)
def test_an_address_says_what_it_does_not_do(
    raw: str, method: str, path: str, status: int, says: str
) -> None:
    assert says in refused(ask(raw, method, path), status)


def test_head_is_not_answered_where_get_is_not(raw: str) -> None:
    answer = ask(raw, "HEAD", "/api/jobs/batchjob-1/cancel")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        ("{", "application/json", 400, "not JSON"),
        ('{"displayName": NaN}', "application/json", 400, "not JSON"),
        ("[" * 100_000, "application/json", 400, "not JSON"),
        ('{"displayName": "a\\u0000"}', "application/json", 400, "NUL"),
        ('{"displayName": "\\ud800"}', "application/json", 400, "half a character"),
        ("[]", "application/json", 400, "not as /api/docs says"),
        ("", "application/json", 400, "not as /api/docs says"),
        ('{"displayName": "x"}', "text/plain", 415, "Content-Type: application/json"),
        ('{"displayName": "' + "x" * (1 << 20) + '"}', "application/json", 413, "larger than 1024 KB"),
        ('{"displayName": "' + "x" * (3 << 20) + '"}', "application/json", 413, "larger than 1024 KB"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    raw: str, body: str, kind: str, status: int, says: str
) -> None:
    assert says in refused(send(raw, body, kind), status)


def test_no_session_opens_the_api(signed_in: Client) -> None:
    answer = signed_in.get("/api/jobs")
    assert "Authorization: Bearer" in refused(answer, 401)
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not answer.cookies


def test_a_refused_token_says_why_without_saying_it_again(raw: str) -> None:
    ApiToken.objects.update(revoked_at=timezone.now())
    answer = ask(raw, "GET", "/api/jobs")
    assert "was revoked" in refused(answer, 401)
    assert raw not in answer.text


def test_a_token_that_asks_too_often_is_told_when_to_go_on(raw: str, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    _token, other = factories.token()
    for _ in range(3):
        assert ask(raw, "GET", "/api/jobs").status_code == 200
    answer = ask(raw, "GET", "/api/jobs")
    assert "more than 3 requests a minute" in refused(answer, 429)
    assert 1 <= int(answer["Retry-After"]) <= 20
    assert ask(other, "GET", "/api/jobs").status_code == 200


def test_no_other_site_may_ask(raw: str) -> None:
    answer = ask(raw, "GET", "/api/jobs", headers={"Origin": "https://elsewhere.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_bug_is_told_with_its_reference_and_nothing_more(
    raw: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("studio.api.jobs.figures_of", lambda jobs: 1 / 0)
    answer = ask(raw, "GET", "/api/jobs/-/statistics")
    sentence = refused(answer, 500)
    assert "ZeroDivision" not in sentence
    reference = sentence.split("reference ")[1].split(",")[0]
    assert f"Bug {reference}" in caplog.text


def test_the_document_is_there_for_people_and_tokens_alone(raw: str, signed_in: Client) -> None:
    assert signed_in.get("/api/openapi.json").json()["openapi"].startswith("3.1")
    assert ask(raw, "GET", "/api/openapi.json").status_code == 200
    assert Client().get("/api/openapi.json").status_code == 302
