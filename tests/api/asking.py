"""Asking the API as a program does."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from studio.actions.tokens import digest_of
from studio.api.docs import document
from studio.models import ApiToken, Deployment, Registration
from tests import factories
from tests.api.access import EXAMPLES


class Operation(NamedTuple):
    id: str
    method: str
    path: str  # with {parts}


def operations() -> Iterator[Operation]:
    for path, methods in document()["paths"].items():
        for method, known in methods.items():
            yield Operation(known["operationId"], method.upper(), path)


def ask(raw: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """What the API answers to who shows this token; nobody shows an empty one."""
    headers = {"Authorization": f"Bearer {raw}"} if raw else {}
    client = Client(raise_request_exception=False)
    text = "" if body is None else json.dumps(body)
    headers |= options.pop("headers", {})
    return client.generic(method, path, text, "application/json", headers=headers, **options)


def ask_example(raw: str, one: Operation, rows: dict[str, str]) -> Any:
    example = filled(EXAMPLES.get(one.id, {}), rows)
    query = example.pop("?", "")
    body, form = example.pop("body", None), example.pop("form", None)
    path = re.sub(r"{(\w+)}", lambda match: str(example[match[1]]), one.path)
    if form is not None:
        return upload(raw, path, form, *example.pop("file", ["new.csv", "x\n1\n"]))
    return ask(raw, one.method, path + (f"?{query}" if query else ""), body)


def upload(raw: str, path: str, form: dict[str, Any], file: str, text: str) -> Any:
    """A form with a file."""
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {raw}"} if raw else {})
    return client.post(path, {**form, "files": SimpleUploadedFile(file, text.encode())})


def filled(value: Any, rows: dict[str, str]) -> Any:
    """With the rows in place of their `{names}`."""
    if isinstance(value, dict):
        return {name: filled(content, rows) for name, content in value.items()}
    if isinstance(value, list):
        return [filled(content, rows) for content in value]
    return re.sub(r"{(\w+)}", lambda match: rows[match[1]], value) if isinstance(value, str) else value


def own_rows(raw: str, rows: dict[str, str]) -> dict[str, str]:
    """What only its owner sees, beside the others; somebody's where nobody asks."""
    token = ApiToken.objects.filter(digest=digest_of(raw)).first() or factories.token()[0]
    registration = Registration.objects.create(source="run", name="m", created_by=token.owner)
    trial = factories.trial(Deployment.objects.get(name=rows["deployment"]), token.owner)
    return {**rows, "token": str(token.pk), "registration": str(registration.pk), "trial": str(trial.pk)}
