"""Which columns of a file the model needs, as what."""

from __future__ import annotations

from typing import Any

from scoring.scorer.casting import ARROW_TYPES
from scoring.scorer.failures import FileFailure

TENSOR_KINDS = {
    "bool": "boolean",
    "int32": "integer",
    "int64": "long",
    "float16": "float",
    "float32": "float",
    "float64": "double",
    "int8": "int8",
    "int16": "int16",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "str": "string",
    "object": "string",
}


class Need:
    """One column: where it is in the file, its name for the model, its type (None: the natural one)."""

    def __init__(self, index: int, name: str, kind: str | None) -> None:
        self.index, self.name, self.kind = index, name, kind


class Needs:
    """What a model wants of every file, from its signature; `of` says what that is in a given file."""

    def __init__(self, inputs: list[dict[str, Any]] | None) -> None:
        self.inputs = inputs or None
        self.tensor: dict[str, Any] | None = None
        if inputs and inputs[0].get("type") == "tensor":
            if len(inputs) > 1:
                raise ValueError(
                    "The model takes several tensors; files of rows fit only a model that takes one."
                )
            self.tensor = {"name": inputs[0].get("name"), **inputs[0]["tensor-spec"]}
            self._check_tensor()
        for column in inputs or ():
            if not self.tensor and column["type"] not in ARROW_TYPES:
                raise ValueError(
                    f"Column '{column.get('name')}' of the model's signature has the type {column['type']}, "
                    "which a file of rows cannot hold."
                )

    def _check_tensor(self) -> None:
        assert self.tensor
        dtype, shape = self.tensor["dtype"], self.tensor["shape"]
        if dtype not in TENSOR_KINDS or not shape:
            raise ValueError(
                f"The model takes a tensor of {dtype} {shape}, which neither rows nor images can hold."
            )

    @property
    def natural(self) -> bool:
        return self.inputs is None

    @property
    def names(self) -> list[str]:
        """Of the columns that the model takes by their names."""
        return [c["name"] for c in self.inputs or () if not self.tensor and c.get("name") is not None]

    def of(self, names: list[str], file: str) -> list[Need]:
        if self.inputs is None:
            _refuse_duplicates(names, names, file)
            return [Need(i, name, None) for i, name in enumerate(names)]
        if self.tensor:
            return self._tensor_columns(names, file)
        if any(column.get("name") is None for column in self.inputs):
            return self._by_position(names, file)
        wanted = [column["name"] for column in self.inputs]
        _refuse_duplicates(names, wanted, file)
        places = {name: i for i, name in enumerate(names)}
        missing = [c["name"] for c in self.inputs if c.get("required", True) and c["name"] not in places]
        if missing:
            raise FileFailure(
                f"{file} lacks {'the column' if len(missing) == 1 else 'the columns'} {listed(missing)}, "
                f"which the model needs. It has {listed(names)}."
            )
        found = [Need(places[c["name"]], c["name"], c["type"]) for c in self.inputs if c["name"] in places]
        if not found:
            raise FileFailure(f"{file} has none of the columns that the model takes: {listed(wanted)}.")
        return found

    def _by_position(self, names: list[str], file: str) -> list[Need]:
        assert self.inputs is not None
        if len(names) < len(self.inputs):
            raise FileFailure(f"{file} has {len(names)} columns; the model needs {len(self.inputs)}.")
        return [Need(i, names[i], column["type"]) for i, column in enumerate(self.inputs)]

    def _tensor_columns(self, names: list[str], file: str) -> list[Need]:
        assert self.tensor
        if -1 in self.tensor["shape"][1:]:
            raise FileFailure(
                f"{file} is a file of rows, and the model takes a tensor of the shape {self.tensor['shape']}, which "
                "rows cannot hold."
            )
        width = 1
        for length in self.tensor["shape"][1:]:
            width *= length
        if len(names) != width:
            raise FileFailure(
                f"{file} has {len(names)} columns; the model takes a tensor of shape {self.tensor['shape']}, "
                f"which needs exactly {width}."
            )
        return [Need(i, name, TENSOR_KINDS[self.tensor["dtype"]]) for i, name in enumerate(names)]


def _refuse_duplicates(names: list[str], wanted: list[str], file: str) -> None:
    twice = sorted({name for name in wanted if names.count(name) > 1})
    if twice:
        raise FileFailure(
            f"{file} has more than one column named {listed(twice)}; the model needs to know which."
        )


def listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:10])
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")
