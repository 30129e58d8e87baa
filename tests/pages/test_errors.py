"""What a person sees of a bug, and what the log says about it."""

import re
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from studio.urls import handler500, urlpatterns

__all__ = ["handler500"]


@login_not_required
def break_down(request: HttpRequest) -> HttpResponse:
    raise ValueError("the very cause")


urlpatterns = [path("broken/", break_down), *urlpatterns]


@pytest.mark.urls(__name__)
def test_the_page_of_a_bug_shows_a_reference_that_the_log_has_too(caplog: pytest.LogCaptureFixture) -> None:
    answer = Client(raise_request_exception=False).get("/broken/")
    assert answer.status_code == 500
    reference = re.search(r"Reference: <code>([0-9a-f]{8})</code>", answer.text)
    assert reference
    line = next(line for line in caplog.records if reference[1] in line.getMessage())
    assert "/broken/" in line.getMessage()
    assert "the very cause" in str(line.exc_text or line.exc_info)
    assert "the very cause" not in answer.text


@pytest.fixture
def strict(person: Any) -> Client:
    """A browser in which somebody is signed in, and whose forms need their token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    return client


ANSWERS = {"theme": "dark", "time_zone": 'Europe/"Berlin"', "csrfmiddlewaretoken": "of-yesterday"}


def test_a_form_with_an_old_token_can_be_sent_again(strict: Client) -> None:
    answer = strict.post("/account/preferences/", ANSWERS, headers={"Origin": "http://testserver"})
    assert answer.status_code == 403
    assert "nothing that you typed is lost" in answer.text
    assert 'name="time_zone" value="Europe/&quot;Berlin&quot;"' in answer.text
    assert "of-yesterday" not in answer.text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
    assert token
    whole = {"theme": "dark", "time_zone": "UTC", "notices": "all", "csrfmiddlewaretoken": token[1]}
    again = strict.post("/account/preferences/", whole)
    assert again["Location"] == "/account/"


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
def test_what_another_site_has_sent_is_not_offered_again(strict: Client, origin: str) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = strict.post("/account/preferences/", ANSWERS, headers=headers)
    assert answer.status_code == 403
    assert "Berlin" not in answer.text


def test_a_password_is_not_drawn_into_a_page(strict: Client) -> None:
    answers = {"old_password": "of-mine", "new_password1": "next-one"}
    answer = strict.post("/account/password/", answers, headers={"Origin": "http://testserver"})
    assert answer.status_code == 403
    assert "of-mine" not in answer.text


@pytest.mark.parametrize(
    ("address", "way_on"), [("/models/gone/", "Go to Models"), ("/nowhere/", "Go to Home")]
)
def test_an_address_that_leads_nowhere_says_where_to_go(signed_in: Client, address: str, way_on: str) -> None:
    answer = signed_in.get(address)
    assert answer.status_code == 404
    assert way_on in answer.text
    assert 'href="/help/"' in answer.text
