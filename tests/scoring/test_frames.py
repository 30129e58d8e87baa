"""Whatever a model answers becomes one value for each row and column, or a sentence that says why it cannot."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.scorer.failures import PredictFailure
from scoring.scorer.frames import predictions

NUMBERS = [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("answer", "columns"),
    [
        (pd.DataFrame(NUMBERS, columns=["a", "a"]), {"a": [1, 3], "a_1": [2, 4]}),
        (pd.DataFrame(NUMBERS, columns=["row", "prediction_row"]),
         {"prediction_row": [1, 3], "prediction_row_1": [2, 4]}),
        ({"a\ud800": [1, 3], "b": [2, 4]}, {"a?": [1, 3], "b": [2, 4]}),
        ([{"a": 1}, {"b": 2}], {"a": [1, None], "b": [None, 2]}),
        ([["x"], ["y", "z"]], {"prediction": ['["x"]', '["y", "z"]']}),
        ({"tags": [[1], [2, 3]], "n": [1, 2]}, {"tags": ["[1]", "[2, 3]"], "n": [1, 2]}),
        ({"id": pd.Series([2**60 + 1, pd.NA], dtype="Int64"), "n": [1, 2]},
         {"id": [2**60 + 1, None], "n": [1, 2]}),
        ([2**70, 1], {"prediction": [str(2**70), "1"]}),
        (["a\nb", 'c"'], {"prediction": ["a\nb", 'c"']}),
        ([None, None], {"prediction": [None, None]}),
        (np.zeros((2, 1, 2)), {"prediction": ["[[0.0, 0.0]]"] * 2}),
        (pd.Series([1, 2], index=[9, 3]), {"prediction": [1, 2]}),
    ],
)  # fmt: skip
def test_odd_answers_become_columns(answer: Any, columns: dict[str, list[object]]) -> None:
    assert predictions(answer, 2).to_pydict() == columns


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"a": [1, 2], "b": [1]}, "columns of different lengths for 2 rows"),
        ([1, 2, 3], "3 predictions for 2 rows"),
        ({"a": 5}, "a single value for 2 rows"),
        ({}, "no columns for 2 rows"),
        (pd.DataFrame(index=[0, 1]), "no columns for 2 rows"),
        (None, "NoneType, which is not one prediction per row"),
        ("ab", "str, which is not one prediction per row"),
    ],
)
def test_an_answer_that_is_not_one_for_each_row_says_so(answer: Any, said: str) -> None:
    with pytest.raises(PredictFailure, match=said):
        predictions(answer, 2)
