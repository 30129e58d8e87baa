import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.test import Client, override_settings
from django.utils import timezone

from studio.actions.people import end_sessions, forget_sessions
from studio.actions.tokens import TokenRefused, authenticate_token
from studio.models import Event, Role, Session
from tests import factories

ANSWERS = {"username": "bob", "name": "Bob", "email": "bob@example.com", "role": "Data scientist"}
LINK = re.compile(r"http://testserver(/account/welcome/[^<\s]+/)")
NEW = "a-longer-secret-7"


def link_of(answer: Any) -> str:
    return LINK.findall(answer.text)[0]


def opened(client: Client, link: str) -> Any:
    """The page behind the link, and its address, which no longer has the key."""
    answer = client.get(link)
    return (
        (client.get(answer["Location"]), answer["Location"]) if answer.status_code == 302 else (answer, link)
    )


def bob(**fields: Any) -> Any:
    return factories.user("bob", Role.DATA_SCIENTIST, **fields)


def signed_in_as(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_index_shows_role_and_state(signed_in: Client) -> None:
    bob(is_active=False, first_name="<b>Bob</b>")
    page = signed_in.get("/people/").text
    assert "Data scientist" in page
    assert "Deactivated" in page
    assert "&lt;b&gt;Bob&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=bo", {"bob"}),
        ("role=Administrator", {"ada", "root"}),
        ("role=Reader", {"eve"}),
        ("role=Data+scientist", {"bob"}),
        ("state=inactive", {"eve"}),
        ("role=King", {"ada", "root", "bob", "eve"}),
    ],
)
def test_index_filters(signed_in: Client, htmx: dict[str, str], query: str, names: set[str]) -> None:
    bob()
    factories.user("eve", Role.READER, is_active=False)
    get_user_model().objects.create_superuser("root")
    page = signed_in.get(f"/people/?{query}", headers=htmx).text
    assert {name for name in ("ada", "root", "bob", "eve") if f"<bdi>{name}</bdi>" in page} == names


def test_who_is_invited_chooses_a_password_and_is_in(signed_in: Client, htmx: dict[str, str]) -> None:
    answer = signed_in.post("/people/invite/", ANSWERS, headers=htmx)
    assert "no-store" in answer["Cache-Control"]
    link = link_of(answer)
    invited = get_user_model().objects.get(username="bob")
    assert (Role.of(invited), invited.email, invited.has_usable_password()) == (
        Role.DATA_SCIENTIST,
        "bob@example.com",
        False,
    )
    theirs = Client()
    page, where = opened(theirs, link)
    assert "Choose a password" in page.text
    assert link.split("/")[-2] not in where
    assert theirs.post(where, {"new_password1": NEW, "new_password2": NEW})["Location"] == "/"
    assert theirs.get("/account/").status_code == 200
    assert Client().login(username="bob", password=NEW)
    actions = list(Event.objects.order_by("pk").values_list("action", "actor__username", "subject"))
    assert actions == [("person.invite", "ada", "bob"), ("account.welcome", "bob", "bob")]
    assert link not in str(list(Event.objects.values_list("details", flat=True)))
    page, _where = opened(Client(), link)
    assert "This link is no longer good" in page.text


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"username": ""}, "This field is required"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"username": "ADA"}, "There is a person of this name"),
        ({"email": "x"}, "Enter a valid email address"),
        ({"role": "King"}, "not one of the available choices"),
        ({"username": "x" * 151}, "at most 150 characters"),
    ],
)
def test_invite_says_what_is_wrong(signed_in: Client, answers: dict[str, str], says: str) -> None:
    answer = signed_in.post("/people/invite/", {**ANSWERS, **answers})
    assert answer.status_code == 422
    assert says in answer.text
    assert get_user_model().objects.count() == 1


def test_a_weak_password_is_refused_and_the_link_stays_good(signed_in: Client) -> None:
    link = link_of(signed_in.post("/people/invite/", ANSWERS))
    theirs = Client()
    _page, where = opened(theirs, link)
    assert "too common" in theirs.post(where, {"new_password1": "password", "new_password2": "password"}).text
    assert theirs.post(where, {"new_password1": NEW, "new_password2": NEW}).status_code == 302


