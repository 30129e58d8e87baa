import re

from django.test import Client

from tests import factories
from tests.api.asking import operations


def test_the_page_lists_every_operation(signed_in: Client) -> None:
    page = signed_in.get("/api/docs")
    assert page.status_code == 200
    for one in operations():
        assert f'id="{one.id}"' in page.text, one
    assert "unsafe" not in page["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*nonce=)|<style|style=", page.text)


def test_the_page_is_for_people_who_are_signed_in(client: Client, db: None) -> None:
    assert client.get("/api/docs")["Location"].startswith("/account/sign-in/")


def test_the_page_shows_fields_with_what_they_mean(signed_in: Client) -> None:
    text = signed_in.get("/api/docs").text
    assert "properties.retrySettings.timeout" in text
    assert "ISO 8601, such as PT30S, or seconds." in text
    assert "azureml-model-deployment" in text


def test_an_endpoints_page_shows_its_address_and_how_to_call_it(signed_in: Client) -> None:
    endpoint = factories.deployment().endpoint
    text = signed_in.get(f"/endpoints/{endpoint.name}/").text
    assert text.count(f"http://testserver/api/endpoints/{endpoint.name}/jobs") == 4
    assert "Bearer $STUDIO_TOKEN" in text
