"""The loaded model: scores files chunk by chunk."""

from __future__ import annotations

import os
import re
import time
import traceback
import warnings
from typing import Any, BinaryIO, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.scorer.casting import ARROW_TYPES
from scoring.scorer.failures import FileFailure, PredictFailure, sentence
from scoring.scorer.frames import model_input, predictions
from scoring.scorer.halving import difference, tables_to_try
from scoring.scorer.image_reading import ImageBatch
from scoring.scorer.needs import Needs
from scoring.scorer.parts import PartWriter
from scoring.scorer.probabilities import NOT_OFFERED, class_names, estimator_of, probabilities
from scoring.scorer.reading import Source, cast_columns, column_arrays, count_from, one_chunk, open_source
from scoring.scorer.refusing import named_rows, predicted
from scoring.scorer.sketch import merge_two
from scoring.scorer.sketching import sketch

SAMPLE_ROWS = 5
_COLOUR = re.compile("\x1b\\[[0-9;]*m")  # which MLflow gives its warnings


class LoadedModel:
    def __init__(self, path: str) -> None:
        import mlflow.pyfunc

        self._path = path
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            self._model = mlflow.pyfunc.load_model(path)
        self.warnings = list(
            dict.fromkeys(_COLOUR.sub("", str(one.message)) for one in caught if _is_for_people(one))
        )
        schema = self._model.metadata.get_input_schema()
        self._needs = Needs(None if schema is None else _required(schema.to_dict()))
        _one_thread(self._model)

    def predict(self, rows: Any, with_classes: bool = False) -> pa.Table:
        """`rows`: a table or a frame of what the model needs."""
        return self.answer(model_input(rows, self._needs), len(rows), with_classes)

    def answer(self, given: Any, rows: int, with_classes: bool) -> pa.Table:
        """Predictions of each row; `with_classes` beside them the probability of each class."""
        table = self._predictions(given, rows)
        return _beside(table, probabilities(self._model, given, rows)) if with_classes else table

    def _predictions(self, given: Any, rows: int) -> pa.Table:
        try:
            answer = self._model.predict(given)
        except MemoryError:
            raise
        except Exception as error:
            raise PredictFailure(sentence(error), traceback.format_exc(), named_rows(error, rows)) from error
        try:
            return predictions(answer, rows)
        except PredictFailure:
            raise
        except Exception as error:
            message = (
                f"What the model returned ({type(answer).__name__}) cannot be written: {sentence(error)}"
            )
            raise PredictFailure(message, traceback.format_exc()) from error

    def trial(self, with_classes: bool) -> dict[str, Any]:
        offers_classes = bool(class_names(self._model))
        if with_classes and not offers_classes:
            raise PredictFailure(NOT_OFFERED)
        return {**self._scored_example(with_classes), "offers_classes": offers_classes}

    def _scored_example(self, with_classes: bool) -> dict[str, Any]:
        example, note = self._example()
        if example is not None:
            table = self.answer(example, _rows_of(example), with_classes)
            return {"rows": table.num_rows, **_shown(table), "notes": [note] if note else []}
        notes = [note or "The model has no input example, so it was tried with an empty table."]
        if self._needs.inputs is None:
            notes = ["The model has neither an input example nor a signature, so only loading it was tried."]
            return {"rows": 0, "columns": [], "sample": [], "notes": notes}
        if self._needs.tensor and -1 in self._needs.tensor["shape"][1:]:
            notes = [
                "The model has no input example and takes tensors of any size, so only loading it was tried."
            ]
            return {"rows": 0, "columns": [], "sample": [], "notes": notes}
        try:
            table = self.predict(_empty_table(self._needs), with_classes)
        except PredictFailure:
            # Many estimators refuse an empty table and work all the same.
            notes.append("It does not accept an empty table, so only loading it was tried.")
            return {"rows": 0, "columns": [], "sample": [], "notes": notes}
        return {"rows": 0, **_shown(table), "notes": notes}

    def halves(self) -> dict[str, Any]:
        """Where the model's answers for halves of a table differ from those for the whole, if it can be tried."""
        return {"difference": difference(self.predict, tables_to_try(self._example_table(), self._needs))}

    def _example_table(self) -> pa.Table | None:
        example, note = self._example()
        if note or example is None:
            return None
        if isinstance(example, dict):
            example = next(iter(example.values()))
        if isinstance(example, pd.DataFrame):
            return pa.Table.from_pandas(example, preserve_index=False)
        flat = np.asarray(example)
        if not flat.ndim or flat.dtype == object:
            return None
        columns = flat.reshape(len(flat), -1).T
        return pa.table(list(columns), names=[str(i) for i in range(len(columns))])

    def _example(self) -> tuple[Any, str]:
        """The model's input example, cast as files are; or nothing and the reason."""
        try:
            example = self._model.metadata.load_input_example(self._path)
        except Exception:
            return None, ""
        if isinstance(example, tuple):
            example = example[0]
        if self._needs.tensor is not None or not isinstance(example, pd.DataFrame) or self._needs.natural:
            return example, ""
        table = pa.Table.from_pandas(example, preserve_index=False)
        needs = self._needs.of([str(name) for name in example.columns], "The input example")
        arrays = column_arrays(table.combine_chunks())
        columns = [arrays[need.index] for need in needs]
        chunk = cast_columns(columns, needs, count_from(0, len(example)), text=False)
        if chunk.errors:
            return None, f"The input example does not fit the model's signature: {chunk.errors[0][2]}."
        return model_input(chunk.table, self._needs), ""

    def score(
        self,
        slices: Sequence[Any],
        part: BinaryIO,
        errors: BinaryIO,
        how: dict[str, Any],
    ) -> dict[str, Any]:
        """`slices` have kind, name, start, end, dialect and open(), which gives their file; `how` is what
        Scorer.score() was given besides: first, pass_through, with_classes, at_once."""
        return _Run(self, self._needs, PartWriter(part, errors), how).over(slices, how["first"])


