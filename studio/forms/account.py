from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from studio.models import Profile
from studio.roles import may_use_password


@cache
def time_zones() -> list[str]:
    """Names that people know their zone by: a region and a place, and UTC."""
    places = [name for name in available_timezones() if "/" in name and not name.startswith("Etc/")]
    return ["UTC", *sorted(places)]


class SignInForm(AuthenticationForm):
    def confirm_login_allowed(self, user: Any) -> None:
        """Who may not have a password is answered as who mistypes it."""
        super().confirm_login_allowed(user)
        if not may_use_password(user):
            raise self.get_invalid_login_error()


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=Profile.Theme.choices,
        widget=forms.RadioSelect,
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("As this browser")), *settings.LANGUAGES],
        help_text=_(
            "All texts are in English. The choice decides how times are written: Nov 27, 2:05 PM or 27 Nov, 14:05."
        ),
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

    notices = forms.ChoiceField(
        label=_("Tell me of a job of mine"),
        choices=Profile.Notices.choices,
        widget=forms.RadioSelect,
        help_text=_(
            "The bell in the top bar counts them, and lists those of the last week. One that somebody else canceled "
            "counts as failed."
        ),
    )
    tells_browser = forms.BooleanField(
        label=_("Also by a notification of the browser"),
        required=False,
        help_text=_("While the studio is open in it, also in a tab that you do not look at."),
        widget=forms.CheckboxInput(attrs={"data-tells": ""}),
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
