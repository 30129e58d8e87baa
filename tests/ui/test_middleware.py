"""What htmx is answered, and what happens to a refusal that no page caught."""

from typing import Any

import pytest
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.test import RequestFactory
from django_htmx.middleware import HtmxMiddleware

from studio.errors import NotAllowed, NotFound, StudioError
from studio.middleware import HtmxResponseMiddleware, LoginRequiredMiddleware, StudioErrorMiddleware
from studio.pages.component_samples import samples
from studio.pages.render import render_page
from studio.pages.ui import theme

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/jobs/?status=Failed"}


def through(request: HttpRequest, view: Any) -> HttpResponseBase:
    """The request through the studio's own middleware, as it is stacked in the settings."""
    request.user = AnonymousUser()
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    errors = StudioErrorMiddleware(view)

    def handle(asked: HttpRequest) -> HttpResponseBase:
        try:
            return view(asked)
        except StudioError as refusal:
            answer = errors.process_exception(asked, refusal)
            assert answer is not None
            return answer

    return HtmxMiddleware(HtmxResponseMiddleware(handle))(request)


def refuse(request: HttpRequest) -> HttpResponse:
    raise NotAllowed("The job has finished. There is nothing to cancel.")


def test_htmx_is_sent_to_the_page_a_redirect_names_and_keeps_the_cookies(rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = redirect("home")
        response.set_cookie("messages", "kept")
        return response

    response = through(rf.post("/x", headers=HTMX), view)
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, "/")
    assert "Location" not in response.headers
    assert response.cookies["messages"].value == "kept"


@pytest.mark.parametrize("status", [200, 204, 422])
def test_htmx_is_told_messages_beside_the_fragment(rf: RequestFactory, status: int) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        messages.success(request, "Saved <it>.")
        return HttpResponse(status=status)

    response = through(rf.post("/x", headers=HTMX), view)
    assert isinstance(response, HttpResponse)
    assert 'hx-swap-oob="beforeend:#toasts"' in response.content.decode()
    assert "Saved &lt;it&gt;." in response.content.decode()
    assert response.status_code == (200 if status == 204 else status)


def test_a_refusal_is_a_toast_to_htmx(rf: RequestFactory) -> None:
    response = through(rf.post("/x", headers=HTMX), refuse)
    assert isinstance(response, HttpResponse)
    assert (response.status_code, response.headers["HX-Reswap"]) == (422, "none")
    assert "nothing to cancel" in response.content.decode()


IN_DIALOG = {**HTMX, "HX-Target": "dialog"}


def test_a_form_refused_in_a_dialog_reloads_its_page_which_says_why(rf: RequestFactory) -> None:
    request = rf.post("/x", headers=IN_DIALOG)
    response = through(request, refuse)
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, "/jobs/?status=Failed")
    assert ["nothing to cancel" in str(kept) for kept in messages.get_messages(request)] == [True]


def test_a_dialog_that_is_refused_before_it_opens_leaves_the_page_and_says_why(rf: RequestFactory) -> None:
    response = through(rf.get("/x", headers=IN_DIALOG), refuse)
    assert isinstance(response, HttpResponse)
    assert "nothing to cancel" in response.content.decode()
    assert "HX-Redirect" not in response.headers


@pytest.mark.parametrize("page", ["https://elsewhere.example/jobs/", "http://testserver//elsewhere.example/"])
def test_a_dialog_leads_to_no_page_of_another_host(rf: RequestFactory, page: str) -> None:
    response = through(rf.post("/x", headers={**IN_DIALOG, "HX-Current-URL": page}), refuse)
    assert "HX-Redirect" not in response.headers


def test_a_refused_form_goes_back_to_its_page(rf: RequestFactory) -> None:
    response = through(rf.post("/x", headers={"Referer": "http://testserver/jobs/?page=2"}), refuse)
    assert (response.status_code, response.headers["Location"]) == (302, "/jobs/?page=2")


@pytest.mark.parametrize(
    "referrer",
    [
        "",
        "https://elsewhere.example/jobs/",
        "http://testserver//elsewhere.example/jobs/",
        "http://testserver/\\elsewhere.example/jobs/",
    ],
)
def test_a_refusal_without_a_page_of_ours_is_a_page(rf: RequestFactory, referrer: str) -> None:
    response = through(rf.post("/x", headers={"Referer": referrer}), refuse)
    assert isinstance(response, HttpResponse)
    assert response.status_code == 403
    assert "nothing to cancel" in response.content.decode()


def test_a_bug_is_left_alone(rf: RequestFactory) -> None:
    assert StudioErrorMiddleware(refuse).process_exception(rf.get("/"), ValueError("bug")) is None


def test_signing_in_again_leads_to_the_page_and_not_to_the_fragment(rf: RequestFactory) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    request = rf.get("/jobs/rows/", headers=HTMX)
    HtmxMiddleware(answer)(request)
    response = LoginRequiredMiddleware(answer).handle_no_permission(request, answer)
    assert response.url.endswith("?next=/jobs/%3Fstatus%3DFailed")


@pytest.mark.parametrize(
    ("headers", "is_fragment"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
    ],
)
def test_only_a_plain_htmx_request_gets_the_fragment(
    rf: RequestFactory, headers: dict[str, str], is_fragment: bool
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return render_page(request, "ui/index.html", samples(request), fragment="rows")

    response = through(rf.get("/ui/", headers=headers), view)
    assert isinstance(response, HttpResponse)
    assert ("<html" not in response.content.decode()) is is_fragment
    assert response.headers["Vary"] == "HX-Request"


@pytest.mark.parametrize(("choice", "kept"), [("dark", True), ("pink", False)])
def test_the_theme_is_a_cookie_without_javascript(rf: RequestFactory, choice: str, kept: bool) -> None:
    request = rf.post("/ui/theme/", {"theme": choice}, headers={"Referer": "https://elsewhere.example/"})
    request.user = AnonymousUser()
    response = theme(request)
    assert response.headers["Location"] == "/"
    assert ("theme" in response.cookies) is kept


@pytest.mark.parametrize(
    ("page", "is_loaded_anew"), [("/jobs/gone/", True), ("/jobs/gone/?row=9", True), ("/jobs/", False)]
)
def test_a_page_whose_thing_is_gone_is_loaded_anew_and_asks_no_more(
    rf: RequestFactory, page: str, is_loaded_anew: bool
) -> None:
    def refuse_it(request: HttpRequest) -> HttpResponse:
        raise NotFound("The job is no longer there.")

    headers = {**HTMX, "HX-Current-URL": f"http://testserver{page}"}
    for view in (refuse_it, lambda _request: HttpResponse(status=404)):
        answer = through(rf.get("/jobs/gone/", headers=headers), view)
        assert ("HX-Refresh" in answer.headers) is is_loaded_anew
        assert (answer.status_code == 200) is is_loaded_anew
