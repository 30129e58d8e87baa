"""The columns of an input that may be passed through to the output, and the one that is worth it."""

from dataclasses import dataclass

from studio.actions.inputs import InputCheck

# A fraction that differs in every row is a measurement; these are what rows are told apart by.
KINDS_OF_KEYS = ("integer", "long", "string", "datetime")
FEWEST_ROWS = 3
FEWEST_ROWS_OF_MODEL = 20  # a column that the model uses is a key by chance more easily


@dataclass(frozen=True)
class ColumnChoice:
    name: str
    is_ticked: bool
    is_missing: bool = False


def column_choices(check: InputCheck | None, ticked: list[str]) -> list[ColumnChoice]:
    """Ticked ones that the input lacks come first: they have to be seen to be unticked."""
    if check is None or check.preview is None:
        return []
    names = list(dict.fromkeys(column.name for column in check.preview.columns))
    missing = [ColumnChoice(name, is_ticked=True, is_missing=True) for name in ticked if name not in names]
    return missing + [ColumnChoice(name, is_ticked=name in ticked) for name in names]


def suggestion(check: InputCheck | None, ticked: list[str]) -> str:
    """The column that is different in every row looked at, first of those that the model does not use; or nothing."""
    if check is None or check.preview is None:
        return ""
    rows, extra = check.preview.rows, {column.name for column in check.columns if column.verdict == "extra"}
    unique = [
        column.name
        for place, column in enumerate(check.preview.columns)
        if column.type in KINDS_OF_KEYS and _is_different_in_every_row(rows, place)
    ]
    if set(unique) & set(ticked):
        return ""
    known = [name for name in unique if name in extra]
    known += [name for name in unique if len(rows) >= FEWEST_ROWS_OF_MODEL]
    return known[0] if known else ""


def _is_different_in_every_row(rows: list[list[str | None]], place: int) -> bool:
    values = [row[place] if place < len(row) else None for row in rows]
    return len(values) >= FEWEST_ROWS and None not in values and len(set(values)) == len(values)
