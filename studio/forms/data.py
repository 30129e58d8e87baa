from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.models import DataAsset, Datastore
from studio.models.data import DATA_NAME

UPLOAD, DATASTORE = "upload", "datastore"


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Cleans to a list of uploaded files."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(SeveralFilesField, self).clean(file, initial) for file in files]


class DataAssetForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        validators=[
            RegexValidator(
                DATA_NAME, _("Use letters, digits, “-”, “_” and “.”, with a letter or digit first.")
            )
        ],
        help_text=_("A name that exists gets a new version."),
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
        choices=[(UPLOAD, _("Upload from this computer")), (DATASTORE, _("Path in a datastore"))],
        widget=forms.RadioSelect,
        initial=UPLOAD,
    )
    files = SeveralFilesField(  # type: ignore[assignment]
        label=_("Files"),
        required=False,
        help_text=_("CSV or Parquet files; they go to the default datastore."),
    )
    datastore = forms.ModelChoiceField(
        label=_("Datastore"), queryset=Datastore.objects.none(), required=False, empty_label=None
    )
    path = forms.CharField(
        label=_("Path"),
        required=False,
        max_length=1024,
        widget=forms.TextInput(
            attrs={"class": "mono", "autocomplete": "off", "placeholder": "folder/or/file.csv"}
        ),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["type"].widget.descriptions = {
            DataAsset.Type.FILE: _("One file."),
            DataAsset.Type.FOLDER: _("Several files that are scored together."),
        }
        stores = Datastore.objects.visible_to(user).order_by("-is_default", "name")
        self.fields["datastore"].queryset = stores  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("source") == UPLOAD and not answers.get("files") and "files" not in self.errors:
            self.add_error("files", _("Choose at least one file."))
        if answers.get("source") == DATASTORE and not answers.get("path"):
            self.add_error("path", _("Give the path of a file or folder."))
        return answers
