"""Registering models, and what can be changed about them."""

import re
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from studio.forms.fields import PairsField
from studio.forms.files import SeveralFilesField, SeveralFilesInput

LONGEST_NAME = 256  # in MLflow's tables
LONGEST_TAG = 250
TAG_NAME = re.compile(r"^[/\w.\- :]*$")
ALIAS = re.compile(r"^[\w\-]{1,255}$")
RESERVED_ALIAS = re.compile(r"^(latest|v\d+)$", re.IGNORECASE)
FOLDER, ZIP = "folder", "zip"


def check_model_name(name: str) -> None:
    """What MLflow refuses, in words."""
    if "/" in name or ":" in name:
        raise ValidationError(_("A model’s name has no “/” and no “:”."))
    if set(name) <= {"."} or not name.isprintable():
        raise ValidationError(_("MLflow takes no such name. Use letters, digits, “-”, “_” and “.”."))


class ModelTagsField(PairsField):
    def to_python(self, value: Any) -> dict[str, str]:  # type: ignore[override]
        pairs = super().to_python(value)
        for name in pairs:
            if not TAG_NAME.match(name) or len(name) > LONGEST_TAG:
                raise ValidationError(
                    _("“%(name)s” is no name of a tag: MLflow takes letters, digits, “_ - . / :” and spaces.")
                    % {"name": name[:60]}
                )
        return pairs


class FolderInput(SeveralFilesInput):
    """A folder with all that is in it; each file comes with its path in the folder."""

    def __init__(self) -> None:
        super().__init__(attrs={"webkitdirectory": True})


class RegisterForm(forms.Form):
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    name = forms.CharField(
        label=_("Model name"),
        max_length=LONGEST_NAME,
        validators=[check_model_name],
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "hx-get": reverse_lazy("models:check_name"),
                "hx-trigger": "input changed delay:300ms, load",
                "hx-target": "#name-says",
                "hx-swap": "innerHTML",
                "hx-sync": "this:replace",
                **dict.fromkeys(
                    ("hx-select", "hx-encoding", "hx-disabled-elt"), "unset"
                ),  # those of its form
            }
        ),
    )
    description = forms.CharField(
        label=_("Description"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2})
    )
    tags = ModelTagsField(label=_("Tags"))


class RegisterFilesForm(RegisterForm):
    upload = forms.ChoiceField(
        label=_("Model"),
        choices=[(FOLDER, _("Folder")), (ZIP, _("Zip file"))],
        widget=forms.RadioSelect(attrs={"class": "cards"}),
        initial=FOLDER,
    )
    folder = SeveralFilesField(
        label=_("Model folder"),
        required=False,
        allow_empty_file=True,
        widget=FolderInput,
        help_text=_("The folder with the MLmodel file, as mlflow.<flavor>.save_model writes it."),
    )
    zip = forms.FileField(
        label=_("Zip file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
        help_text=_("A zip of the folder with the MLmodel file."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["upload"].widget.descriptions = {
            FOLDER: _("All files of a folder of this computer, up to 500"),
            ZIP: _("One file, up to 10,000 entries"),
        }

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or self.cleaned_data
        if answers.get("upload") == ZIP and not answers.get("zip") and "zip" not in self.errors:
            self.add_error("zip", _("Choose the zip file."))
        return answers

    @property
    def file_field(self) -> str:
        return "zip" if self.cleaned_data.get("upload") == ZIP else "folder"


class ModelTextForm(forms.Form):
    """Description and tags, of a model or of one version of it."""

    description = forms.CharField(
        label=_("Description"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
    tags = ModelTagsField(label=_("Tags"))


class AliasesField(forms.CharField):
    """Names with spaces or commas between them, or a list of them, cleaned to a list."""

    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        typed = value if isinstance(value, list) else re.split(r"[\s,]+", value or "")
        aliases = [alias for alias in dict.fromkeys(typed) if alias]
        for alias in aliases:
            if not ALIAS.fullmatch(alias):
                raise ValidationError(
                    _("“%(alias)s”: an alias has letters, digits, “_” and “-” only.") % {"alias": alias[:60]}
                )
            if RESERVED_ALIAS.match(alias):
                raise ValidationError(
                    _("MLflow keeps “%(alias)s” for itself. Choose another.") % {"alias": alias}
                )
        return aliases

    def run_validators(self, value: Any) -> None:
        """They are those of a text."""
        super().run_validators(" ".join(value))


class AliasesForm(forms.Form):
    aliases = AliasesField(
        label=_("Aliases of this version"),
        required=False,
        max_length=2000,
        help_text=_(
            "Names such as champion, with spaces or commas between them. An alias that another version has moves here."
        ),
    )
