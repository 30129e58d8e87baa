import html
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
from django.test import Client

from studio.api.docs import document
from tests import factories
from tests.api.asking import operations


def test_the_page_lists_every_operation(signed_in: Client) -> None:
    page = signed_in.get("/api/docs")
    assert page.status_code == 200
    for one in operations():
        assert f'id="{one.id}"' in page.text, one
    assert "unsafe" not in page["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*nonce=)|<style|style=", page.text)


def parameters() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, known in methods.items():
            for one in known["parameters"]:
                yield f"{method} {path}: {one['name']}", one


def test_what_a_request_must_say_has_an_example_that_fits() -> None:
    for place, one in parameters():
        if one["required"]:
            jsonschema.validate(one["example"], one["schema"])
        else:  # clients would fill it in, and find nothing
            assert "example" not in one, place


def test_what_may_be_left_out_is_told_by_an_example_where_its_type_does_not() -> None:
    for place, one in parameters():
        schema = one["schema"]
        kinds = {kind.get("type") for kind in schema.get("anyOf", [schema])}
        if not one["required"] and "string" in kinds and "enum" not in str(schema):
            for example in schema["examples"]:
                jsonschema.validate(example, schema)
        elif not one["required"]:
            assert "enum" in str(schema) or "default" in schema, place


def test_every_body_has_examples_that_fit() -> None:
    known = document()["components"]
    for methods in document()["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                body = known["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                assert body["examples"]
                for example in body["examples"]:
                    jsonschema.validate(example, {**content["schema"], "components": known})


def test_the_page_shows_each_operation_as_a_command(signed_in: Client) -> None:
    text = html.unescape(signed_in.get("/api/docs").text)
    for command in (
        "/api/models/breast_cancer_classifier/versions/1/artifacts/download?path=MLmodel",
        "/api/endpoints/breast-cancer-sample/deployments/logistic-regression/log",
        "--form type=uri_file",
        '"displayName": "brave_sun_of_november"',
    ):
        assert command in text


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
