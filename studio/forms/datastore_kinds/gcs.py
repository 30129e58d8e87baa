import json
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.forms.datastore_kinds.base import (
    PLAIN,
    CredentialsForm,
    DatastoreForm,
    EndpointField,
    FolderField,
)

NEEDED = ("client_email", "private_key", "token_uri")  # of a key file


class HiddenText(forms.Textarea):
    """Text that is written and never shown again, as a password is."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


def check_key_file(text: str) -> None:
    """Only a service account's: those of other kinds may name programs to run and files to read."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationError(_("This is no key file: it is not JSON. Paste the file whole.")) from error
    if not isinstance(given, dict) or given.get("type") != "service_account":
        raise ValidationError(
            _("This is not the key file of a service account. Make one in Google’s console.")
        )
    for name in NEEDED:
        if not isinstance(given.get(name), str) or not given[name]:
            raise ValidationError(_("The key file lacks “%(name)s”. Paste it whole."), params={"name": name})
    if not _is_rsa(given["private_key"]):
        raise ValidationError(
            _("The private key in the file cannot be read. Paste the file as Google gave it.")
        )


def _is_rsa(pem: str) -> bool:
    """With which Google's client signs."""
    try:
        return isinstance(load_pem_private_key(pem.encode(), password=None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


class GoogleCredentials(CredentialsForm):
    key_file = forms.CharField(
        label=_("Key file of a service account"),
        required=False,
        max_length=10_000,
        validators=[check_key_file],
        help_text=_(
            "What the JSON file holds. Nothing where the machines themselves may open the bucket, or where an "
            "endpoint of your own asks for nothing."
        ),
        widget=HiddenText(attrs={**PLAIN, "rows": 4, "placeholder": '{"type": "service_account", …}'}),
    )


class GoogleForm(DatastoreForm, GoogleCredentials):
    about = _("A bucket, or a folder of one, at Google.")
    place = "bucket"
    credentials = GoogleCredentials
    shown = {"endpoint": _("Google’s own")}

    # https://docs.cloud.google.com/storage/docs/buckets#naming
    bucket = forms.CharField(
        label=_("Bucket"),
        validators=[
            RegexValidator(
                r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$",
                _("A bucket’s name has small letters, digits, dots, hyphens and “_”, at least 3 of them."),
            )
        ],
        widget=forms.TextInput(attrs=PLAIN),
    )
    folder = FolderField(
        label=_("Folder in the bucket"),
        help_text=_("Nothing for the whole bucket. What lies outside of it cannot be reached."),
    )
    endpoint = EndpointField(
        placeholder="https://storage-visits.p.googleapis.com",
        help_text=_("Nothing for Google’s own; for a private endpoint or an emulator its address."),
    )
