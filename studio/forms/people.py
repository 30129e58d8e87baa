from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from studio.models import Role

DESCRIPTIONS = {
    Role.READER: _("Sees everything and downloads results."),
    Role.DATA_SCIENTIST: _("Also registers models and data, deploys and runs jobs."),
    Role.ADMINISTRATOR: _("Also looks after people, datastores, clusters and what others made."),
}


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        label=_("Role"), choices=Role.choices, widget=forms.RadioSelect(attrs={"class": "cards"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].widget.descriptions = DESCRIPTIONS

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class InviteForm(RoleForm):
    username = forms.CharField(
        label=_("Username"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text=_("What they sign in with; it does not change later."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    name = forms.CharField(
        label=_("Name"), max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=_("E-mail"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    field_order = ["username", "name", "email", "role"]

    def clean_username(self) -> str:
        name: str = get_user_model().normalize_username(self.cleaned_data["username"])
        # Two people whose names differ in capitals alone would be taken for each other.
        if get_user_model().objects.filter(username__iexact=name).exists():
            raise ValidationError(_("There is a person of this name. Choose another name."))
        return name
