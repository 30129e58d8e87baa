from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from studio.models import ApiToken, Role

DAYS = [(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("1 year"))]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("What will use it, such as “nightly pipeline”."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    scope = forms.ChoiceField(
        label=_("Scope"), choices=ApiToken.Scope.choices, widget=forms.RadioSelect(attrs={"class": "cards"})
    )
    days = forms.TypedChoiceField(label=_("Expires in"), coerce=int, choices=DAYS, initial=90)

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = ApiToken.Scope.choices[:1] if role == Role.READER else ApiToken.Scope.choices
        self.fields["scope"].choices = scopes  # type: ignore[attr-defined]
        self.fields["scope"].initial = ApiToken.Scope.READ
        self.fields["scope"].widget.descriptions = {
            "read": _("Looks at everything and downloads results."),
            "run": _("Also creates and cancels jobs, and registers data."),
            "manage": _("Everything that your role allows."),
        }

    @property
    def lifetime(self) -> timedelta:
        return timedelta(days=self.cleaned_data["days"])