def test_a_link_works_for_seven_days(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    link = link_of(signed_in.post("/people/invite/", ANSWERS))
    made = default_token_generator._now()
    day = type(made - made)(days=1)
    monkeypatch.setattr(default_token_generator, "_now", lambda: made + 7 * day)
    assert "Choose a password" in opened(Client(), link)[0].text
    monkeypatch.setattr(default_token_generator, "_now", lambda: made + 8 * day)
    assert "This link is no longer good" in opened(Client(), link)[0].text


def test_a_link_is_of_the_address_that_people_use(signed_in: Client) -> None:
    with override_settings(PUBLIC_URL="https://studio.example.com"):
        answer = signed_in.post("/people/invite/", ANSWERS)
    assert "https://studio.example.com/account/welcome/" in answer.text


@pytest.mark.parametrize("path", ["MQ/none", "%F0%9F/none", "x/set-password", "MQ/c0ffee-123"])
def test_a_link_that_somebody_made_up_is_no_good(db: None, path: str) -> None:
    page, _where = opened(Client(), f"/account/welcome/{path}/")
    assert "This link is no longer good" in page.text


def test_a_new_link_ends_password_sessions_and_earlier_links(signed_in: Client) -> None:
    first = link_of(signed_in.post("/people/invite/", ANSWERS))
    invited = get_user_model().objects.get(username="bob")
    theirs = signed_in_as(invited)
    second = link_of(signed_in.post(f"/people/{invited.pk}/link/"))
    assert theirs.get("/").status_code == 302
    assert "no longer good" in opened(Client(), first)[0].text
    assert "Choose a password" in opened(Client(), second)[0].text


def test_change_role_counts_from_the_next_request(signed_in: Client) -> None:
    person = bob()
    theirs = signed_in_as(person)
    assert theirs.get("/data/-/new/").status_code == 200
    assert signed_in.post(f"/people/{person.pk}/role/", {"role": "Reader"})["Location"] == "/people/"
    assert theirs.get("/data/-/new/").status_code == 403
    assert Event.objects.get().details == {"before": {"role": "Data scientist"}, "after": {"role": "Reader"}}


def test_change_role_takes_a_superuser_at_its_word(signed_in: Client) -> None:
    root = get_user_model().objects.create_superuser("root")
    signed_in.post(f"/people/{root.pk}/role/", {"role": "Reader"})
    assert Role.of(get_user_model().objects.get(username="root")) == Role.READER


def test_deactivate_ends_sessions_and_tokens_at_once(signed_in: Client) -> None:
    person = bob()
    theirs = signed_in_as(person)
    _token, raw = factories.token(person)
    before = Session.objects.count()
    signed_in.post(f"/people/{person.pk}/deactivate/")
    assert theirs.get("/").status_code == 302
    assert Session.objects.count() == before - 1
    with pytest.raises(TokenRefused):
        authenticate_token(raw, now=person.date_joined)
    assert not Client().login(username="bob", password="secret")
    signed_in.post(f"/people/{person.pk}/reactivate/")
    assert theirs.get("/").status_code == 302  # it is over for good
    with pytest.raises(TokenRefused):
        authenticate_token(raw, now=person.date_joined)
    assert Client().login(username="bob", password="secret")


def test_ending_sessions_looks_at_no_other(signed_in: Client, queries: Any) -> None:
    person = bob()
    signed_in_as(person)
    with queries() as asked:
        end_sessions(person=person)
    assert len(asked) == 1
    assert not Session.objects.filter(person=person).exists()
    assert signed_in.get("/").status_code == 200


def test_expired_sessions_are_forgotten(signed_in: Client) -> None:
    theirs = signed_in_as(bob())
    Session.objects.filter(person__username="bob").update(expire_date=timezone.now() - timedelta(seconds=1))
    forget_sessions()
    assert list(Session.objects.values_list("person__username", flat=True)) == ["ada"]
    assert theirs.get("/").status_code == 302


def test_a_deactivated_person_has_no_link(signed_in: Client) -> None:
    link = link_of(signed_in.post("/people/invite/", ANSWERS))
    get_user_model().objects.filter(username="bob").update(is_active=False)
    assert "no longer good" in opened(Client(), link)[0].text


@pytest.mark.parametrize("role", ["Reader", "Data scientist"])
def test_the_last_administrator_stays_one(signed_in: Client, person: Any, role: str) -> None:
    factories.user("gone", is_active=False)
    invited = factories.user("invited")
    invited.set_unusable_password()
    invited.save()
    answer = signed_in.post(f"/people/{person.pk}/role/", {"role": role})
    assert answer.status_code == 403
    assert "This is the last Administrator" in answer.text
    person.refresh_from_db()
    assert Role.of(person) == Role.ADMINISTRATOR


def test_one_of_two_administrators_may_go(signed_in: Client, person: Any) -> None:
    other = factories.user("eve")
    assert signed_in.post(f"/people/{other.pk}/deactivate/").status_code == 302
    assert signed_in.post(f"/people/{person.pk}/role/", {"role": "Reader"}).status_code == 403


def test_nobody_deactivates_themselves(signed_in: Client, person: Any) -> None:
    factories.user("eve")
    answer = signed_in.post(f"/people/{person.pk}/deactivate/")
    assert "This is your own account" in answer.text
    person.refresh_from_db()
    assert person.is_active


def test_a_person_that_there_is_not(signed_in: Client) -> None:
    for verb in ("role", "link", "deactivate"):
        assert signed_in.get(f"/people/999999/{verb}/").status_code == 404
