"""What goes over the wire: JSON whose names are in camelCase, as Azure's are."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.errors import HttpError
from ninja.parser import Parser
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

LARGEST = 1 << 20  # bytes of a JSON body; files are uploaded as forms, which have their own limits


def _in_utc(moment: datetime) -> datetime:
    """PostgreSQL knows fewer offsets than ISO 8601 has. Without one it is in UTC."""
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError(_("there is no such year in UTC")) from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]
When = Annotated[Moment | None, Field(examples=["2026-11-01T00:00:00Z"])]


class Wire(BaseModel):
    """An answer, or a part of one; filled from a dict or from the attributes of a row."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Asked(Wire):
    """A body, or a part of one. Its names may begin with a capital: Azure's documentation has them both ways."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _both_spellings(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name[:1].lower() + name[1:]: value for name, value in given.items()}


class JsonParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise HttpError(415, _("Send JSON, with the header Content-Type: application/json."))
        if len(request.body) > LARGEST:
            raise HttpError(413, too_large())
        try:
            found = json.loads(request.body, parse_constant=_refuse)
            unstorable = any(map(_is_unstorable, _texts(found)))
        except (ValueError, RecursionError):
            raise HttpError(400, _("The body is not JSON. Send an object, in UTF-8.")) from None
        if unstorable:
            raise HttpError(400, _("The body has a text with a NUL or half a character in it. Leave it out."))
        return found


def too_large() -> str:
    return _("The body is larger than %(most)s KB. Send less; data is uploaded as files.") % {
        "most": LARGEST >> 10
    }


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, content in value.items():
            yield name
            yield from _texts(content)
    elif isinstance(value, list):
        for content in value:
            yield from _texts(content)


def _is_unstorable(text: str) -> bool:
    """PostgreSQL's text holds no NUL, and UTF-8 no half of a surrogate pair."""
    return "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)
