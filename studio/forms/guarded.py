"""Forms over rows that somebody else may save at the same time."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

from django import forms
from django.utils.translation import gettext as _


class Difference(NamedTuple):
    """One answer, in words: as it is saved now, and as this person typed it."""

    label: str
    theirs: str
    mine: str


class Meanwhile(NamedTuple):
    """What a person is shown whose form another one has overtaken."""

    sentence: str
    conflicts: list[Difference]
    taken_over: list[Difference]


class GuardedForm(forms.Form):
    """Begins with `of(row)`; when the action says ChangedMeanwhile, `beside(row)` gives the form that goes on.

    `base` is what stood in the form as it was opened. So what a person did not touch follows the other one's
    edit, and only what both changed is a question.
    """

    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    base = forms.JSONField(required=False, widget=forms.HiddenInput)
    OWN: ClassVar = ("revision", "base")

    @classmethod
    def stored(cls, row: Any) -> dict[str, Any]:
        """Name of a field to what the row holds, as the field cleans it."""
        raise NotImplementedError

    @classmethod
    def of(cls, row: Any, typed: Mapping[str, Any] | None = None) -> Self:
        stored = cls.stored(row)
        return cls(initial={**stored, **(typed or {}), "revision": row.revision, "base": stored})

    @property
    def typed(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name not in self.OWN}

    def beside(self, row: Any, sentence: str) -> tuple[Self, Meanwhile]:
        """The form over the row as it is now, with what this person has changed; and what to say about it."""
        stored, base = self.stored(row), self.cleaned_data["base"]
        opened = base if isinstance(base, dict) else {}
        mine = {name: value for name, value in self.typed.items() if value != opened.get(name)}
        changed = [name for name in stored if stored[name] != opened.get(name)]
        both = [name for name in changed if name in mine and mine[name] != stored[name]]
        theirs = [name for name in changed if name not in mine]
        return self.of(row, mine), Meanwhile(
            sentence,
            [self._difference(name, stored[name], mine[name]) for name in both],
            [self._difference(name, stored[name], "") for name in theirs],
        )

    def _difference(self, name: str, theirs: Any, mine: Any) -> Difference:
        return Difference(
            str(self.fields[name].label), self.in_words(name, theirs), self.in_words(name, mine)
        )

    @staticmethod
    def in_words(name: str, value: Any) -> str:
        if isinstance(value, dict):
            value = ", ".join(f"{key}={content}" for key, content in value.items())
        return str(value) or _("none")
