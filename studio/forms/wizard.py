from typing import Any

from django import forms

from studio.models import Draft
from studio.permissions import Person


class StepForm(forms.Form):
    """One step of a wizard: begins with the draft's answers, and gives back what the draft keeps."""

    def __init__(self, data: Any = None, *, draft: Draft, step: str, user: Person, **kwargs: Any):
        self.draft, self.user = draft, user
        kwargs.setdefault("initial", draft.step(step))
        super().__init__(data, **kwargs)

    def answers(self) -> dict[str, Any]:
        """Plain values for the draft. A chosen row is kept by its primary key."""
        return {name: getattr(value, "pk", value) for name, value in self.cleaned_data.items()}
