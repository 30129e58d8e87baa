"""A model's signature, and how the columns of a file fit it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from scoring.preview import PreviewColumn

INTEGERS = ("integer", "long")
FLOATS = ("float", "double")
NUMBERS = ("bool", "int", "uint", "float")  # how the types of tensors of numbers begin


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str | None
    type: str  # MLflow's names: boolean integer long float double string binary datetime, or array, object …
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Tensor:
    name: str | None
    dtype: str
    shape: tuple[int, ...]

    @property
    def of_one_row(self) -> str:
        """Type and lengths of what one row, or image, is given as, unknown lengths as `any`."""
        lengths = " × ".join("any" if length < 0 else str(length) for length in self.shape[1:])
        return f"{self.dtype}, {lengths}"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """`inputs` is None without a signature and empty when the model takes tensors; the same of `outputs`."""

    inputs: tuple[Column, ...] | None = None
    outputs: tuple[Column, ...] | None = None
    input_tensors: tuple[Tensor, ...] = ()
    output_tensors: tuple[Tensor, ...] = ()

    @property
    def takes_images(self) -> bool:
        """One tensor of numbers: batch, height, width and perhaps 1, 3 or 4 channels."""
        if len(self.input_tensors) != 1:
            return False
        shape, dtype = self.input_tensors[0].shape, self.input_tensors[0].dtype
        channels = shape[3] if len(shape) == 4 else 1
        return len(shape) in (3, 4) and channels in (-1, 1, 3, 4) and dtype.startswith(NUMBERS)

    @classmethod
    def from_mlmodel(cls, signature: Mapping[str, Any] | None) -> Self:
        """From the `signature` of an MLmodel file, whose schemas are JSON in text; None where it has none."""
        given = signature or {}
        inputs, input_tensors = _schema(given.get("inputs"))
        outputs, output_tensors = _schema(given.get("outputs"))
        return cls(inputs=inputs, outputs=outputs, input_tensors=input_tensors, output_tensors=output_tensors)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(
            inputs=_columns(values["inputs"]),
            outputs=_columns(values["outputs"]),
            input_tensors=tuple(Tensor(**{**t, "shape": tuple(t["shape"])}) for t in values["input_tensors"]),
            output_tensors=tuple(
                Tensor(**{**t, "shape": tuple(t["shape"])}) for t in values["output_tensors"]
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values


@dataclass(frozen=True, kw_only=True)
class ColumnCheck:
    name: str
    model_type: str  # empty for an extra column
    values: list[str]  # the first few of the file
    verdict: str  # "matches", "cast", "missing" or "extra"
    detail: str = ""
    required: bool = False  # a missing optional column hurts nobody


def compare(*, columns: Sequence[PreviewColumn], signature: Signature) -> list[ColumnCheck]:
    """The model's columns in its order, then what the file has beyond them."""
    if signature.input_tensors:
        return _compare_tensor(columns, signature.input_tensors)
    if not signature.inputs:
        return [_found(columns[i], "", "matches", "the model has no signature") for i in range(len(columns))]
    places = {column.name: i for i, column in reversed(list(enumerate(columns)))}
    checks, used = [], set()
    for index, wanted in enumerate(signature.inputs):
        place = (
            places.get(wanted.name) if wanted.name is not None else (index if index < len(columns) else None)
        )
        if place is None:
            name = wanted.name or f"column {index + 1}"
            detail = "the model needs it" if wanted.required else "optional, left out"
            checks.append(
                ColumnCheck(
                    name=name,
                    model_type=wanted.type,
                    values=[],
                    verdict="missing",
                    detail=detail,
                    required=wanted.required,
                )
            )
            continue
        used.add(place)
        verdict, detail = _fit(columns[place].type, wanted.type)
        checks.append(_found(columns[place], wanted.type, verdict, detail, wanted.required))
    rest = (i for i in range(len(columns)) if i not in used)
    return checks + [_found(columns[i], "", "extra", "not used by the model") for i in rest]


def missing_required(*, columns: Sequence[PreviewColumn | str], signature: Signature) -> list[str]:
    """Names of the columns without which the model cannot score."""
    names = [column if isinstance(column, str) else column.name for column in columns]
    if not signature.inputs:
        return []
    return [
        wanted.name or f"column {index + 1}"
        for index, wanted in enumerate(signature.inputs)
        if wanted.required and (wanted.name not in names if wanted.name is not None else index >= len(names))
    ]


def _schema(text: Any) -> tuple[tuple[Column, ...] | None, tuple[Tensor, ...]]:
    if not text:
        return None, ()
    fields = json.loads(text) if isinstance(text, str) else text
    if fields and fields[0].get("type") == "tensor":
        return (), tuple(
            Tensor(
                name=f.get("name"), dtype=f["tensor-spec"]["dtype"], shape=tuple(f["tensor-spec"]["shape"])
            )
            for f in fields
        )
    return _columns(fields), ()


def _columns(fields: Sequence[Mapping[str, Any]] | None) -> tuple[Column, ...] | None:
    if fields is None:
        return None
    return tuple(
        Column(
            name=f.get("name"),
            type=f["type"] if isinstance(f["type"], str) else "object",
            # MLflow 2.0 to 2.6 wrote `optional` where later versions write `required`.
            required=bool(f.get("required", not f.get("optional", False))),
        )
        for f in fields
    )


def _found(
    column: PreviewColumn, model_type: str, verdict: str, detail: str, required: bool = False
) -> ColumnCheck:
    return ColumnCheck(
        name=column.name,
        model_type=model_type,
        values=list(column.values),
        verdict=verdict,
        detail=detail,
        required=required,
    )


def _fit(found: str, wanted: str) -> tuple[str, str]:
    if found == wanted:
        return "matches", ""
    if wanted == "string" or (found in INTEGERS and wanted in INTEGERS + FLOATS):
        return "cast", f"{found} → {wanted}"
    if found in FLOATS and wanted in FLOATS:
        return "cast", f"{found} → {wanted}"
    return "cast", f"{found} → {wanted}; rows whose value does not fit go to the errors file"


def _compare_tensor(columns: Sequence[PreviewColumn], tensors: tuple[Tensor, ...]) -> list[ColumnCheck]:
    width = 1
    for length in tensors[0].shape[1:]:
        width *= length
    kind = tensors[0].dtype
    checks = [
        _found(
            columns[i],
            kind if i < width else "",
            "cast" if i < width else "extra",
            f"value {i} of the tensor",
        )
        for i in range(len(columns))
    ]
    missing = range(len(columns), max(width, 0))
    return checks + [
        ColumnCheck(
            name=f"column {i + 1}",
            model_type=kind,
            values=[],
            verdict="missing",
            required=True,
            detail=f"the model takes exactly {width} columns",
        )
        for i in missing
    ]
