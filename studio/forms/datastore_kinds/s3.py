from typing import Any

from django import forms
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


class S3Credentials(CredentialsForm):
    access_key = forms.CharField(
        label=_("Access key ID"),
        required=False,
        max_length=200,
        help_text=_("Nothing where the machines themselves may open the bucket (a role of Amazon’s)."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    secret_key = forms.CharField(
        label=_("Secret access key"),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs=HIDDEN),
    )
    session_token = forms.CharField(
        label=_("Session token"),
        required=False,
        max_length=4000,
        help_text=_("Only with temporary keys, which end after some hours."),
        widget=forms.PasswordInput(attrs=HIDDEN),
    )

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if bool(answers.get("access_key")) != bool(answers.get("secret_key")):
            missing = "secret_key" if answers.get("access_key") else "access_key"
            self.add_error(missing, _("An access key ID and its secret belong together."))
        return answers


class S3Form(DatastoreForm, S3Credentials):
    about = _("A bucket, or a folder of one, at Amazon or on a server that speaks S3.")
    place = "bucket"
    credentials = S3Credentials
    shown = {"endpoint": _("Amazon’s own"), "region": "–"}

    bucket = forms.CharField(
        label=_("Bucket"),
        validators=[
            RegexValidator(
                r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
                _("A bucket’s name has 3 to 63 small letters, digits, dots and hyphens."),
            )
        ],
        widget=forms.TextInput(attrs=PLAIN),
    )
    folder = FolderField(
        label=_("Folder in the bucket"),
        help_text=_("Nothing for the whole bucket. What lies outside of it cannot be reached."),
    )
    endpoint = EndpointField(
        placeholder="https://minio.example.com:9000",
        help_text=_("Nothing for Amazon’s own; for MinIO, Ceph, R2 and others the address of their S3 API."),
    )
    region = forms.CharField(
        label=_("Region"),
        required=False,
        max_length=50,
        validators=[RegexValidator(r"^[a-z0-9-]+$", _("A region is a word such as “eu-central-1”."))],
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "eu-central-1"}),
    )
    path_style = forms.BooleanField(
        label=_("Path-style addresses"),
        required=False,
        help_text=_("For servers whose buckets have no host name of their own, such as most of MinIO’s."),
    )
