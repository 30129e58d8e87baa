from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from studio.models import Profile


@cache
def time_zones() -> list[str]:
    """Names that people know their zone by: a region and a place, and UTC."""
    places = [name for name in available_timezones() if "/" in name and not name.startswith("Etc/")]
    return ["UTC", *sorted(places)]


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=Profile.Theme.choices,
        widget=forms.RadioSelect,
    )
    time_zone = forms.CharField(
        label=_("Time zone"),
        required=False,
        max_length=64,
        help_text=_("Type a city to search. Empty: times are shown as this browser has them."),
        widget=forms.TextInput(
            attrs={"list": "time-zones", "autocomplete": "off", "placeholder": _("As this browser")}
        ),
    )

    def clean_time_zone(self) -> str:
        typed = self.cleaned_data["time_zone"].strip()
        if not typed:
            return ""
        wanted = typed.casefold().replace(" ", "_")
        for name in time_zones():
            if name.casefold() == wanted:
                return name
        raise ValidationError(
            _("“%(name)s” is not a time zone. Choose one of the list, such as Europe/Berlin.")
            % {"name": typed}
        )


class PasswordForm(PasswordChangeForm):
    """Django's, without its jump to the first field: it stands below another form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
