"""What the nouns have in common: rows as their names, and bodies held against the forms of the pages."""

from collections.abc import Mapping
from typing import Annotated, Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from pydantic import BeforeValidator, Field
from pydantic.alias_generators import to_camel

from studio.errors import FieldErrors

# A row as what people call it; null where it is gone or belongs to nobody.
Named = Annotated[str | None, BeforeValidator(lambda row: None if row is None else str(row))]
Tags = dict[str, str]
LEFT_OUT: Any = None  # the default of what may be left out, though it is not null
NAMED = {"team": "fraud", "stage": "test"}  # an example
Revision = Annotated[
    int,
    Field(
        ge=1, le=1 << 31, description="As it was read: answered with 409 where somebody has changed it since."
    ),
]


def examples(*bodies: Any) -> Any:
    """A model's configuration with examples for the OpenAPI document."""
    return {"json_schema_extra": {"examples": list(bodies)}}


def checked(form: forms.Form) -> dict[str, Any]:
    """The form's cleaned answers. Raises FieldErrors, with the names of the body."""
    if form.is_valid():
        return form.cleaned_data
    found = {name: " ".join(map(str, sentences)) for name, sentences in form.errors.items()}
    raise FieldErrors({name: _named(name, said) for name, said in found.items()})


def _named(name: str, sentence: str) -> str:
    return sentence if name == NON_FIELD_ERRORS else f"{to_camel(name)}: {sentence}"


def checked_part(form: forms.Form, given: Mapping[str, Any]) -> dict[str, Any]:
    """The cleaned answers of those fields alone that are given: what stands in the row may be older than a rule."""
    for name in set(form.fields) - set(given):
        del form.fields[name]
    return checked(form)
