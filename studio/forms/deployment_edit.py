"""*Edit settings* of a deployment."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from studio.actions.endpoints import settings_of
from studio.forms.fields import PairsField
from studio.forms.guarded import GuardedForm
from studio.forms.settings import DeploymentSettings, setting_lines
from studio.models import Deployment


class EditDeploymentForm(DeploymentSettings, GuardedForm):
    """The fields of the wizard's step, without the name: that is part of addresses and of jobs' records."""

    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    tags = PairsField(label=_("Tags"))

    @classmethod
    def stored(cls, row: Deployment) -> dict[str, Any]:
        settings = settings_of(row.settings).to_dict()
        own = {name: value for name, value in settings.items() if name in cls.base_fields}
        return {**own, "description": row.description, "tags": row.tags}

    @property
    def settings(self) -> Any:
        return settings_of(self.cleaned_data)

    @staticmethod
    def in_words(name: str, value: Any) -> str:
        lines = setting_lines({name: value})
        return lines[0].value if lines else GuardedForm.in_words(name, value)
