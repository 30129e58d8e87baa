from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from studio.actions.account import set_up_administrator
from studio.models import Event, Profile, Role
from tests import factories

ACCOUNT = "/account/"
OLD, NEW = "secret", "a-longer-secret-7"
CHOSEN = {"theme": "dark", "language": "", "time_zone": "", "notices": "all"}
GIVEN = "sets this password again"


def change(client: Client, **answers: str) -> Any:
    return client.post(
        "/account/password/",
        {"old_password": OLD, "new_password1": NEW, "new_password2": NEW, **answers},
    )


def test_index_says_who_is_there(signed_in: Client, person: Any) -> None:
    person.first_name, person.last_name, person.email = "Ada", "Lovelace", "ada@example.com"
    person.save()
    answer = signed_in.get(ACCOUNT)
    assert "Ada Lovelace" in answer.text
    assert "ada@example.com" in answer.text
    assert '<option value="Europe/Berlin">' in answer.text


def test_the_start_with_a_password_lets_the_administrator_in_again(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_ADMIN_PASSWORD", "the-way-back-in")
    set_up_administrator()
    User.objects.filter(username="admin").update(is_active=False, is_superuser=False)
    for _twice in range(2):
        set_up_administrator()
    assert client.login(username="admin", password="the-way-back-in")
    assert GIVEN in client.get(ACCOUNT).text
    monkeypatch.delenv("STUDIO_ADMIN_PASSWORD")
    set_up_administrator()
    assert GIVEN not in client.get(ACCOUNT).text
    assert Role.of(User.objects.get()) == Role.ADMINISTRATOR
    assert Event.objects.filter(action="person.let_in_again", actor=None).count() == 1


def test_a_new_password_at_the_start_is_on_record(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_ADMIN_PASSWORD", "the-first-one")
    set_up_administrator()
    monkeypatch.setenv("STUDIO_ADMIN_PASSWORD", "another-one")
    for _twice in range(2):
        set_up_administrator()
    assert Event.objects.filter(action="account.password", actor=None, subject="admin").count() == 1


def test_the_theme_button_is_on_record(signed_in: Client, person: Any) -> None:
    signed_in.post("/ui/theme/", {"theme": "dark"})
    event = Event.objects.get(action="account.preferences", actor=person)
    assert event.details == {"before": {"theme": "auto"}, "after": {"theme": "dark"}}


def test_index_asks_who_is_there(client: Client, db: None) -> None:
    assert client.get(ACCOUNT)["Location"] == "/account/sign-in/?next=/account/"


@pytest.mark.parametrize("address", ["/account/preferences/", "/account/password/"])
def test_forms_take_posts_only(signed_in: Client, address: str) -> None:
    assert signed_in.get(address).status_code == 405


def test_index_takes_no_post(signed_in: Client) -> None:
    assert signed_in.post(ACCOUNT).status_code == 405


def test_preferences_are_kept_for_the_person_and_the_browser(signed_in: Client, person: Any) -> None:
    answer = signed_in.post("/account/preferences/", {**CHOSEN, "time_zone": "europe/berlin"})
    assert answer["Location"] == ACCOUNT
    assert answer.cookies["theme"].value == "dark"
    profile = Profile.objects.get(user=person)
    assert (profile.theme, profile.time_zone) == ("dark", "Europe/Berlin")
    assert Event.objects.get().action == "account.preferences"
    page = signed_in.get(ACCOUNT)
    assert 'data-bs-theme="dark"' in page.text
    assert 'data-time-zone="Europe/Berlin"' in page.text


def test_preferences_refuses_a_zone_that_is_none_and_keeps_what_was_typed(signed_in: Client) -> None:
    answer = signed_in.post("/account/preferences/", {**CHOSEN, "time_zone": "Atlantis/<b>"})
    assert answer.status_code == 422
    assert "is not a time zone" in answer.text
    assert "Atlantis/&lt;b&gt;" in answer.text
    assert not Profile.objects.exists()


def test_times_are_shown_in_the_chosen_zone(signed_in: Client, person: Any) -> None:
    person.last_login = timezone.now().replace(month=1, day=5, hour=12, minute=34)
    person.save()
    Profile.objects.create(user=person, time_zone="Asia/Tokyo")
    assert ">Jan 5, 9:34 PM</time>" in signed_in.get(ACCOUNT).text


@pytest.mark.parametrize(
    ("chosen", "of_the_browser", "shown"),
    [
        ("", "de, en;q=0.5", "Jan 5, 9:34 PM"),
        ("", "en-GB", "5 Jan, 21:34"),
        ("en-gb", "en-US", "5 Jan, 21:34"),
        ("en", "en-GB", "Jan 5, 9:34 PM"),
        ("tlh", "en-GB", "5 Jan, 21:34"),
    ],
)
def test_the_chosen_language_else_that_of_the_browser_says_how_times_are_written(
    signed_in: Client, person: Any, chosen: str, of_the_browser: str, shown: str
) -> None:
    person.last_login = timezone.now().replace(month=1, day=5, hour=12, minute=34)
    person.save()
    Profile.objects.create(user=person, time_zone="Asia/Tokyo", language=chosen)
    answer = signed_in.get(ACCOUNT, headers={"Accept-Language": of_the_browser})
    assert f">{shown}</time>" in answer.text
    assert f'<html lang="{answer["Content-Language"]}"' in answer.text


def test_a_language_that_is_not_offered_is_refused(signed_in: Client) -> None:
    answer = signed_in.post("/account/preferences/", {**CHOSEN, "language": "tlh"})
    assert (answer.status_code, Profile.objects.exists()) == (422, False)


def test_a_zone_that_this_machine_has_lost_is_no_error(signed_in: Client, person: Any) -> None:
    Profile.objects.create(user=person, time_zone="Nowhere/Land")
    assert signed_in.get("/").status_code == 200


def test_password_is_changed_and_ends_the_other_sessions(signed_in: Client, person: Any) -> None:
    elsewhere = Client()
    elsewhere.login(username="ada", password=OLD)
    assert change(signed_in)["Location"] == ACCOUNT
    assert signed_in.get(ACCOUNT).status_code == 200
    assert elsewhere.get(ACCOUNT).status_code == 302
    person.refresh_from_db()
    assert person.check_password(NEW)
    event = Event.objects.get()
    assert (event.action, event.details) == ("account.password", {})


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"old_password": "wrong"}, "Your old password was entered incorrectly"),
        ({"new_password2": "another-one-8"}, "didn’t match"),
        ({"new_password1": "12345678", "new_password2": "12345678"}, "too common"),
        ({"new_password1": "", "new_password2": ""}, "This field is required"),
    ],
)
def test_password_says_what_is_wrong(
    signed_in: Client, person: Any, answers: dict[str, str], says: str
) -> None:
    answer = change(signed_in, **answers)
    assert answer.status_code == 422
    assert says in answer.text
    assert NEW not in answer.text
    person.refresh_from_db()
    assert person.check_password(OLD)


