"""What a person sees of a bug, and what the log says about it."""

import re

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
