"""A bucket as a datastore: what its form refuses, and its keys."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from studio.models import Datastore, Event
from studio.sealing import unseal
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.django_db
NEW = reverse("datastores:new")


@pytest.fixture
def answers(bucket: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "visits",
        "kind": "s3",
        "bucket": bucket["bucket"],
        "folder": "team/",
        "endpoint": bucket["endpoint"],
        "region": bucket["region"],
        "path_style": "on",
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
    }


@pytest.fixture
def visits(signed_in: Client, answers: dict[str, Any]) -> Datastore:
    assert signed_in.post(NEW, answers).status_code == 302
    return Datastore.objects.get(name="visits")


def page_of(store: Datastore, part: str = "detail") -> str:
    return reverse(f"datastores:{part}", args=[store.name])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"bucket": ""}, "This field is required."),
        ({"bucket": "No_Bucket"}, "small letters, digits, dots and hyphens"),
        ({"bucket": "there-is-none"}, "List its files: there is no bucket “there-is-none”"),
        ({"secret_key": ""}, "belong together"),
        ({"access_key": ""}, "belong together"),
        ({"endpoint": "http://me:secret@127.0.0.1"}, "keys go into the fields below"),
        ({"endpoint": "file:///etc"}, "Enter a valid URL"),
        ({"region": "eu central"}, "A region is a word"),
        ({"folder": "../other"}, "leaves its datastore"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    signed_in: Client, answers: dict[str, Any], changed: dict[str, str], sentence: str
) -> None:
    response = signed_in.post(NEW, answers | changed)
    assert response.status_code == 422
    assert sentence in response.text
    assert not Datastore.objects.filter(name="visits").exists()


def test_new_keys_are_tried_and_then_kept(signed_in: Client, visits: Datastore) -> None:
    address = page_of(visits, "credentials")
    page = signed_in.get(address).text
    assert "What you give replaces the credentials that are kept" in page
    assert signed_in.post(address, {"access_key": "ONLY"}).status_code == 422
    given = {"access_key": "NEWKEY", "secret_key": "new-secret", "session_token": "for-an-hour"}
    assert signed_in.post(address, given).status_code == 302
    visits.refresh_from_db()
    assert unseal(visits.secrets) == given
    event = Event.objects.get(action="datastore.update_credentials")
    assert "new-secret" not in str(event.details)


def test_keys_that_are_refused_are_not_kept(
    signed_in: Client, visits: Datastore, bucket, monkeypatch
) -> None:
    from botocore.exceptions import ClientError

    from studio.stores.s3 import S3Bucket

    def refuse(self: S3Bucket, *given: Any, **more: Any) -> None:
        with self.speaking():
            raise ClientError({"Error": {"Code": "InvalidAccessKeyId", "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr(S3Bucket, "entries", refuse)
    response = signed_in.post(page_of(visits, "credentials"), {"access_key": "BAD", "secret_key": "bad"})
    assert response.status_code == 422
    assert "refuses the datastore’s credentials (InvalidAccessKeyId)" in response.text
    visits.refresh_from_db()
    assert unseal(visits.secrets)["access_key"] == ACCESS_KEY


def test_a_local_folder_has_no_credentials(signed_in: Client, store: Datastore) -> None:
    assert "A local folder has no credentials." in signed_in.get(page_of(store, "credentials")).text
    assert "Update authentication" not in signed_in.get(page_of(store)).text
    assert signed_in.post(page_of(store, "credentials"), {}).status_code == 403
