"""What the commands of a job's page ask for."""

from django import forms
from django.utils.translation import gettext_lazy as _


class RenameForm(forms.Form):
    display_name = forms.CharField(
        label=_("Display name"),
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RetryForm(forms.Form):
    """Its key comes with the question, so that answering twice makes one job."""

    key = forms.UUIDField(widget=forms.HiddenInput)


class DeleteForm(forms.Form):
    with_outputs = forms.BooleanField(required=False)
