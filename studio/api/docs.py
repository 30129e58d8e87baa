"""The OpenAPI document, and the page that shows it to people."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from studio.api.table import api
from studio.pages.bearer import takes_tokens
from studio.pages.render import render_page

DEEPEST = 4  # levels of a body or an answer that the page lists


@dataclass(frozen=True)
class Field:
    """A line of a table: a parameter, or a field of a body or an answer by its path in it."""

    name: str
    type: str
    required: bool = False
    description: str = ""
    place: str = ""  # path, query or header
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    id: str
    noun: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    command: str  # that asks for it, with curl
    kinds: list[tuple[str, str, list[Field]]] = field(default_factory=list)  # status, media type, fields


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return found


@takes_tokens
@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    return JsonResponse(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    groups = [(noun, list(found)) for noun, found in groupby(operations(), lambda one: one.noun)]
    context = {
        "groups": groups,
        "base": settings.STUDIO_ADDRESS.rstrip("/"),
        "errors": {
            "400": _("What was sent cannot be used; the message says what is wrong with it."),
            "401": _("No token was shown, or it opens nothing."),
            "403": _("The role, the token’s scope or the owner of the thing forbids it."),
            "404": _("There is no such thing."),
            "409": _("The state of the thing forbids it, or the key was used for something else."),
            "413": _("The body is too large."),
            "415": _("The body is not JSON."),
            "429": _("Too many requests: wait as long as Retry-After says."),
            "503": _("A service that the studio stands on does not answer: try again later."),
        },
        "requests_per_minute": settings.API_REQUESTS_PER_MINUTE,
    }
    return render_page(request, "api/docs.html", context)


@cache
def operations() -> list[Operation]:
    found = [
        _operation(method.upper(), path, known)
        for path, methods in document()["paths"].items()
        for method, known in methods.items()
    ]
    return sorted(found, key=lambda one: one.noun)


def _operation(method: str, path: str, known: dict[str, Any]) -> Operation:
    body = known.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = next((content["schema"] for content in body.values()), {})
    return Operation(
        id=known["operationId"],
        noun=known["tags"][0],
        method=method,
        path=path,
        summary=known["summary"],
        description=known.get("description", ""),
        parameters=[
            Field(
                one["name"],
                _type(one["schema"]),
                one["required"],
                one.get("description", ""),
                one["in"],
                str(one.get("example", one["schema"].get("examples", [""])[0])),
            )
            for one in known["parameters"]
        ],
        body=list(_fields(schema)),
        command=_command(method, path, known["parameters"], body),
        kinds=[
            (status, kind, list(_fields(content.get("schema", {}))))
            for status, response in known["responses"].items()
            for kind, content in response.get("content", {"": {}}).items()
            if status < "300"
        ],
    )


def _command(method: str, path: str, parameters: list[dict[str, Any]], body: dict[str, Any]) -> str:
    """What must be given, each as its example."""
    given = [one for one in parameters if "example" in one]
    filled = path.format(**{one["name"]: one["example"] for one in given if one["in"] == "path"})
    query = urlencode({one["name"]: one["example"] for one in given if one["in"] == "query"}, safe="/")
    address = settings.STUDIO_ADDRESS.rstrip("/") + filled + (f"?{query}" if query else "")
    asked = "" if method == "GET" else f"--request {method} "
    lines = [f"curl {asked}{quote(address)}", '  --header "Authorization: Bearer $STUDIO_TOKEN"']
    for kind, content in body.items():
        lines += _sent(kind, _resolve(content["schema"]))
    return " \\\n".join(lines)


def _sent(kind: str, schema: dict[str, Any]) -> Iterator[str]:
    if kind == "application/json":
        yield f'  --header "Content-Type: {kind}"'
        yield f"  --data {quote(json.dumps(schema['examples'][0], indent=2, ensure_ascii=False))}"
        return
    for name in schema["required"]:
        one = schema["properties"][name]
        yield f"  --form {name}={one['enum'][0] if 'enum' in one else '@samples-1.csv'}"


def _fields(schema: dict[str, Any], before: str = "", depth: int = 0) -> Iterator[Field]:
    whole = _resolve(schema)
    required = whole.get("required", [])
    for name, one in whole.get("properties", {}).items():
        path = f"{before}{name}"
        yield Field(path, _type(one), name in required, one.get("description", ""))
        if depth < DEEPEST:
            yield from _fields(_inner(one), f"{path}{_mark(one)}.", depth + 1)


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """Without `$ref`, and without the “or null” of what may be left out."""
    if "$ref" in schema:
        found: dict[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    for word in ("anyOf", "allOf"):
        kinds = [one for one in schema.get(word, []) if one.get("type") != "null"]
        if len(kinds) == 1:
            return _resolve(kinds[0])
    return schema


def _inner(schema: dict[str, Any]) -> dict[str, Any]:
    """What a list or a mapping holds; an object itself."""
    whole = _resolve(schema)
    inner = whole.get("items") or whole.get("additionalProperties")
    return _resolve(inner) if isinstance(inner, dict) else whole


def _mark(schema: dict[str, Any]) -> str:
    whole = _resolve(schema)
    if whole.get("type") == "array":
        return "[]"
    return ".*" if isinstance(whole.get("additionalProperties"), dict) else ""


def _type(schema: dict[str, Any]) -> str:
    whole = _resolve(schema)
    if "enum" in whole:
        return " | ".join(map(str, whole["enum"]))
    if whole.get("type") == "array":
        return _("list of %(kind)s") % {"kind": _type(whole["items"])}
    return str(whole.get("format") or whole.get("type") or _("any"))
