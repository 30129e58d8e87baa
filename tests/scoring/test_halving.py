"""Models that look at more than the row are found by scoring a table whole and in halves."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scoring.scorer.failures import PredictFailure
from scoring.scorer.halving import difference, tables_to_try
from scoring.scorer.needs import Needs
from scoring.scorer.predicting import LoadedModel

COLUMNS = [{"name": "x", "type": "double"}, {"name": "word", "type": "string"}]
NEEDS = Needs(COLUMNS)
EXAMPLE = pa.table({"x": [1.0, 2.5], "word": ["red", "blue"]})


def tried(answer, example=EXAMPLE, needs=NEEDS):
    """What comes of a model that answers `answer(frame)`."""

    def predict(table):
        return pa.table({"prediction": answer(table.to_pandas())})

    return difference(predict, tables_to_try(example, needs))


def running_sum():
    total = [0.0]

    def answer(frame):
        total[0] += frame.x.sum()
        return [total[0]] * len(frame)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda frame: frame.x.rank(),
        lambda frame: frame.x - frame.x.mean(),
        lambda frame: frame.x.shift(1),
        lambda frame: frame.x.cumsum(),
        lambda frame: frame.x > frame.x.median(),
        lambda frame: [f"of {len(frame)}"] * len(frame),
        running_sum(),
    ],
    ids=["rank", "centered", "lag", "cumulative", "above the median", "words", "stateful"],
)
@pytest.mark.parametrize("example", [EXAMPLE, EXAMPLE.slice(0, 1), None], ids=["two rows", "one", "none"])
def test_a_model_that_looks_at_other_rows_is_found(answer, example):
    assert tried(answer, example=example)


@pytest.mark.parametrize(
    "answer",
    [
        lambda frame: frame.x * 3,
        lambda frame: frame.word + "!",
        lambda frame: frame.x.where(frame.x > 0),
        lambda frame: frame.x * (1 + 1e-12 * len(frame)),
        lambda frame: (frame.x * (1 + 1e-8 * len(frame))).astype("float32"),
    ],
    ids=["row by row", "words", "nulls", "rounding of doubles", "rounding of floats"],
)
def test_a_model_that_looks_at_the_row_alone_passes(answer):
    assert tried(answer) == ""


def test_a_difference_says_where():
    assert (
        tried(lambda frame: frame.index + 0.0) == "prediction of row 32 is 32.0 as a whole and 0.0 in halves"
    )


def test_a_model_that_refuses_halves_is_found():
    def answer(frame):
        if len(frame) < 64:
            raise PredictFailure("ValueError: too short")
        return frame.x

    assert tried(answer) == "64 rows are scored as a whole, and in halves: ValueError: too short"


def test_a_model_that_takes_no_table_that_can_be_made_is_not_judged():
    def answer(frame):
        raise PredictFailure("KeyError: a")

    assert tried(answer) is None
    assert tried(lambda frame: frame.x, example=None, needs=Needs(None)) is None


def test_words_and_codes_of_an_example_are_kept_where_the_model_knows_no_others():
    def answer(frame):
        if set(frame.x) - {1.0, 2.5} or set(frame.word) - {"red", "blue"}:
            raise PredictFailure("ValueError: unknown category")
        return frame.x

    assert tried(answer) == ""


def test_an_example_of_some_rows_is_tried_as_it_is():
    example = pa.table({"x": [4.0, 3.0, 2.0, 1.0], "word": ["a"] * 4})
    assert list(tables_to_try(example, NEEDS)) == [example]


def test_tensors_are_made_too():
    needs = Needs([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 3]}}])
    (made,) = tables_to_try(None, needs)
    assert (made.num_rows, made.num_columns, made.schema.types[0]) == (64, 6, pa.float32())
    assert len(set(np.asarray(made.column(0)))) == 64


def test_a_model_tries_its_own_example(diabetes_model, odd_model):
    assert LoadedModel(str(diabetes_model)).halves() == {"difference": ""}
    assert LoadedModel(str(odd_model)).halves() == {"difference": None}  # it knows no act called a
    assert isinstance(LoadedModel(str(diabetes_model))._example_table().to_pandas(), pd.DataFrame)