class _Run:
    """One mini-batch. A file that cannot be used costs itself; what the model raises ends the whole."""

    def __init__(
        self,
        model: LoadedModel,
        needs: Needs,
        writer: PartWriter,
        how: dict[str, Any],
    ) -> None:
        self._model, self._needs, self._writer = model, needs, writer
        self._pass_through, self._with_classes = how["pass_through"], how["with_classes"]
        self._at_once = how["at_once"]
        self._seconds = {"read": 0.0, "predict": 0.0, "write": 0.0}
        self._sketches: dict[str, dict[str, Any]] = {}
        self._clock = time.perf_counter()

    def over(self, slices: Sequence[Any], first: int) -> dict[str, Any]:
        self._images = ImageBatch(slices, self._needs, self._answer_for_images)
        self._first, self._count = first, len(slices)
        reports = [self._guarded(place, one) for place, one in enumerate(slices)]
        self._writer.close()
        return {"slices": reports, "seconds": self._seconds, "sketches": self._sketches}

    def _guarded(self, place: int, one: Any) -> dict[str, Any]:
        self._writer.begin_slice()
        before = dict(self._sketches)
        try:
            return self._slice(place, one)
        except FileFailure as failure:
            failure.file = one.name
            if self._count == 1:
                raise
            self._writer.undo_slice()
            self._sketches = before
            return {"records": 0, "rows": 0, "errors": 0, "failed": str(failure)}
        except BaseException as error:
            error.file = one.name  # type: ignore[attr-defined]
            raise

    def _slice(self, place: int, one: Any) -> dict[str, Any]:
        if one.kind == "image":
            return self._image(place, one)
        with one.open() as file:
            passed = self._pass_through
            source = open_source(
                file,
                one.kind,
                one.name,
                self._needs,
                pass_through=passed,
                start=one.start,
                end=one.end,
                dialect=one.dialect,
            )
            return self._read(self._first + place, source)

    def _image(self, place: int, one: Any) -> dict[str, Any]:
        if self._pass_through:
            raise FileFailure(f"{one.name} is an image, which has no columns to pass through.")
        table = self._images.answer(place)
        self._writer.write(table)
        self._sketch(table)
        self._lap("write")
        columns = list(_widened({}, table.schema).items())
        return {"records": 1, "rows": 1, "errors": 0, "columns": columns}

    def _answer_for_images(self, given: Any, count: int) -> pa.Table:
        self._lap("read")
        table = self._model.answer(given, count, self._with_classes)
        self._lap("predict")
        return table

    def _read(self, index: int, source: Source) -> dict[str, Any]:
        rows = errors = 0
        first_error: tuple[int, str] | None = None
        columns: dict[str, str] = {}
        passed: dict[str, str] = {}
        for given in one_chunk(source) if self._at_once else source.chunks():
            self._lap("read")
            chunk, table = predicted(given, rows + errors, self._predict)
            self._lap("predict")
            self._writer.write_errors(index, chunk.errors)
            errors += len(chunk.errors)
            if chunk.errors and not first_error:
                first_error = (chunk.errors[0][0], chunk.errors[0][2])
            if table is not None:
                beside = pa.table(chunk.passed, names=self._pass_through) if chunk.passed else None
                self._writer.write(table, beside)
                self._sketch(table)
                columns.update(_widened(columns, table.schema))
                passed.update(_widened(passed, beside.schema) if beside is not None else {})
                rows += table.num_rows
            self._lap("write")
        self._lap("read")
        counts = {"records": source.records, "rows": rows, "errors": errors}
        return {
            **counts,
            "first_error": first_error,
            "columns": list(columns.items()),
            "passed": list(passed.items()),
        }

    def _predict(self, given: Any) -> pa.Table:
        return self._model.predict(given, self._with_classes)

    def _lap(self, phase: str) -> None:
        now = time.perf_counter()
        self._seconds[phase] += now - self._clock
        self._clock = now

    def _sketch(self, table: pa.Table) -> None:
        for name in table.schema.names:
            new = sketch(table.column(name).combine_chunks())
            self._sketches[name] = merge_two(self._sketches[name], new) if name in self._sketches else new


