"""Parts on their way from a node to the datastore of the output, under names that no other attempt has."""

from pathlib import Path
from typing import Any

from studio.models import MiniBatch
from studio.stores import checksum, open_store


def store_part(*, minibatch: MiniBatch, part: Path, errors: Path) -> dict[str, Any]:
    """Move both files, of which `errors` may not exist, into the datastore; gives MiniBatch.part."""
    job = minibatch.job
    store = open_store(job.output_datastore)

    def moved(file: Path, kind: str) -> dict[str, Any]:
        path = f"{job.parts_path}/{minibatch.number:06d}-{minibatch.lease}.{kind}.arrow"
        note = {"path": path, "size": file.stat().st_size, "checksum": checksum(file)}
        with file.open("rb") as stream:
            store.write(path, iter(lambda: stream.read(1 << 20), b""))
        file.unlink()
        return note

    return {**moved(part, "part"), "errors": moved(errors, "errors") if errors.exists() else None}


def discard_part(*, minibatch: MiniBatch, part: dict[str, Any]) -> None:
    """Delete a part that was not recorded."""
    store = open_store(minibatch.job.output_datastore)
    for stored in (part, part["errors"] or {}):
        if stored:
            store.delete(stored["path"])
