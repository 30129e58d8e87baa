"""What can be changed about an endpoint once it is there."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from studio.forms.fields import PairsField
from studio.forms.guarded import GuardedForm
from studio.models import Deployment, Endpoint


class EndpointForm(GuardedForm):
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    tags = PairsField(label=_("Tags"))

    @classmethod
    def stored(cls, row: Endpoint) -> dict[str, Any]:
        return {"description": row.description, "tags": row.tags}


class DefaultDeploymentForm(forms.Form):
    deployment = forms.ModelChoiceField(
        label=_("Select default deployment"),
        queryset=Deployment.objects.none(),
        empty_label=None,
        error_messages={
            "invalid_choice": _("This deployment cannot be the default: it is gone or has not succeeded.")
        },
    )

    def __init__(self, data: Any = None, *, endpoint: Endpoint):
        super().__init__(data, initial={"deployment": endpoint.default_deployment_id})
        ready = endpoint.deployments.ready().order_by("name")
        self.fields["deployment"].queryset = ready  # type: ignore[attr-defined]


class ConfirmNameForm(forms.Form):
    """The name of what is about to go, typed by hand."""

    confirm_name = forms.CharField(required=False)

    def __init__(self, data: Any = None, *, name: str):
        super().__init__(data)
        self.name = name

    def clean_confirm_name(self) -> str:
        typed: str = self.cleaned_data["confirm_name"]
        if typed != self.name:
            raise ValidationError(_("This is not its name. Type “%(name)s”.") % {"name": self.name})
        return typed
