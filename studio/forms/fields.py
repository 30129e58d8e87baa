"""Fields that several forms share."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from studio.models.data import HIDDEN_QUERY

MB = 1 << 20
LONGEST_ADDRESS = 4000


class RowField(forms.ModelChoiceField):
    """A row among others. One that the API has found already comes as it is, and is not read again; browsers send
    keys."""

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Model) else super().to_python(value)


class PairsField(forms.CharField):
    """Lines of `name=value`, or a dict of them, cleaned to a dict; lines are shown again as they were typed."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"})

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("required", False)
        kwargs.setdefault("help_text", _("One per line: name=value"))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> dict[str, str]:  # type: ignore[override]
        if isinstance(value, dict):
            return self._kept(value, self.to_python(self.prepare_value(value)))
        pairs: dict[str, str] = {}
        for line in (value or "").splitlines():
            if not line.strip():
                continue
            name, equals, content = line.partition("=")
            if not equals or not name.strip():
                raise ValidationError(_("“%(line)s” is not name=value.") % {"line": line})
            pairs[name.strip()] = content.strip()
        return pairs

    def _kept(self, given: dict[str, str], written: dict[str, str]) -> dict[str, str]:
        """Only what lines can say, so that a page shows and keeps it as it is."""
        if written != given:
            raise ValidationError(
                _(
                    "Names hold no “=”, and neither names nor values hold line breaks or begin or end with a space."
                )
            )
        return written

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name}={content}" for name, content in value.items())
        return value

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """They are those of a text: what must not be in it, how long it may be."""
        super().run_validators(self.prepare_value(value))


class AddressInput(forms.TextInput):
    """What was typed is shown again without what may be a key: a user and password, and what stands behind “?”."""

    def format_value(self, value: Any) -> str | None:
        text = super().format_value(value)
        if not text or "://" not in text:
            return text
        place, query, _typed = re.sub(r"//[^/?#]*@", "//", text).partition("?")
        return f"{place}{HIDDEN_QUERY}" if query else place


class AddressField(forms.CharField):
    def __init__(self, *, placeholder: str, **kwargs: Any):
        attributes = {
            "class": "mono",
            "autocomplete": "off",
            "spellcheck": "false",
            "placeholder": placeholder,
        }
        super().__init__(max_length=LONGEST_ADDRESS, widget=AddressInput(attrs=attributes), **kwargs)


class MegabytesField(forms.IntegerField):
    """Asked for in MB (of 1,048,576 bytes), cleaned to bytes."""

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, int):
            return value  # the initial value of a disabled field, which was never typed
        megabytes = super().to_python(value)
        return None if megabytes is None else megabytes * MB

    def run_validators(self, value: Any) -> None:
        """Limits are in MB, as they are shown."""
        super().run_validators(value // MB)

    def prepare_value(self, value: Any) -> Any:
        return value // MB if isinstance(value, int) else value


class ColumnsField(forms.CharField):
    """Names of columns, one per line, or a list of them, cleaned to a list. Spaces are kept: ` id` is another column
    than `id`."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"})

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("required", False)
        kwargs.setdefault("strip", False)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        names = [line for line in str(self.prepare_value(value or "")).splitlines() if line.strip()]
        if isinstance(value, list) and names != value:
            raise ValidationError(_("The name of a column is not empty and holds no line break."))
        return names

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return "\n".join(value)
        return value

    def run_validators(self, value: Any) -> None:
        """They are those of a text: what must not be in it, how long it may be."""
        super().run_validators(self.prepare_value(value))


class ColumnChoicesField(forms.MultipleChoiceField):
    """Columns of a file that the form itself has looked at, so any name may come; cleaned to a list."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[str]:
        return list(dict.fromkeys(super().to_python(value)))

    def valid_value(self, value: Any) -> bool:
        return True
