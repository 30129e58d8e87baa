"""Datastores: one interface (base.py) over whatever keeps the objects."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from studio.errors import NotFound
from studio.models import Datastore
from studio.sealing import unseal
from studio.stores.base import (
    AlreadyThere,
    Changed,
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
    "Changed",
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

# By name: the libraries of a kind that a studio does not have need not be in its memory.
STORES: dict[str, str] = {
    Datastore.Kind.LOCAL: "studio.stores.local.LocalFolder",
    Datastore.Kind.S3: "studio.stores.s3.S3Bucket",
    Datastore.Kind.AZURE: "studio.stores.azure.AzureContainer",
    Datastore.Kind.GCS: "studio.stores.gcs.GoogleBucket",
    Datastore.Kind.SFTP: "studio.stores.sftp.SftpFolder",
    Datastore.Kind.ADDRESS: "studio.stores.web.WebFile",
}


def open_store(datastore: Datastore | None) -> Store:
    """Raises NotFound where a finished job's datastore is no longer registered, KeyMissing where its credentials cannot
    be opened here."""
    if datastore is None:
        raise NotFound(_("The datastore was unregistered, so the studio can no longer reach what is in it."))
    if datastore.is_address:  # too many to be kept, and nothing to make
        return store_of(datastore.kind, datastore.options, unseal(datastore.secrets))
    return _opened(datastore.kind, json.dumps(datastore.options, sort_keys=True), datastore.secrets)


@lru_cache(maxsize=64)  # a client of an object store takes a tenth of a second to make
def _opened(kind: str, options: str, sealed: str) -> Store:
    return store_of(kind, json.loads(options), unseal(sealed))


def store_of(kind: str, options: dict[str, Any], secrets: dict[str, str]) -> Store:
    store: Store = import_string(STORES[kind])(**options, **secrets)
    return store


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
