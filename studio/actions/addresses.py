"""Public https addresses as data. One is kept as the row of a datastore that holds this one file, so that whatever
reads from datastores reads it too; its query, which may be a key, is sealed like any credentials."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from scoring.errors import InputError
from scoring.plan import file_kind
from studio.models import DataAssetVersion, Datastore, Draft, Job, Trial
from studio.models.drafts import KEPT
from studio.sealing import seal
from studio.stores.fetching import Address, parse_address
from studio.stores.public import AddressRefused
from studio.stores.web import Facts, look_at

LONGEST_NAME = 120  # bytes
ENDINGS = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "application/jsonl": ".jsonl",
    "application/jsonlines": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
}


@dataclass(frozen=True)
class FoundAddress:
    """An address that was tried, as a datastore that is stored only once somebody uses it."""

    datastore: Datastore
    facts: Facts

    @property
    def file(self) -> str:
        return str(self.datastore.options["file"])


def is_address(text: str) -> bool:
    """Whether what was typed as a path means an address."""
    return "://" in text


def find_address(text: str) -> FoundAddress:
    """Try what was typed. Raises AddressRefused, StoreAway."""
    address = parse_address(text)
    try:
        facts = look_at(address)
    except FileNotFoundError:
        raise nothing_at(str(address)) from None
    name = f"address_{salted_hmac('studio.address', address.url, algorithm='sha256').hexdigest()[:40]}"
    known = Datastore.objects.addresses().filter(name=name).first()
    return FoundAddress(
        known
        or Datastore(
            name=name,
            kind=Datastore.Kind.ADDRESS,
            options={"place": address.place, "file": _file_name(address, facts)},
            secrets=seal({"query": address.query} if address.query else {}),
        ),
        facts,
    )


def nothing_at(address: str) -> AddressRefused:
    return AddressRefused(
        _("There is nothing at %(address)s (404). Check the address, or give another one.")
        % {"address": address}
    )


def keep_address(*, user: User, found: Datastore) -> Datastore:
    """The stored row, one for each address, whoever gives it."""
    kept, made = Datastore.objects.get_or_create(
        name=found.name,
        defaults={
            "kind": found.kind,
            "options": found.options,
            "secrets": found.secrets,
            "created_by": user,
        },
    )
    if not made:  # it may be one that forget_addresses() is about to remove
        Datastore.objects.filter(pk=kept.pk).update(created_at=Now())
    return kept


def forget_addresses() -> None:
    """Those that nothing reads any more, and no draft holds."""
    drafts = Draft.objects.jobs().filter(answers__input__has_key="address")
    held = drafts.values_list("answers__input__address", flat=True)
    left = Datastore.objects.addresses().filter(created_at__lt=Now() - KEPT).exclude(pk__in=[*held])
    for model, field in ((DataAssetVersion, "datastore"), (Job, "input_datastore"), (Trial, "datastore")):
        left = left.exclude(Exists(model._default_manager.filter(**{field: OuterRef("pk")})))
    left.delete()


def _file_name(address: Address, facts: Facts) -> str:
    """As the address calls it, or its server, or by its content type: by its ending a job knows how to read it."""
    named = [_plain(unquote(address.place.rsplit("/", 1)[-1])), _plain(facts.given_name)]
    name = next((one for one in named if _is_readable(one)), "")
    if not name:
        stem = next(filter(None, named), "data")
        name = f"{stem}{ENDINGS.get(facts.type, '')}"
    if facts.encoding == "gzip" and not name.endswith(".gz") and _is_readable(f"{name}.gz"):
        name = f"{name}.gz"
    return name


def _plain(name: str) -> str:
    """A name that a file may have and no job leaves out."""
    cleaned = re.sub(r"[/\\\x00-\x1f]", "", name.encode(errors="replace").decode()).lstrip("._ ")
    return cleaned.encode()[-LONGEST_NAME:].decode(errors="ignore")


def _is_readable(name: str) -> bool:
    try:
        file_kind(name)
    except InputError:
        return False
    return bool(name)