def test_a_new_browser_gets_the_theme_after_sign_in(client: Client, person: Any) -> None:
    Profile.objects.create(user=person, theme=Profile.Theme.DARK)
    answer = client.post("/account/sign-in/", {"username": "ada", "password": OLD})
    assert answer.cookies["theme"].value == "dark"


def test_sign_in_leaves_a_browser_alone_that_has_no_choice_to_follow(client: Client, person: Any) -> None:
    answer = client.post("/account/sign-in/", {"username": "ada", "password": OLD})
    assert "theme" not in answer.cookies


def test_the_theme_button_is_remembered_for_the_person(signed_in: Client, person: Any) -> None:
    signed_in.post("/ui/theme/", {"theme": "dark"})
    assert Profile.objects.get(user=person).theme == "dark"
    signed_in.post("/ui/theme/", {"theme": "pink"})
    assert Profile.objects.get(user=person).theme == "dark"


def test_a_form_that_was_sent_signed_out_leads_back_to_its_page(client: Client, db: None) -> None:
    answer = client.post("/account/password/", headers={"Referer": "http://testserver/account/"})
    assert answer["Location"] == "/account/sign-in/?next=/account/"


def test_profiles_of_others_do_not_matter(signed_in: Client, queries: Callable[[], Any]) -> None:
    with queries() as few:
        signed_in.get(ACCOUNT)
    for _number in range(3):
        Profile.objects.create(user=factories.user(), theme=Profile.Theme.DARK)
    with queries() as many:
        answer = signed_in.get(ACCOUNT)
    assert len(many) == len(few)
    assert 'data-theme-choice="auto"' in answer.text
