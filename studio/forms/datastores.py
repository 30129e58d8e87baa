from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.forms.files import FilesForm
from studio.models import Datastore
from studio.models.data import DATASTORE_NAME
from studio.stores import tidy

FORBIDDEN = "/\\\0"


_PLAIN = {"class": "mono", "autocomplete": "off", "spellcheck": "false"}
_HIDDEN = {"class": "mono", "autocomplete": "new-password", "spellcheck": "false"}


class KeysForm(forms.Form):
    """Credentials, which are written and never shown again."""

    access_key = forms.CharField(
        label=_("Access key ID"),
        required=False,
        max_length=200,
        help_text=_("Nothing where the machines themselves may open the bucket (a role of Amazon’s)."),
        widget=forms.TextInput(attrs=_PLAIN),
    )
    secret_key = forms.CharField(
        label=_("Secret access key"),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs=_HIDDEN),
    )
    session_token = forms.CharField(
        label=_("Session token"),
        required=False,
        max_length=4000,
        help_text=_("Only with temporary keys, which end after some hours."),
        widget=forms.PasswordInput(attrs=_HIDDEN),
    )

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        self.check_keys(answers)
        return answers

    def check_keys(self, answers: dict[str, Any]) -> None:
        if bool(answers.get("access_key")) != bool(answers.get("secret_key")):
            missing = "secret_key" if answers.get("access_key") else "access_key"
            self.add_error(missing, _("An access key ID and its secret belong together."))

    @property
    def secrets(self) -> dict[str, str]:
        """What is given, of a form that is valid."""
        names = ("access_key", "secret_key", "session_token")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}


class DatastoreForm(KeysForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        validators=[
            RegexValidator(DATASTORE_NAME, _("Use small letters, digits and “_”, such as “visits_2026”."))
        ],
        help_text=_("Small letters, digits and “_”. It cannot be changed later."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    kind = forms.ChoiceField(
        label=_("Type"),
        choices=Datastore.Kind.choices,
        initial=Datastore.Kind.LOCAL,
        widget=forms.RadioSelect(attrs={"class": "cards"}),
    )
    folder = forms.CharField(
        label=_("Folder"),
        required=False,
        max_length=1000,
        strip=True,
        help_text=_(
            "The whole path on this machine. A missing last part of it is made. Every node must see the same "
            "folder under the same path."
        ),
        widget=forms.TextInput(
            attrs={
                "class": "mono",
                "autocomplete": "off",
                "placeholder": "/data/visits",
                "spellcheck": "false",
            }
        ),
    )

    bucket = forms.CharField(
        label=_("Bucket"),
        required=False,
        validators=[
            RegexValidator(
                r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
                _("A bucket’s name has 3 to 63 small letters, digits, dots and hyphens."),
            )
        ],
        widget=forms.TextInput(attrs=_PLAIN),
    )
    bucket_folder = forms.CharField(
        label=_("Folder in the bucket"),
        required=False,
        max_length=500,
        help_text=_("Nothing for the whole bucket. What lies outside of it cannot be reached."),
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "visits/2026"}),
    )
    endpoint = forms.URLField(
        label=_("Endpoint URL"),
        required=False,
        assume_scheme="https",
        help_text=_("Nothing for Amazon’s own; for MinIO, Ceph, R2 and others the address of their S3 API."),
        widget=forms.URLInput(attrs={**_PLAIN, "placeholder": "https://minio.example.com:9000"}),
    )
    region = forms.CharField(
        label=_("Region"),
        required=False,
        max_length=50,
        validators=[RegexValidator(r"^[a-z0-9-]+$", _("A region is a word such as “eu-central-1”."))],
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "eu-central-1"}),
    )
    path_style = forms.BooleanField(
        label=_("Path-style addresses"),
        required=False,
        help_text=_("For servers whose buckets have no host name of their own, such as most of MinIO’s."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["kind"].widget.descriptions = {
            Datastore.Kind.LOCAL: _("A folder of a disk that the studio and its nodes share."),
            Datastore.Kind.S3: _("A bucket, or a folder of one, at Amazon or on a server that speaks S3."),
        }

    def clean(self) -> dict[str, Any]:
        answers = forms.Form.clean(self) or {}  # keys are looked at where the kind has some
        needed = "folder" if answers.get("kind") == Datastore.Kind.LOCAL else "bucket"
        if not answers.get(needed) and needed not in self.errors:
            self.add_error(needed, _("This field is required."))
        if answers.get("kind") == Datastore.Kind.S3:
            self.check_keys(answers)
        endpoint = urlsplit(answers.get("endpoint") or "")
        if endpoint.username or endpoint.password or endpoint.query or endpoint.fragment:
            self.add_error("endpoint", _("Give the address alone; keys go into the fields below."))
        return answers

    @property
    def options(self) -> dict[str, Any]:
        """What the store of the chosen kind takes, of a form that is valid."""
        answers = self.cleaned_data
        if answers["kind"] == Datastore.Kind.LOCAL:
            return {"root": answers["folder"]}
        kept = {name: answers[name] for name in ("bucket", "endpoint", "region", "path_style")}
        return {**kept, "folder": tidy(answers["bucket_folder"])}


class UploadForm(FilesForm):
    """Into a folder of a datastore."""

    replace = forms.BooleanField(
        label=_("Replace files of the same name"),
        required=False,
        help_text=_("What they hold now is lost."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["files"].help_text = _("Several files, or a folder with its sub-folders.")

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if not answers.get("files") and "files" not in self.errors:
            self.add_error("files", _("Choose at least one file."))
        return answers


class FolderForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=255, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if any(sign in name for sign in FORBIDDEN) or name in (".", ".."):
            raise ValidationError(_("A folder’s name holds no “/” and no “\\”, and is not “.” or “..”."))
        return name
