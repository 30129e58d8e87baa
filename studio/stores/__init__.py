"""Datastores: one interface (base.py) over whatever keeps the objects."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from studio.errors import NotFound
from studio.models import Datastore
from studio.sealing import unseal
from studio.stores.base import (
    AlreadyThere,
    Entries,
    Entry,
    PathRefused,
    Store,
    StoreAway,
    StoredObject,
    reason,
    tidy,
)
from studio.stores.local import LocalFolder

__all__ = [
    "AlreadyThere",
    "Entries",
    "Entry",
    "LocalFolder",
    "PathRefused",
    "Store",
    "StoreAway",
    "StoredObject",
    "checksum",
    "open_store",
    "reason",
    "store_of",
    "tidy",
]


def open_store(datastore: Datastore | None) -> Store:
    """Raises NotFound where a finished job's datastore is no longer registered, KeyMissing where its credentials cannot
    be opened here."""
    if datastore is None:
        raise NotFound(_("The datastore was unregistered, so the studio can no longer reach what is in it."))
    return _opened(datastore.kind, json.dumps(datastore.options, sort_keys=True), datastore.secrets)


@lru_cache(maxsize=64)  # a client of an object store takes a tenth of a second to make
def _opened(kind: str, options: str, sealed: str) -> Store:
    return store_of(kind, json.loads(options), unseal(sealed))


def store_of(kind: str, options: dict[str, Any], secrets: dict[str, str]) -> Store:
    if kind == Datastore.Kind.LOCAL:
        return LocalFolder(**options)
    from studio.stores.s3 import S3Bucket  # whose libraries a studio without buckets need not have in memory

    given: dict[str, Any] = {**options, **secrets}
    return S3Bucket(**given)


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
