from django import forms
from django.utils.translation import gettext_lazy as _

from studio.forms.datastore_kinds.base import PLAIN, DatastoreForm


class LocalForm(DatastoreForm):
    about = _("A folder of a disk that the studio and its nodes share.")
    place = "root"

    root = forms.CharField(
        label=_("Folder"),
        max_length=1000,
        help_text=_(
            "The whole path on this machine. A missing last part of it is made. Every node must see the same "
            "folder under the same path."
        ),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "/data/visits"}),
    )