def _widened(known: dict[str, str], schema: pa.Schema) -> dict[str, str]:
    """Column to Arrow type; several types of one column are joined with a bar, and promoted when put
    together."""
    result = {}
    for field in schema:
        types = known[field.name].split("|") if field.name in known else []
        result[field.name] = "|".join(types if str(field.type) in types else [*types, str(field.type)])
    return result


def _shown(table: pa.Table) -> dict[str, Any]:
    sample = [
        [None if v is None else str(v) for v in row.values()]
        for row in table.slice(0, SAMPLE_ROWS).to_pylist()
    ]
    return {"columns": table.schema.names, "sample": sample}


def _beside(table: pa.Table, others: pa.Table) -> pa.Table:
    for name in others.schema.names:
        free = name
        while free in table.schema.names:
            free += "_"
        table = table.append_column(free, others.column(name))
    return table


def _rows_of(example: Any) -> int:
    """Of several arrays by name the first says it."""
    return len(next(iter(example.values()))) if isinstance(example, dict) else len(example)


def _empty_table(needs: Needs) -> pa.Table:
    if needs.tensor is not None:
        width = 1
        for length in needs.tensor["shape"][1:]:
            width *= length
        names = [str(i) for i in range(width)]
        return pa.table([pa.array([], pa.float64()) for _ in names], names=names)
    columns = [(str(c.get("name") or i), c["type"]) for i, c in enumerate(needs.inputs or ())]
    return pa.table(
        [pa.array([], ARROW_TYPES[kind]) for _, kind in columns], names=[name for name, _ in columns]
    )


def _required(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # MLflow 2.0 to 2.6 wrote `optional` where later versions write `required`.
    return [{**c, "required": c.get("required", not c.get("optional", False))} for c in columns]


def _is_for_people(warning: Any) -> bool:
    return not issubclass(warning.category, (DeprecationWarning, PendingDeprecationWarning, FutureWarning))


def _one_thread(model: Any) -> None:
    """Slots are the parallelism, and some estimators sum in another order with another number of jobs. A deployment
    that sets a number of threads has its model as it was logged."""
    if os.environ.get("OMP_NUM_THREADS", "1") != "1":
        return
    estimator = estimator_of(model)
    if not hasattr(estimator, "get_params") or not hasattr(estimator, "set_params"):
        return
    try:
        jobs = [name for name, value in estimator.get_params(deep=True).items()
                if name.split("__")[-1] == "n_jobs" and value not in (None, 1)]  # fmt: skip
        estimator.set_params(**dict.fromkeys(jobs, 1))
    except Exception:
        return
