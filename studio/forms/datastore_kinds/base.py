"""What the forms of all kinds have: a name, a place, and credentials that are written and never shown again."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.core.validators import RegexValidator
from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from studio.models import Datastore
from studio.models.data import DATASTORE_NAME
from studio.stores import tidy

PLAIN = {"class": "mono", "autocomplete": "off", "spellcheck": "false"}
HIDDEN = {"class": "mono", "autocomplete": "new-password", "spellcheck": "false"}


class CredentialsForm(forms.Form):
    """Fields named as the kind's store takes them. `datastore` is the one whose credentials are replaced."""

    not_secret: ClassVar[tuple[str, ...]] = ()  # fields that change with the credentials, and are options

    def __init__(self, *args: Any, datastore: Datastore | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.datastore = datastore

    @property
    def options(self) -> dict[str, Any]:
        """What is given anew, of a form that is valid."""
        return _given(self, self.not_secret)

    @property
    def secrets(self) -> dict[str, str]:
        """What is given, of a form that is valid."""
        return _given(self, set(self.base_fields) - set(self.not_secret))


class DatastoreForm(CredentialsForm):
    """A new datastore. Of each kind it is also its `credentials`, and all other fields are the kind's options."""

    about: ClassVar[str | Promise]  # the kind, in a sentence
    place: ClassVar[str]  # the field that says where it lies, at which a refusal is shown
    credentials: ClassVar[type[CredentialsForm]] = CredentialsForm
    shown: ClassVar[dict[str, str | Promise]] = {}  # options, and what is said where one is not given

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

    @property
    def place_fields(self) -> Iterator[BoundField]:
        known = {*DatastoreForm.base_fields, *self.credentials.base_fields}
        return (self[name] for name in self.fields if name not in known)

    @property
    def credential_fields(self) -> list[BoundField]:
        return [self[name] for name in self.credentials.base_fields]

    @property
    def options(self) -> dict[str, Any]:
        """What the kind's store takes, of a form that is valid."""
        place = {field.name: self.cleaned_data[field.name] for field in self.place_fields}
        return {**place, **super().options}

    @property
    def secrets(self) -> dict[str, str]:
        return _given(self, set(self.credentials.base_fields) - set(self.not_secret))

    @classmethod
    def shown_options(cls, datastore: Datastore) -> Iterator[tuple[Any, Any]]:
        """Labels and values."""
        return (
            (cls.base_fields[name].label, datastore.options.get(name) or none)
            for name, none in cls.shown.items()
        )


def _given(form: forms.Form, names: Any) -> dict[str, str]:
    return {name: form.cleaned_data[name] for name in names if form.cleaned_data.get(name)}


class FolderField(forms.CharField):
    """A folder inside of the place, without which all of it is meant."""

    def __init__(self, **kwargs: Any):
        widget = forms.TextInput(attrs={**PLAIN, "placeholder": "visits/2026"})
        super().__init__(required=False, max_length=500, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        return tidy(super().clean(value))


class EndpointField(forms.URLField):
    """The address of a service. It is shown, so no credentials may be in it."""

    default_validators = [
        *forms.URLField.default_validators,
        RegexValidator(
            r"^[^@?#]*$", _("Give the address alone; keys go into the fields below."), code="not_alone"
        ),
    ]

    def __init__(self, *, placeholder: str, **kwargs: Any):
        widget = forms.URLInput(attrs={**PLAIN, "placeholder": placeholder})
        super().__init__(
            label=_("Endpoint URL"), required=False, assume_scheme="https", widget=widget, **kwargs
        )
