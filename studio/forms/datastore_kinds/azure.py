import base64
import binascii
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.forms.datastore_kinds.base import (
    HIDDEN,
    PLAIN,
    CredentialsForm,
    DatastoreForm,
    EndpointField,
    FolderField,
)

AZURE_SUFFIX = "core.windows.net"


class AzureCredentials(CredentialsForm):
    """One of three; of a connection string only the key or token in it is kept."""

    account_key = forms.CharField(
        label=_("Account key"),
        required=False,
        max_length=200,
        help_text=_("One of the two keys of the storage account: it opens everything in it."),
        widget=forms.PasswordInput(attrs=HIDDEN),
    )
    sas_token = forms.CharField(
        label=_("SAS token"),
        required=False,
        max_length=2000,
        help_text=_(
            "Instead of a key: of the container or the account, with the permissions to read, add, create, write, "
            "delete and list. It ends at a time."
        ),
        widget=forms.PasswordInput(attrs=HIDDEN),
    )
    connection_string = forms.CharField(
        label=_("Connection string"),
        required=False,
        max_length=4000,
        help_text=_("Instead of both, as the Azure portal gives it."),
        widget=forms.PasswordInput(attrs=HIDDEN),
    )

    def clean_account_key(self) -> str:
        return _checked_key(self.cleaned_data["account_key"])

    def clean_sas_token(self) -> str:
        return _checked_token(self.cleaned_data["sas_token"])

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        names = [name for name in AzureCredentials.base_fields if answers.get(name) or name in self.errors]
        if len(names) != 1:
            self.add_error(
                names[1] if names else "account_key",
                _("Give one of them: an account key, a SAS token or a connection string."),
            )
        elif names == ["connection_string"]:
            try:
                self._take_apart(answers)
            except ValidationError as refusal:
                self.add_error("connection_string", refusal)
        return answers

    def _take_apart(self, answers: dict[str, Any]) -> None:
        given = _parts(answers["connection_string"])
        answers["account_key"] = _checked_key(given.get("accountkey", ""))
        answers["sas_token"] = _checked_token(given.get("sharedaccesssignature", ""))
        if bool(answers["account_key"]) == bool(answers["sas_token"]):
            raise ValidationError(
                _(
                    "This connection string has no AccountKey and no SharedAccessSignature, or both. Copy it again."
                )
            )
        answers["connection_string"] = ""
        self.take_place(answers, {"account": given.get("accountname", ""), "endpoint": _endpoint(given)})

    def take_place(self, answers: dict[str, Any], named: dict[str, str]) -> None:
        """What a connection string names has to be the datastore's. Raises ValidationError."""
        known = self.datastore.options if self.datastore else answers
        for option, theirs in named.items():
            mine = known.get(option)
            if theirs and mine and theirs != mine:
                raise ValidationError(
                    _("This connection string is of “%(theirs)s”, and the datastore lies in “%(mine)s”."),
                    params={"theirs": theirs, "mine": mine},
                )


class AzureForm(DatastoreForm, AzureCredentials):
    about = _("A container, or a folder of one, in a storage account of Azure.")
    place = "container"
    credentials = AzureCredentials
    shown = {"account": "–", "endpoint": "–"}

    account = forms.CharField(
        label=_("Storage account"),
        required=False,
        validators=[
            RegexValidator(
                r"^[a-z0-9]{3,24}$", _("A storage account’s name has 3 to 24 small letters and digits.")
            )
        ],
        help_text=_("May be left out where a connection string names it."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    container = forms.CharField(
        label=_("Container"),
        min_length=3,
        max_length=63,
        validators=[
            RegexValidator(
                r"^[a-z0-9]+(-[a-z0-9]+)*$",
                _("A container’s name has 3 to 63 small letters, digits and single hyphens between them."),
            )
        ],
        widget=forms.TextInput(attrs=PLAIN),
    )
    folder = FolderField(
        label=_("Folder in the container"),
        help_text=_("Nothing for the whole container. What lies outside of it cannot be reached."),
    )
    endpoint = EndpointField(
        placeholder="https://clinic.blob.core.chinacloudapi.cn",
        help_text=_(
            "Nothing for Azure’s public cloud; else the address of the account’s Blob service: in a sovereign cloud, "
            "on Azure Stack, of Azurite."
        ),
    )

    def clean_endpoint(self) -> str:
        return str(self.cleaned_data["endpoint"]).rstrip("/")

    def clean(self) -> dict[str, Any]:
        """The account and the endpoint are known afterwards, whichever of them was given."""
        answers = super().clean()
        if not answers.get("account") and not {"account", "connection_string"} & set(self.errors):
            self.add_error("account", _("This field is required."))
        if not answers.get("endpoint") and answers.get("account"):
            answers["endpoint"] = f"https://{answers['account']}.blob.{AZURE_SUFFIX}"
        return answers

    def take_place(self, answers: dict[str, Any], named: dict[str, str]) -> None:
        super().take_place(answers, named)
        answers.update({option: theirs for option, theirs in named.items() if not answers.get(option)})


def _parts(connection_string: str) -> dict[str, str]:
    """By their names in small letters. Raises ValidationError."""
    pairs = [pair.partition("=") for pair in connection_string.strip().strip(";").split(";")]
    if not all(name and sign for name, sign, _value in pairs):
        raise ValidationError(
            _("This is no connection string. It looks like “AccountName=…;AccountKey=…;EndpointSuffix=…”.")
        )
    return {name.strip().lower(): value.strip() for name, _sign, value in pairs}


def _endpoint(given: dict[str, str]) -> str:
    """Of the Blob service that a connection string is of."""
    if "blobendpoint" in given:
        return given["blobendpoint"].rstrip("/")
    if "accountname" not in given:
        return ""
    protocol, suffix = (
        given.get("defaultendpointsprotocol", "https"),
        given.get("endpointsuffix", AZURE_SUFFIX),
    )
    return f"{protocol}://{given['accountname']}.blob.{suffix}"


def _checked_key(key: str) -> str:
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValidationError(
            _("This is no account key, which is in Base64 and mostly ends with “==”.")
        ) from error
    return key


def _checked_token(token: str) -> str:
    """What follows the “?” where a whole address was given. Raises ValidationError where it has ended."""
    token = token.strip().rpartition("?")[2]
    said = parse_qs(token)
    if token and not ("sig" in said and "sv" in said):
        raise ValidationError(_("This is no SAS token, which looks like “sv=…&se=…&sp=…&sig=…”."))
    try:
        end = datetime.fromisoformat(said.get("se", [""])[0])
    except ValueError:  # left to a policy of its container
        return token
    if end.replace(tzinfo=end.tzinfo or UTC) < datetime.now(UTC):
        raise ValidationError(
            _("This SAS token ended on %(end)s. Give one that is still good."),
            params={"end": f"{end:%Y-%m-%d %H:%M} UTC"},
        )
    return token
