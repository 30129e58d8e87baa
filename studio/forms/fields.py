"""Fields that several forms share."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MB = 1 << 20


class PairsField(forms.CharField):
    """Lines of `name=value`, cleaned to a dict; shown again as they were typed."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"})

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("required", False)
        kwargs.setdefault("help_text", _("One per line: name=value"))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> dict[str, str]:  # type: ignore[override]
        pairs: dict[str, str] = {}
        for line in (value or "").splitlines():
            if not line.strip():
                continue
            name, equals, content = line.partition("=")
            if not equals or not name.strip():
                raise ValidationError(_("“%(line)s” is not name=value.") % {"line": line})
            pairs[name.strip()] = content.strip()
        return pairs

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


class MegabytesField(forms.IntegerField):
    """Asked for in MB (of 1,048,576 bytes), cleaned to bytes."""

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, int):
            return value  # of a field that cannot be changed: as it was stored
        megabytes = super().to_python(value)
        return None if megabytes is None else megabytes * MB

    def run_validators(self, value: Any) -> None:
        """Limits are in MB, as they are shown."""
        super().run_validators(value // MB)

    def prepare_value(self, value: Any) -> Any:
        return value // MB if isinstance(value, int) else value


class ColumnsField(forms.CharField):
    """Names of columns, one per line, cleaned to a list. Spaces are kept: ` id` is another column than `id`."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"})

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("required", False)
        kwargs.setdefault("strip", False)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return [line for line in str(value or "").splitlines() if line.strip()]

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
