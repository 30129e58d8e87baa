"""How the document describes an answer that is a file."""

from typing import Any

CONTENT = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
RANGE = {
    "in": "header",
    "name": "Range",
    "required": False,
    "description": "The part that is wanted; If-Range makes it one of the same file.",
    "schema": {"type": "string", "examples": ["bytes=1000-"]},
}
FILE: dict[str, Any] = {
    "parameters": [RANGE],
    "responses": {
        200: {"description": "The file", "content": CONTENT},
        206: {"description": "The part that Range asked for", "content": CONTENT},
        416: {"$ref": "#/components/responses/RangeNotSatisfiable"},
    },
}
