"""Parts on their way from a node to the datastore of the output, under names that no other attempt has."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from studio.models import MiniBatch
from studio.stores import open_store
from studio.stores.repeats import counted_for


def store_part(*, minibatch: MiniBatch, part: Path, errors: Path) -> dict[str, Any]:
    """Move both files, of which `errors` may not exist, into the datastore; gives MiniBatch.part."""
    job = minibatch.job
    store = open_store(job.output_datastore)

    def moved(file: Path, kind: str) -> dict[str, Any]:
        path = f"{job.parts_path}/{minibatch.number:06d}-{minibatch.lease}.{kind}.arrow"
        digest = hashlib.sha256()
        with file.open("rb") as stream, counted_for(job.pk, job.output_datastore):
            stored = store.write(path, _digested(stream, digest))
        file.unlink()
        return {"path": path, "size": stored.size, "checksum": digest.hexdigest()}

    return {**moved(part, "part"), "errors": moved(errors, "errors") if errors.exists() else None}


def _digested(stream: BinaryIO, digest: Any) -> Iterator[bytes]:
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
        yield chunk


def discard_part(*, minibatch: MiniBatch, part: dict[str, Any]) -> None:
    """Delete a part that was not recorded."""
    store = open_store(minibatch.job.output_datastore)
    for stored in (part, part["errors"] or {}):
        if stored:
            store.delete(stored["path"])
