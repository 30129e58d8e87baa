from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from studio.forms.files import FilesForm
from studio.models import Datastore
from studio.models.data import DATASTORE_NAME

FORBIDDEN = "/\\\0"


class DatastoreForm(forms.Form):
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

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["kind"].widget.descriptions = {
            Datastore.Kind.LOCAL: _("A folder of a disk that the studio and its nodes share.")
        }


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
