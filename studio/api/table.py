"""The table of contents: the nouns, and what all of their operations have in common."""

from typing import Any

from django.conf import settings
from ninja import NinjaAPI, Router
from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.operation import Operation

from studio.api import (
    audit,
    compute,
    data,
    datastores,
    deployments,
    endpoints,
    invoke,
    job_results,
    jobs,
    models,
    people,
    profile,
    tokens,
    trials,
)
from studio.api.door import Token
from studio.api.errors import CODES, Error, handle_errors
from studio.api.head import answering_head
from studio.api.parameters import give_examples
from studio.api.wire import JsonParser

EVERYWHERE = (400, 401, 403, 404, 409, 413, 415, 429, 503)  # errors that any operation may answer with
DESCRIPTION = """\
What the pages do, for programs. Every request shows an API token; what it may do is what its owner’s role allows,
within the token’s scope. HEAD is answered wherever GET is. Refusals and errors are always
`{"error": {"code", "message"}}`.
"""


class StudioApi(NinjaAPI):
    """Operations are called `noun_function`, as are their addresses: `reverse("api:jobs_detail")`."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        noun = operation.view_func.__module__.rpartition(".")[2]
        return f"{noun}_{operation.view_func.__name__}"

    def get_operation_url_name(self, operation: Operation, router: Router) -> str:
        return self.get_openapi_operation_id(operation)

    def _get_urls(self) -> list[Any]:
        """LoginRequiredMiddleware leaves the API to its own door."""
        patterns: list[Any] = super()._get_urls()
        for pattern in patterns:
            pattern.callback = answering_head(pattern.callback)
            setattr(pattern.callback, "login_required", False)  # noqa: B010
        return patterns

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Any operation may answer with an error, always of the same shape."""
        document = super().get_openapi_schema(**options)
        known = document["components"]
        schema = Error.model_json_schema(ref_template=REF_TEMPLATE)
        known["schemas"] |= {**schema.pop("$defs"), "Error": schema}
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        known["responses"] = {code: {"description": code, "content": content} for code in CODES.values()}
        errors = {str(status): {"$ref": f"#/components/responses/{CODES[status]}"} for status in EVERYWHERE}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                give_examples(path, operation["parameters"])
                own = {str(status): response for status, response in operation["responses"].items()}
                operation["responses"] = {**own, **errors}
        return document


api = StudioApi(
    title="Scoring Studio",
    version="1",
    description=DESCRIPTION,
    openapi_url=None,  # studio.api.docs has its address, and the page of it
    docs_url=None,
    urls_namespace="api",
    auth=Token(),
    parser=JsonParser(),
    servers=[{"url": settings.STUDIO_ADDRESS.rstrip("/")}],
)
handle_errors(api)
for prefix, router in (
    ("models", models.router),
    ("registrations", models.registrations),
    ("endpoints", endpoints.router),
    ("endpoints", deployments.router),
    ("endpoints", invoke.router),
    ("endpoints", trials.router),
    ("jobs", jobs.router),
    ("jobs", job_results.router),
    ("data", data.router),
    ("datastores", datastores.router),
    ("clusters", compute.router),
    ("profile", profile.router),
    ("tokens", tokens.router),
    ("people", people.router),
    ("audit", audit.router),
):
    api.add_router(prefix, router, tags=[prefix])
