"""Signing in through an OpenID Connect provider: a real one, and one that answers whatever a test wants."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from studio.actions.people import deactivate_person
from studio.actions.signing_in import MOST_BEGUN
from studio.models import Event, Role, Session
from studio.oidc import ROLES
from tests import factories
from tests.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer, oidc_server
from tests.pages.any_provider import OTHER, SECRET, AnyProvider, any_provider, challenge_of
from tests.services import free_port

SIGN_IN = "/account/sign-in/"
CALLBACK = "/account/oidc/callback/"
CONNECT, DISCONNECT = "/account/oidc/connect/", "/account/oidc/disconnect/"
BACK = f"http://testserver{CALLBACK}"
MAPPING = {"admins": "Administrator", "science": "Data scientist"}
NOT_IN_ORDER = "What Clinic answered is not in order, so nobody was signed in."


@pytest.fixture
def provider(db: None, settings: Any) -> Iterator[AnyProvider]:
    cache.clear()
    with any_provider() as running:
        settings.OIDC = running.settings()
        running.told = {"preferred_username": "ada", "name": "Ada Lovelace"}
        yield running


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/").status_code == 200)


def refusal(client: Client, answer: Any) -> str:
    """What the sign-in page says; nobody is signed in."""
    assert answer["Location"] == SIGN_IN
    assert not is_signed_in(client)
    said: str = client.get(SIGN_IN).text
    return said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcServer]:
    folder = tmp_path_factory.mktemp("oidc")
    with oidc_server(folder, port=free_port(), callback=BACK) as running:
        running.know("ada", name="Ada Lovelace", preferred_username="ada", groups=["science"])
        yield running


@pytest.fixture
def real(server: OidcServer, db: None, settings: Any) -> OidcServer:
    cache.clear()
    settings.OIDC = AnyProvider(server.issuer).settings(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, roles=MAPPING, default_role=""
    )
    return server


def test_a_real_provider_signs_somebody_in(client: Client, real: OidcServer) -> None:
    begun = client.get("/account/oidc/?next=/jobs/")["Location"]
    answer = client.get(real.sign_in(begun, "ada", callback=BACK))
    assert answer["Location"] == "/jobs/"
    person = User.objects.get(username="ada")
    assert (person.get_full_name(), Role.of(person)) == ("Ada Lovelace", Role.DATA_SCIENTIST)
    assert is_signed_in(client)


def test_who_has_a_password_connects_their_account_with_a_real_provider_and_disconnects_it(
    client: Client, real: OidcServer, htmx: dict[str, str]
) -> None:
    lovelace = factories.user("lovelace", role=Role.READER)
    client.force_login(lovelace)
    assert "Connect with Clinic" in client.get("/account/").text
    leads_to = client.post(CONNECT, headers=htmx)["HX-Redirect"]
    assert client.get(real.sign_in(leads_to, "ada", callback=BACK))["Location"] == "/account/"
    assert "Clinic opens your account now." in client.get("/account/").text

    elsewhere = Client()
    begun = elsewhere.get("/account/oidc/")["Location"]
    elsewhere.get(real.sign_in(begun, "ada", callback=BACK))
    assert elsewhere.get("/account/").context["user"] == lovelace
    assert Role.of(User.objects.get()) == Role.DATA_SCIENTIST  # as the groups there say, from then on

    assert client.post(DISCONNECT)["Location"] == "/account/"
    assert not SocialAccount.objects.exists()
    acts = Event.objects.filter(subject="lovelace", details__provider="Clinic").order_by("pk")
    assert [act.action for act in acts] == [
        "account.connect",
        "person.change_role",
        "account.sign_in",
        "account.disconnect",
    ]


def test_what_leads_to_the_provider_without_htmx_is_a_link(client: Client, provider: AnyProvider) -> None:
    client.force_login(factories.user())
    page = client.post(CONNECT)
    assert f'href="{provider.issuer}/auth?' in page.text
    assert "form-action 'self'" in page["Content-Security-Policy"]


def connect(client: Client, provider: AnyProvider, htmx: dict[str, str]) -> str:
    """What the profile says after it was tried."""
    asked = parse_qs(urlsplit(client.post(CONNECT, headers=htmx)["HX-Redirect"]).query)
    provider.nonce = asked["nonce"][0]
    answer = client.get(CALLBACK, {"code": "a-code", "state": asked["state"][0]})
    said: str = client.get(answer["Location"]).text
    return said


def test_who_opens_one_account_connects_no_other(
    client: Client, provider: AnyProvider, htmx: dict[str, str], settings: Any
) -> None:
    provider.sign_in(Client())
    client.force_login(factories.user("eve"))
    assert "opens another account of this studio" in connect(client, provider, htmx)
    provider.claims = provider.told = {"sub": "eve"}
    assert "Clinic opens your account now." in connect(client, provider, htmx)
    provider.claims = provider.told = {"sub": "another"}
    assert "connected with Clinic already" in connect(client, provider, htmx)
    settings.OIDC = provider.settings(roles=MAPPING, default_role="")
    assert "does not name you in a group" in connect(client, provider, htmx)
    assert SocialAccount.objects.count() == 2


def test_who_was_deactivated_meanwhile_connects_nothing(
    client: Client, provider: AnyProvider, htmx: dict[str, str]
) -> None:
    person = factories.user("eve")
    client.force_login(person)
    asked = parse_qs(urlsplit(client.post(CONNECT, headers=htmx)["HX-Redirect"]).query)
    provider.nonce = asked["nonce"][0]
    User.objects.update(is_active=False)
    answer = client.get(CALLBACK, {"code": "a-code", "state": asked["state"][0]})
    assert "You are no longer signed in." in refusal(client, answer)
    assert not SocialAccount.objects.exists()


def test_the_only_way_into_an_account_stays(client: Client, provider: AnyProvider, settings: Any) -> None:
    provider.sign_in(client)
    assert "You have no password" in client.get("/account/").text
    assert client.post(DISCONNECT).status_code == 403
    person = User.objects.get()
    person.set_password("secret")
    person.save()
    client.force_login(person)
    settings.PASSWORDS_FOR_ALL = False
    assert client.post(DISCONNECT).status_code == 403
    assert SocialAccount.objects.exists()
    settings.PASSWORDS_FOR_ALL = True
    client.post(DISCONNECT)
    assert not SocialAccount.objects.exists()


def test_what_is_not_connected_is_not_disconnected(client: Client, provider: AnyProvider) -> None:
    client.force_login(factories.user())
    page = client.get(DISCONNECT)
    assert page.context["reason"].startswith("Your account is not connected")
    assert page.context["reason"] in page.text
    answer = client.post(DISCONNECT)
    assert answer.status_code == 403
    assert "Your account is not connected" in answer.text


def test_signing_in_is_not_begun_without_end(client: Client, provider: AnyProvider) -> None:
    for _number in range(MOST_BEGUN):
        provider.begin(Client())
    answer = client.get("/account/oidc/?next=/jobs/")
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Too many sign-ins were begun from this network" in answer.text
    assert 'action="/account/sign-in/"' in answer.text
    assert client.get("/account/oidc/", REMOTE_ADDR="192.0.2.9").status_code == 302
    factories.user("root")
    answer = client.post(SIGN_IN, {"username": "root", "password": "secret"})
    assert answer.status_code == 302  # a password still signs in


def test_who_comes_back_makes_room_for_others_at_the_same_address(provider: AnyProvider) -> None:
    for number in range(MOST_BEGUN + 2):
        provider.claims = provider.told = {"sub": f"person-{number}"}
        browser = Client()
        provider.sign_in(browser)
        assert is_signed_in(browser)


def test_what_a_sign_in_that_is_not_finished_leaves_ends_soon(client: Client, provider: AnyProvider) -> None:
    provider.begin(client)
    left = Session.objects.get()
    assert left.person is None
    assert left.expire_date - timezone.now() <= timedelta(minutes=30)
    provider.sign_in(client)
    assert Session.objects.get(person__username="ada").expire_date - timezone.now() > timedelta(days=13)


def test_roles_are_named_as_the_studio_names_them() -> None:
    assert list(ROLES) == [Role.READER, Role.DATA_SCIENTIST, Role.ADMINISTRATOR]


def test_the_sign_in_page_offers_it(client: Client, provider: AnyProvider) -> None:
    page = client.get(f"{SIGN_IN}?next=/jobs/").text
    assert 'href="/account/oidc/?next=/jobs/">Sign in with Clinic</a>' in page
    assert "password" in page


def test_what_is_asked_and_sent_is_bound_to_this_browser(client: Client, provider: AnyProvider) -> None:
    asked = provider.begin(client)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"http://testserver{CALLBACK}"
    client.get(CALLBACK, {"code": "a-code", "state": asked["state"]})
    form = provider.asked[0]
    assert challenge_of(form["code_verifier"][0]) == asked["code_challenge"]
    assert (form["code"], form["client_secret"]) == (["a-code"], [SECRET])


def test_who_comes_first_gets_an_account_and_the_same_one_later(
    client: Client, provider: AnyProvider
) -> None:
    assert provider.sign_in(client)["Location"] == "/"
    client.post("/account/sign-out/")
    assert not is_signed_in(client)
    provider.told["preferred_username"] = "ada.lovelace"  # names change, the subject stays
    provider.sign_in(client)
    assert is_signed_in(client)
    person = User.objects.get()
    assert (person.username, person.has_usable_password(), Role.of(person)) == ("ada", False, Role.READER)
    acts = list(Event.objects.order_by("pk").values_list("action", "details__provider"))
    assert acts == [
        ("person.create", "Clinic"),
        ("account.sign_in", "Clinic"),
        ("account.sign_out", None),
        ("account.sign_in", "Clinic"),
    ]


def test_nothing_of_the_provider_is_kept_but_who_it_is(client: Client, provider: AnyProvider) -> None:
    provider.sign_in(client)
    assert SocialAccount.objects.values_list("uid", "extra_data").get() == ("ada-7", {})
    assert not SocialToken.objects.exists()
    assert "an-access-token" not in str(dict(client.session))


def test_groups_give_the_role_at_each_sign_in(client: Client, provider: AnyProvider, settings: Any) -> None:
    settings.OIDC = provider.settings(roles=MAPPING, default_role="")
    factories.user("root")  # an Administrator who stays
    for groups, role in (
        (["science", "admins"], Role.ADMINISTRATOR),
        ("science", Role.DATA_SCIENTIST),
        (["admins"], Role.ADMINISTRATOR),
    ):
        provider.told["groups"] = groups
        provider.sign_in(client)
        assert Role.of(User.objects.get(username="ada")) == role
        client.post("/account/sign-out/")
    changes = Event.objects.filter(action="person.change_role").order_by("pk")
    assert [(one.details["before"]["role"], one.details["after"]["role"]) for one in changes] == [
        ("Administrator", "Data scientist"),
        ("Data scientist", "Administrator"),
    ]


def test_who_is_in_no_group_is_refused_unless_there_is_a_role_for_them(
    client: Client, provider: AnyProvider, settings: Any
) -> None:
    settings.OIDC = provider.settings(roles=MAPPING, default_role="")
    provider.told["groups"] = ["kitchen"]
    assert "Clinic does not name you in a group" in refusal(client, provider.sign_in(client))
    assert not User.objects.exists()
    assert Event.objects.get().action == "account.sign_in_failed"
    settings.OIDC = provider.settings(roles=MAPPING, default_role="Reader")
    provider.sign_in(client)
    assert is_signed_in(client)


def test_the_last_administrator_stays_one(client: Client, provider: AnyProvider, settings: Any) -> None:
    settings.OIDC = provider.settings(roles=MAPPING)
    provider.told["groups"] = ["admins"]
    provider.sign_in(client)
    client.post("/account/sign-out/")
    provider.told["groups"] = []
    provider.sign_in(client)
    assert Role.of(User.objects.get()) == Role.ADMINISTRATOR


def test_without_groups_an_administrator_gives_roles(client: Client, provider: AnyProvider) -> None:
    provider.sign_in(client)
    person = User.objects.get()
    factories.user("root")
    person.groups.set(User.objects.get(username="root").groups.all())
    client.post("/account/sign-out/")
    provider.sign_in(client)
    assert Role.of(User.objects.get(username="ada")) == Role.ADMINISTRATOR


def test_a_verified_address_opens_the_account_that_has_it(client: Client, provider: AnyProvider) -> None:
    invited = factories.user("lovelace", role=Role.DATA_SCIENTIST, email="Ada@example.com")
    provider.told |= {"email": "ada@example.com", "email_verified": True}
    provider.sign_in(client)
    assert is_signed_in(client)
    assert SocialAccount.objects.get().user == invited
    assert Role.of(invited) == Role.DATA_SCIENTIST
    assert Event.objects.filter(action="person.link", subject="lovelace").exists()


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_that_is_not_verified_opens_none(
    client: Client, provider: AnyProvider, verified: Any
) -> None:
    factories.user("lovelace", email="ada@example.com")
    provider.told |= {"email": "ada@example.com", "email_verified": verified}
    said = refusal(client, provider.sign_in(client))
    assert "There is an account with the e-mail address ada@example.com already" in said
    assert not SocialAccount.objects.exists()


def test_an_account_is_not_prepared_for_somebody_else(client: Client, provider: AnyProvider) -> None:
    provider.told |= {"preferred_username": "mallory", "email": "ada@example.com", "email_verified": False}
    provider.sign_in(client)
    assert User.objects.get(username="mallory").email == ""
    provider.claims = {"sub": "ada"}
    provider.told |= {"sub": "ada", "preferred_username": "ada", "email_verified": True}
    provider.sign_in(Client())
    assert SocialAccount.objects.get(uid="ada").user.username == "ada"


def test_an_address_that_was_somebody_elses_before_opens_nothing(
    client: Client, provider: AnyProvider
) -> None:
    provider.told |= {"email": "desk@example.com", "email_verified": True}
    provider.sign_in(client)
    provider.claims = {"sub": "successor"}
    provider.told |= {"sub": "successor", "preferred_username": "successor"}
    other = Client()
    assert "does not prove that it is yours alone" in refusal(other, provider.sign_in(other))
    assert SocialAccount.objects.count() == 1


def test_an_address_of_two_accounts_opens_neither(client: Client, provider: AnyProvider) -> None:
    for name in ("one", "two"):
        factories.user(name, email="ada@example.com")
    provider.told |= {"email": "ada@example.com", "email_verified": True}
    assert "does not prove that it is yours alone" in refusal(client, provider.sign_in(client))


@pytest.mark.parametrize("taken", ["ada", "ADA"])
def test_a_name_alone_opens_no_account(client: Client, provider: AnyProvider, taken: str) -> None:
    factories.user(taken)
    said = refusal(client, provider.sign_in(client))
    assert "There is an account ada already, and nothing says that it is yours." in said
    assert User.objects.count() == 1


def test_the_same_subject_of_another_issuer_is_somebody_else(
    client: Client, provider: AnyProvider, settings: Any
) -> None:
    provider.sign_in(client)
    client.post("/account/sign-out/")
    with any_provider() as other:
        settings.OIDC = other.settings()
        other.told = {"preferred_username": "ada"}
        assert "There is an account ada already" in refusal(client, other.sign_in(client))


def test_who_is_deactivated_stays_out(client: Client, provider: AnyProvider) -> None:
    provider.sign_in(client)
    assert is_signed_in(client)
    deactivate_person(user=factories.user("root"), person=User.objects.get(username="ada"))
    assert not is_signed_in(client)
    assert "Your account here is deactivated." in refusal(client, provider.sign_in(client))


def test_people_shows_who_came_so_as_active(client: Client, provider: AnyProvider) -> None:
    provider.sign_in(client)
    root = Client()
    root.force_login(factories.user("root"))
    page = root.get("/people/?search=ada").text
    assert "Active" in page
    assert "Invited" not in page


def test_a_state_that_this_browser_does_not_know_signs_nobody_in(
    client: Client, provider: AnyProvider
) -> None:
    state = provider.begin(Client())["state"]  # another browser's
    for query in ({"state": state}, {"state": ""}, {}):
        answer = client.get(CALLBACK, {"code": "a-code", **query})
        assert "begun in another browser, or too long ago" in refusal(client, answer)
    assert not provider.asked


def test_a_state_works_once(client: Client, provider: AnyProvider) -> None:
    state = provider.begin(client)["state"]
    for _twice in range(2):
        answer = client.get(CALLBACK, {"code": "a-code", "state": state})
    assert len(provider.asked) == 1
    assert "begun in another browser, or too long ago" in client.get(answer["Location"]).text


def test_what_is_canceled_there_is_said(client: Client, provider: AnyProvider) -> None:
    state = provider.begin(client)["state"]
    answer = client.get(CALLBACK, {"error": "access_denied", "state": state})
    assert "The sign-in at Clinic was canceled." in refusal(client, answer)


LIES: dict[str, dict[str, Any]] = {
    "another key": {"key": OTHER},
    "no signature": {"key": None, "algorithm": "none"},
    "a signature by the public key": {"key": "x" * 32, "algorithm": "HS256"},
    "another issuer": {"claims": {"iss": "http://127.0.0.1:9"}},
    "another audience": {"claims": {"aud": "another"}},
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "too old": {"claims": {"exp": 1}},
    "no end": {"claims": {"exp": None}},
    "two subjects": {"told": {"sub": "eve"}},
    "a number as subject": {"claims": {"sub": 7}, "told": {"sub": 7}},
    "a long subject": {"claims": {"sub": "x" * 300}, "told": {"sub": "x" * 300}},
    "no token": {"answers": {"/token": (400, '{"error": "invalid_grant", "hint": "an-access-token"}')}},
    "no id_token": {"answers": {"/token": (200, '{"access_token": "an-access-token"}')}},
    "no json": {"answers": {"/token": (200, "<html>")}},
    "no keys": {"answers": {"/jwks": (200, "{}")}},
    "odd keys": {"answers": {"/jwks": (200, '{"keys": [7]}')}},
    "odd configuration": {"answers": {"/openid_configuration": (200, "[]")}},
    "the configuration of another": {"answers": {"/openid_configuration": (200, '{"issuer": "http://x"}')}},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_not_in_order_signs_nobody_in(
    client: Client, provider: AnyProvider, lie: str, caplog: pytest.LogCaptureFixture
) -> None:
    state = provider.begin(client)["state"]
    cache.clear()  # of the configuration that it began with
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    with caplog.at_level(logging.DEBUG):
        answer = client.get(CALLBACK, {"code": "a-code", "state": state})
    said = refusal(client, answer)
    assert NOT_IN_ORDER in said or "Clinic does not answer" in said
    assert not User.objects.exists()
    for secret in (SECRET, "an-access-token", "a-code"):
        assert secret not in said + caplog.text.replace("code=a-code", "")


def test_a_provider_that_is_away_is_said_where_one_begins_and_where_one_comes_back(
    client: Client, provider: AnyProvider, settings: Any
) -> None:
    state = provider.begin(client)["state"]
    cache.clear()
    provider.answers = {"/openid_configuration": (503, "")}
    answer = client.get(CALLBACK, {"code": "a-code", "state": state})
    assert "Clinic does not answer. Try again later" in refusal(client, answer)
    settings.OIDC = AnyProvider("http://127.0.0.1:9").settings()
    assert "Clinic does not answer. Try again later" in refusal(client, client.get("/account/oidc/"))


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_it_leads_to_no_other_site(client: Client, provider: AnyProvider, wanted: str) -> None:
    assert provider.sign_in(client, wanted)["Location"] == "/"


def test_odd_names_make_an_account_that_can_be_typed(client: Client, provider: AnyProvider) -> None:
    provider.told = {"preferred_username": "CLINIC\\ada lovelace\0" + "x" * 200, "name": ["Ada"]}
    provider.sign_in(client)
    assert User.objects.get().username == ("CLINIC-ada-lovelace" + "x" * 200)[:150]


def test_passwords_may_be_left_to_administrators(
    client: Client, provider: AnyProvider, settings: Any
) -> None:
    settings.PASSWORDS_FOR_ALL = False
    factories.user("bob", role=Role.READER)
    factories.user("root")
    assert 'type="password"' not in client.get(SIGN_IN).text
    assert 'type="password"' in client.get(f"{SIGN_IN}?password=1").text
    answer = client.post(SIGN_IN, {"username": "bob", "password": "secret"})
    assert "Please enter a correct username and password" in answer.text
    assert client.post(SIGN_IN, {"username": "root", "password": "secret"}).status_code == 302


def test_without_a_provider_nothing_leads_to_one(client: Client, db: None) -> None:
    assert "Sign in with" not in client.get(SIGN_IN).text
    for address in ("/account/oidc/", CALLBACK):
        assert "This studio has no provider" in refusal(client, client.get(address))


@pytest.mark.parametrize(
    "name",
    ["account_login", "account_signup", "account_email", "account_reset_password", "socialaccount_signup"],
)
def test_pages_of_allauth_are_not_there(client: Client, db: None, name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)
