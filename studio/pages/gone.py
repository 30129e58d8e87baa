"""What a link leads to and was deleted since, in another tab or by somebody else."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from studio.errors import NotFound

Row = TypeVar("Row", bound=Model)


def found(rows: QuerySet[Row], sentence: str, **wanted: Any) -> Row:
    """The one of `rows` that is wanted. Raises NotFound with the sentence."""
    row = rows.filter(**wanted).first()
    if row is None:
        raise NotFound(sentence)
    return row
