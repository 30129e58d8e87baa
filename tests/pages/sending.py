"""What js/uploads.js does: sends files ahead, and names them in the form."""

import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

OCTETS = "application/octet-stream"


def begun(client: Client, path: str, content: bytes, *, modified: int = 1):
    """The studio's answer: where the pieces go, and what has arrived."""
    about = {"name": path, "size": len(content), "modified": modified}
    sample = SimpleUploadedFile("sample", content[:100] + content[-100:])
    return client.post(reverse("uploads:begin"), {**about, "sample": sample})


def piece(client: Client, address: str, start: int, content: bytes):
    return client.post(f"{address}?from={start}", content, content_type=OCTETS)


def sent(client: Client, *files: tuple[str, bytes]) -> str:
    """What the form says of files that have arrived."""
    named = []
    for path, content in files:
        found = begun(client, path, content).json()
        if content:
            piece(client, found["address"], 0, content)
        named.append({"path": path, "key": found["key"]})
    return json.dumps(named)
