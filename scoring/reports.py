"""What a scorer says that it has done, as the node keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    seconds: float
    mlflow_version: str
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    rows: int
    columns: list[str]
    sample: list[list[str | None]]
    notes: list[str]
    offers_classes: bool  # probabilities of them


@dataclass(frozen=True, kw_only=True)
class SliceReport:
    records: int  # counted while reading, independently of the parser
    rows: int  # scored
    errors: int
    failed: str = ""  # why nothing of it could be scored, as a sentence
    traceback: str = ""  # of the model, where that is why
    first_error: tuple[int, str] | None = None  # row in the slice, message
    columns: list[tuple[str, str]] = field(default_factory=list)  # name, Arrow type or types
    passed: list[tuple[str, str]] = field(default_factory=list)  # the same of columns passed through

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        columns, passed = (
            [(name, kind) for name, kind in values.get(which, [])] for which in ("columns", "passed")
        )
        first = values.get("first_error")
        return cls(
            records=values["records"],
            rows=values["rows"],
            errors=values["errors"],
            failed=values.get("failed", ""),
            traceback=values.get("traceback", ""),
            first_error=(first[0], first[1]) if first else None,
            columns=columns,
            passed=passed,
        )

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class ScoreReport:
    slices: list[SliceReport]
    seconds: dict[str, float]
    sketches: dict[str, dict[str, Any]]

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for one in self.slices for name, _ in one.columns))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        slices = [SliceReport.from_dict(one) for one in values["slices"]]
        return cls(slices=slices, seconds=dict(values["seconds"]), sketches=dict(values["sketches"]))

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "slices": [one.to_dict() for one in self.slices]}


def storable(value: Any) -> Any:
    """What a model said, without what PostgreSQL's text does not hold: NUL, and halves of UTF-16 pairs."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(name): storable(one) for name, one in value.items()}
    return value
