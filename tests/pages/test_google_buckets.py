"""A bucket of Google's as a datastore: what its form refuses, and its key file, which no page shows."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse

from studio.models import Datastore
from studio.sealing import unseal
from studio.stores import open_store
from tests.stores.gcs_server import GcsServer, instead, private_key, said

pytestmark = pytest.mark.django_db
NEW = reverse("datastores:new")


@pytest.fixture
def answers(google: GcsServer, google_bucket: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "visits",
        "kind": "gcs",
        **google_bucket,
        "folder": "team/",
        "key_file": google.key_file(),
    }


@pytest.fixture
def visits(signed_in: Client, answers: dict[str, Any]) -> Datastore:
    assert signed_in.post(NEW, answers).status_code == 302
    return Datastore.objects.get(name="visits")


def secret_in(text: str) -> bool:
    """Some line of the key, in whatever way it is quoted."""
    return any(line in text for line in private_key().splitlines()[1:-1])


def test_a_bucket_is_registered_with_its_key_file_sealed(visits: Datastore, answers: dict[str, Any]) -> None:
    assert visits.location == f"gs://{answers['bucket']}/team"
    assert visits.options == {
        "bucket": answers["bucket"],
        "folder": "team",
        "endpoint": answers["endpoint"],
    }
    assert not secret_in(visits.secrets)
    assert unseal(visits.secrets) == {"key_file": answers["key_file"]}
    assert list(open_store(visits).list("")) == []


def test_a_bucket_without_a_key_file_has_no_secret(signed_in: Client, answers: dict[str, Any]) -> None:
    assert signed_in.post(NEW, answers | {"key_file": ""}).status_code == 302
    assert not Datastore.objects.get(name="visits").has_secrets


def test_no_page_shows_the_key_file(signed_in: Client, visits: Datastore, answers: dict[str, Any]) -> None:
    for part in ("detail", "browse", "access", "credentials", "unregister", "upload"):
        assert not secret_in(signed_in.get(reverse(f"datastores:{part}", args=[visits.name])).text)
    again = signed_in.post(NEW, {**answers, "name": "NOT A NAME"})
    assert again.status_code == 422
    assert not secret_in(again.text)
    assert "clinic.iam.gserviceaccount.com" not in again.text


def elliptic_key() -> str:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(*form).decode()


def user_file() -> str:
    return json.dumps({"type": "authorized_user", "refresh_token": private_key()})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"bucket": ""}, "This field is required."),
        ({"bucket": "No Bucket"}, "small letters, digits, dots, hyphens and “_”"),
        ({"bucket": "there-is-none"}, "List its files: there is no bucket “there-is-none”"),
        ({"folder": "../other"}, "leaves its datastore"),
        ({"endpoint": "http://me:secret@127.0.0.1"}, "keys go into the fields below"),
        ({"endpoint": "file:///etc"}, "Enter a valid URL"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    signed_in: Client, answers: dict[str, Any], changed: dict[str, str], sentence: str
) -> None:
    response = signed_in.post(NEW, answers | changed)
    assert response.status_code == 422
    assert sentence in response.text
    assert not Datastore.objects.filter(name="visits").exists()


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda google: "-----BEGIN", "it is not JSON"),
        (lambda google: "[" * 9_000, "it is not JSON"),
        (lambda google: "[]", "not the key file of a service account"),
        (lambda google: user_file(), "not the key file of a service account"),
        (lambda google: google.key_file(token_uri=""), "lacks “token_uri”"),
        (lambda google: google.key_file(private_key="-----BEGIN"), "cannot be read"),
        (lambda google: google.key_file(private_key=elliptic_key()), "cannot be read"),
        (lambda google: google.key_file() + " " * 10_000 + "x", "at most 10000 characters"),
    ],
)
def test_a_file_that_is_no_key_is_refused_and_not_shown(
    signed_in: Client, google: GcsServer, answers: dict[str, Any], made: Any, sentence: str
) -> None:
    response = signed_in.post(NEW, answers | {"key_file": made(google)})
    assert response.status_code == 422
    assert sentence in response.text
    assert not secret_in(response.text)
    assert not Datastore.objects.filter(name="visits").exists()


def test_a_key_file_that_google_refuses_is_not_kept(
    signed_in: Client, google: GcsServer, visits: Datastore
) -> None:
    kept = unseal(visits.secrets)
    google.next("/token", instead(said(400, {"error": "invalid_grant", "error_description": private_key()})))
    address = reverse("datastores:credentials", args=[visits.name])
    response = signed_in.post(address, {"key_file": google.key_file(client_email="gone@clinic")})
    assert response.status_code == 422
    assert "refuses the datastore’s credentials (invalid_grant)" in response.text
    assert not secret_in(response.text)
    visits.refresh_from_db()
    assert unseal(visits.secrets) == kept


def test_a_new_key_file_is_tried_and_then_kept(
    signed_in: Client, google: GcsServer, visits: Datastore
) -> None:
    fresh = google.key_file(client_email="other@clinic.iam.gserviceaccount.com")
    address = reverse("datastores:credentials", args=[visits.name])
    assert signed_in.post(address, {"key_file": fresh}).status_code == 302
    visits.refresh_from_db()
    assert unseal(visits.secrets) == {"key_file": fresh}
