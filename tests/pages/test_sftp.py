"""A folder of an SFTP server as a datastore: its form, the confirmation of its host key, and its credentials."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from studio.models import Datastore
from studio.sealing import unseal
from studio.stores import open_store
from studio.stores.ssh import fingerprint, host_key_of
from tests.stores.sftp_server import PASSWORD, SftpServer

pytestmark = pytest.mark.django_db
NEW = reverse("datastores:new")


@pytest.fixture
def answers(sshd: SftpServer, sftp_folder: Path) -> dict[str, Any]:
    return {
        **sshd.options(sftp_folder),
        "name": "visits",
        "kind": "sftp",
        "private_key": sshd.private_key,
    }


@pytest.fixture
def visits(signed_in: Client, answers: dict[str, Any]) -> Datastore:
    assert signed_in.post(NEW, answers).status_code == 302
    return Datastore.objects.get(name="visits")


def page_of(store: Datastore, part: str = "detail") -> str:
    return reverse(f"datastores:{part}", args=[store.name])


def test_a_folder_is_registered_with_its_key_sealed(
    visits: Datastore, sshd: SftpServer, sftp_folder: Path
) -> None:
    assert visits.location == f"sftp://{sshd.user}@127.0.0.1:{sshd.port}{sftp_folder}"
    assert visits.options["host_key"] == sshd.host_key
    assert unseal(visits.secrets) == {"private_key": sshd.private_key.strip()}
    assert list(open_store(visits).list("")) == []


def test_a_host_key_is_shown_and_confirmed_before_anything_is_sent(
    signed_in: Client, sshd: SftpServer, answers: dict[str, Any]
) -> None:
    log = sshd.home / "log"
    before = log.read_text().count("Accepted publickey")
    asked = signed_in.post(NEW, answers | {"host_key": ""})
    assert asked.status_code == 422
    assert f"shows the key {fingerprint(host_key_of(sshd.host_key))}" in asked.text
    assert sshd.private_key.splitlines()[1] not in asked.text
    assert log.read_text().count("Accepted publickey") == before
    shown = asked.context["form"]["host_key"].value()
    assert shown == sshd.host_key
    assert signed_in.post(NEW, answers | {"host_key": shown}).status_code == 302


def test_another_host_key_is_refused(signed_in: Client, sshd: SftpServer, answers: dict[str, Any]) -> None:
    other = sshd.make_key("another").with_suffix(".pub").read_text()
    response = signed_in.post(NEW, answers | {"host_key": other})
    assert response.status_code == 422
    assert "shows another host key" in response.text
    assert not Datastore.objects.filter(name="visits").exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"host": ""}, "This field is required."),
        ({"host": "sftp://example.com"}, "a host’s name or address alone"),
        ({"host": "no-such-host.invalid", "host_key": ""}, "No host “no-such-host.invalid” is known"),
        ({"port": "70000"}, "less than or equal to 65535"),
        ({"port": "1"}, "does not answer (Connection refused)"),
        ({"user": "a b"}, "the name of a user"),
        ({"user": "somebody"}, "does not let “somebody” in"),
        ({"host_key": "nonsense"}, "This is no host key."),
        ({"private_key": ""}, "Give a password or a private key"),
        ({"password": PASSWORD}, "one of both"),
        ({"private_key": "nonsense"}, "This is no private key."),
        ({"private_key": "", "password": PASSWORD}, "it takes: publickey"),
        ({"folder": "/nowhere/at/all"}, "there is no folder “/nowhere/at/all” on the server"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    signed_in: Client, answers: dict[str, Any], changed: dict[str, str], sentence: str
) -> None:
    response = signed_in.post(NEW, answers | changed)
    assert response.status_code == 422
    assert sentence in response.text
    assert PASSWORD not in response.text
    assert not Datastore.objects.filter(name="visits").exists()


def test_places_that_lie_in_each_other_are_refused(
    signed_in: Client, visits: Datastore, answers: dict[str, Any], sshd: SftpServer, sftp_folder: Path
) -> None:
    """Also where one is named by a link."""
    (sshd.home / f"{sftp_folder.name}-link").symlink_to(sftp_folder)
    response = signed_in.post(NEW, answers | {"name": "other", "folder": f"{sftp_folder}-link"})
    assert "lie in each other" in response.text


def test_no_page_shows_a_secret(signed_in: Client, visits: Datastore, sshd: SftpServer) -> None:
    for part in ("detail", "browse", "access", "credentials", "unregister", "upload"):
        page = signed_in.get(page_of(visits, part)).text
        assert sshd.private_key.splitlines()[1] not in page
    assert sshd.host_key in signed_in.get(page_of(visits)).text


def test_new_credentials_keep_the_host_key(signed_in: Client, visits: Datastore, sshd: SftpServer) -> None:
    given = {"private_key": sshd.private_key}
    assert signed_in.post(page_of(visits, "credentials"), given).status_code == 302
    visits.refresh_from_db()
    assert visits.options["host_key"] == sshd.host_key
    refused = signed_in.post(page_of(visits, "credentials"), {"password": PASSWORD})
    assert refused.status_code == 422
    assert "it takes: publickey" in refused.text
    visits.refresh_from_db()
    assert "private_key" in unseal(visits.secrets)


def test_a_host_key_that_changed_is_confirmed_with_the_credentials(
    signed_in: Client, visits: Datastore, sshd: SftpServer
) -> None:
    old = sshd.make_key("former").with_suffix(".pub").read_text()
    options = {**visits.options, "host_key": " ".join(old.split()[:2])}
    Datastore.objects.filter(pk=visits.pk).update(options=options)
    given = {"private_key": sshd.private_key}
    asked = signed_in.post(page_of(visits, "credentials"), given)
    assert asked.status_code == 422
    assert "shows another key than the one that was confirmed" in asked.text
    confirmed = {**given, "host_key": asked.context["form"]["host_key"].value()}
    assert signed_in.post(page_of(visits, "credentials"), confirmed).status_code == 302
    visits.refresh_from_db()
    assert visits.options["host_key"] == sshd.host_key
    assert list(open_store(visits).list("")) == []
