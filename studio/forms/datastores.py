from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from studio.forms.files import FilesForm

FORBIDDEN = "/\\\0"


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
        self.check_files()
        return self.cleaned_data


class FolderForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=255, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if any(sign in name for sign in FORBIDDEN) or name in (".", ".."):
            raise ValidationError(_("A folder’s name holds no “/” and no “\\”, and is not “.” or “..”."))
        return name
