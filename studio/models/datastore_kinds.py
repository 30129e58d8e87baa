"""Kinds of datastores, and what their options say of where they lie. studio/stores/ opens them."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Formatter
from typing import Any

from django.db import models
from django.db.models import Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Concat
from django.utils.translation import gettext_lazy as _


class DatastoreKind(models.TextChoices):
    LOCAL = "local", _("Local folder")
    S3 = "s3", _("Amazon S3 or compatible")
    AZURE = "azure", _("Azure Blob Storage")
    GCS = "gcs", _("Google Cloud Storage")
    SFTP = "sftp", _("SFTP server")
    # Nobody registers these: a row holds what somebody gave as an input, a store of that one file.
    ADDRESS = "address", _("Public https address")


def datastore_kinds() -> list[tuple[str, Any]]:
    """So that a further one needs no migration."""
    return DatastoreKind.choices


@dataclass(frozen=True)
class Layout:
    """Each with the names of options in braces."""

    location: str  # as people write it
    folder: str  # in what holds it
    holder: str = ""  # only datastores with the same one may lie in each other

    def location_of(self, options: dict[str, Any]) -> str:
        return _filled(self.location, options).rstrip("/")

    def place_of(self, options: dict[str, Any]) -> tuple[str, PurePosixPath]:
        """The holder, and where in it."""
        return _filled(self.holder, options), PurePosixPath("/", _filled(self.folder, options))

    @property
    def location_in_sql(self) -> Concat:
        parts: list[Any] = []
        for text, option, *_others in Formatter().parse(self.location):
            value = Coalesce(KT(f"options__{option}"), _text("")) if option else _text("")
            parts += [_text(text), value]
        return Concat(*parts)


def _text(text: str) -> Value:
    return Value(text, output_field=models.TextField())


def _filled(template: str, options: dict[str, Any]) -> str:
    return template.format_map(defaultdict(str, options))


LAYOUTS: dict[str, Layout] = {
    DatastoreKind.LOCAL: Layout(location="{root}", folder="{root}"),
    DatastoreKind.S3: Layout("s3://{bucket}/{folder}", folder="{folder}", holder="{endpoint} {bucket}"),
    DatastoreKind.AZURE: Layout(
        "{endpoint}/{container}/{folder}", folder="{folder}", holder="{endpoint} {container}"
    ),
    DatastoreKind.GCS: Layout("gs://{bucket}/{folder}", folder="{folder}", holder="{endpoint} {bucket}"),
    DatastoreKind.SFTP: Layout(
        "sftp://{user}@{host}:{port}{folder}", folder="{folder}", holder="{host}:{port}"
    ),
    DatastoreKind.ADDRESS: Layout("{place}", folder="", holder="{place}"),
}
