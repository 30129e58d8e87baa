"""A container of Azure as a datastore: what its form refuses, and its three sorts of credentials."""

import pytest
from django.test import Client
from django.urls import reverse

from studio.forms.datastore_kinds import FORMS
from studio.models import Datastore
from studio.sealing import unseal
from tests.stores import azure_server
from tests.stores.azure_server import ACCOUNT, ACCOUNT_KEY
from tests.stores.far import Place

pytestmark = pytest.mark.django_db
NEW = reverse("datastores:new")
GOOD = "sv=2026-01-01&sp=racwdl&sig=abc"


@pytest.fixture
def answers(azure_place: Place) -> dict[str, str]:
    return {"name": "visits", "kind": "azure", **azure_place.options, **azure_place.secrets}


@pytest.fixture
def visits(signed_in: Client, answers: dict[str, str]) -> Datastore:
    assert signed_in.post(NEW, answers).status_code == 302
    return Datastore.objects.get(name="visits")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"container": ""}, "This field is required."),
        ({"container": "No_Container"}, "small letters, digits and single hyphens"),
        ({"container": "two--hyphens"}, "small letters, digits and single hyphens"),
        ({"container": "ab"}, "at least 3 characters"),
        ({"container": "there-is-none"}, "List its files: there is no container “there-is-none”"),
        ({"account": "My-Account"}, "3 to 24 small letters and digits"),
        ({"account": ""}, "This field is required."),
        ({"endpoint": "http://me:secret@127.0.0.1"}, "keys go into the fields below"),
        ({"endpoint": "https://clinic.blob.core.windows.net/?sv=1&sig=2"}, "keys go into the fields below"),
        ({"account_key": ""}, "Give one of them"),
        ({"sas_token": GOOD}, "Give one of them"),
        ({"account_key": "not base64"}, "This is no account key"),
        ({"account_key": "b3RoZXI="}, "The storage refuses the datastore’s credentials"),
        ({"account_key": "", "sas_token": "secret"}, "This is no SAS token"),
        (
            {"account_key": "", "sas_token": f"{GOOD}&se=2026-01-02T03:04:00Z"},
            "ended on 2026-01-02 03:04 UTC",
        ),
        ({"account_key": "", "sas_token": f"{GOOD}&se=2026-01-02"}, "ended on 2026-01-02 00:00 UTC"),
        ({"account_key": "", "sas_token": f"{GOOD}&se=soon"}, "The storage refuses"),
        ({"account_key": "", "connection_string": "secret"}, "This is no connection string"),
        ({"account_key": "", "connection_string": "AccountName=clinic"}, "has no AccountKey"),
        (
            {
                "account_key": "",
                "connection_string": "AccountName=other;AccountKey=b3RoZXI=;BlobEndpoint=http://x",
            },
            "This connection string is of “other”",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    signed_in: Client, answers: dict[str, str], changed: dict[str, str], sentence: str
) -> None:
    response = signed_in.post(NEW, answers | changed)
    assert response.status_code == 422
    assert sentence in response.text
    assert ACCOUNT_KEY not in response.text
    assert "secret" not in response.context["form"].errors.as_text().replace("secret@", "")
    assert not Datastore.objects.filter(name="visits").exists()


def test_of_a_connection_string_account_address_and_key_are_taken(
    signed_in: Client, answers: dict[str, str], azure_address: str
) -> None:
    given = azure_server.connection_string(azure_address)
    only = {name: answers[name] for name in ("name", "kind", "container")}
    assert signed_in.post(NEW, only | {"connection_string": given}).status_code == 302
    visits = Datastore.objects.get(name="visits")
    assert (visits.options["account"], visits.options["endpoint"]) == (ACCOUNT, azure_address)
    assert unseal(visits.secrets) == {"account_key": ACCOUNT_KEY}


def test_of_an_address_with_a_sas_token_the_token_is_taken(
    signed_in: Client, answers: dict[str, str]
) -> None:
    token = azure_server.sas_of(answers["container"])
    given = {"account_key": "", "sas_token": f"https://clinic.blob.core.windows.net/visits?{token}"}
    assert signed_in.post(NEW, answers | given).status_code == 302
    assert unseal(Datastore.objects.get(name="visits").secrets) == {"sas_token": token}


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({"account": "clinic", "account_key": "b3RoZXI="}, "https://clinic.blob.core.windows.net"),
        (
            {
                "connection_string": "AccountName=clinic;AccountKey=b3RoZXI=;EndpointSuffix=core.chinacloudapi.cn"
            },
            "https://clinic.blob.core.chinacloudapi.cn",
        ),
    ],
)
def test_the_address_of_a_cloud_follows_from_the_account(given: dict[str, str], endpoint: str) -> None:
    form = FORMS["azure"]({"name": "visits", "container": "visits", **given})
    assert form.is_valid()
    assert (form.options["account"], form.options["endpoint"]) == ("clinic", endpoint)
    assert form.secrets == {"account_key": "b3RoZXI="}


def test_new_credentials_of_another_sort_are_tried_and_then_kept(
    signed_in: Client, visits: Datastore
) -> None:
    address = reverse("datastores:credentials", args=[visits.name])
    page = signed_in.get(address).text
    assert all(f'name="{name}"' in page for name in ("account_key", "sas_token", "connection_string"))
    assert 'name="access_key"' not in page
    foreign = {"connection_string": "AccountName=other;AccountKey=b3RoZXI="}
    refused = signed_in.post(address, foreign)
    assert refused.status_code == 422
    assert "the datastore lies in" in refused.text
    readable = {"sas_token": azure_server.sas_of(visits.options["container"], permission="rl")}
    refused = signed_in.post(address, readable)
    assert refused.status_code == 422
    assert "Write a probe" in refused.text
    assert "the credentials do not allow it" in refused.text
    token = azure_server.sas_of(visits.options["container"])
    assert signed_in.post(address, {"sas_token": token}).status_code == 302
    visits.refresh_from_db()
    assert unseal(visits.secrets) == {"sas_token": token}
