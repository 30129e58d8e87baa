from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.forms.fields import AddressField, PairsField
from studio.forms.files import FilesForm
from studio.forms.guarded import GuardedForm
from studio.models import DataAsset, Datastore
from studio.models.data import DATA_NAME

UPLOAD, DATASTORE, ADDRESS = "upload", "datastore", "address"
NAME_SENTENCE = _("Use letters, digits, “-”, “_” and “.”, with a letter or digit first.")


class DataAssetForm(FilesForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        validators=[RegexValidator(DATA_NAME, NAME_SENTENCE)],
        help_text=_("Letters, digits, “-”, “_” and “.”. A name that exists gets a new version."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    type = forms.ChoiceField(
        label=_("Type"),
        choices=DataAsset.Type.choices,
        widget=forms.RadioSelect(attrs={"class": "cards"}),
        initial=DataAsset.Type.FILE,
    )
    source = forms.ChoiceField(
        label=_("Data source"),
        choices=[
            (UPLOAD, _("Upload from this computer")),
            (DATASTORE, _("Path in a datastore")),
            (ADDRESS, _("Public https address")),
        ],
        widget=forms.RadioSelect,
        initial=UPLOAD,
    )
    datastore = forms.ModelChoiceField(
        label=_("Datastore"),
        queryset=Datastore.objects.none(),
        required=False,
        empty_label=None,
        error_messages={"invalid_choice": _("This datastore was unregistered. Choose another one.")},
    )
    path = forms.CharField(
        label=_("Path"),
        required=False,
        max_length=1024,
        help_text=_("Of a file, or of a folder with everything below it. The files stay where they are."),
        widget=forms.TextInput(
            attrs={"class": "mono", "autocomplete": "off", "placeholder": "folder/or/file.csv"}
        ),
    )

    address = AddressField(
        label=_("Address"),
        required=False,
        help_text=_(
            "Of one file, which stays where it is and is read from there each time. What stands behind “?” may be a "
            "key: it is encrypted, and not shown again."
        ),
        placeholder="https://example.com/visits.csv",
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["type"].widget.descriptions = {
            DataAsset.Type.FILE: _("One file."),
            DataAsset.Type.FOLDER: _("Several files that are scored together."),
        }
        self.fields["files"].help_text = _(
            "CSV or Parquet files, or a folder with sub-folders; they go to the default datastore."
        )
        stores = Datastore.objects.visible_to(user).order_by("-is_default", "name")
        self.fields["datastore"].queryset = stores  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("source") == UPLOAD:
            self.check_files()
        if answers.get("source") == DATASTORE:
            if not answers.get("datastore") and "datastore" not in self.errors:
                self.add_error("datastore", _("Choose a datastore."))
            if not answers.get("path") and "path" not in self.errors:
                self.add_error("path", _("Give the path of a file or folder."))
        if answers.get("source") == ADDRESS and not answers.get("address") and "address" not in self.errors:
            self.add_error("address", _("Give the address of a file."))
        return answers


class DataAssetDetailsForm(GuardedForm):
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    tags = PairsField(label=_("Tags"))

    @classmethod
    def stored(cls, row: DataAsset) -> dict[str, Any]:
        return {"description": row.description, "tags": row.tags}


def starting_answers(asset: DataAsset | None, query: Any) -> dict[str, Any]:
    """What the form begins with: answers that come in the address, and what a new version shares with its asset."""
    names: Sequence[str] = ("name", "description", "type", "source", "datastore", "path")
    typed = {name: query[name] for name in names if query.get(name)}
    return typed | ({"name": asset.name, "type": asset.type} if asset else {})
