"""The probability of each class, of models that speak as scikit-learn's do: XGBoost's, LightGBM's, CatBoost's, too."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import pyarrow as pa

from scoring.scorer.failures import PredictFailure, sentence

PREFIX = "probability_"
NOT_OFFERED = (
    "The model offers no class probabilities: it has no predict_proba with classes. Turn off Class probabilities, or "
    "deploy a classifier of scikit-learn, XGBoost, LightGBM or CatBoost."
)
# Where wrappers of MLflow keep the model.
ATTRIBUTES = ("sklearn_model", "xgb_model", "lgb_model", "cb_model")


def estimator_of(model: Any) -> Any:
    """The model inside of a pyfunc. MLflow 1 had scikit-learn's there without anything around it."""
    implementation = getattr(model, "_model_impl", None)
    found = (getattr(implementation, name, None) for name in ATTRIBUTES)
    return next((one for one in found if one is not None), implementation)


def class_names(model: Any) -> list[str]:
    """Of its columns; empty where the model offers none."""
    return _classes(estimator_of(model))


def probabilities(model: Any, given: Any, rows: int) -> pa.Table:
    """A column for each class. Raises PredictFailure where the model has none."""
    estimator = estimator_of(model)
    classes = _classes(estimator)
    if not classes:
        raise PredictFailure(NOT_OFFERED)
    try:
        answer = np.asarray(estimator.predict_proba(given))
    except MemoryError:
        raise
    except Exception as error:
        raise PredictFailure(sentence(error), traceback.format_exc()) from error
    if answer.shape != (rows, len(classes)):
        raise PredictFailure(
            f"The model's predict_proba returned {answer.shape} for {rows} rows and {len(classes)} classes. Turn off "
            "Class probabilities."
        )
    return pa.table([np.ascontiguousarray(answer[:, i]) for i in range(len(classes))], names=classes)


def _classes(estimator: Any) -> list[str]:
    if not hasattr(estimator, "predict_proba"):
        return []
    classes = np.asarray(getattr(estimator, "classes_", []))
    return [f"{PREFIX}{one}" for one in classes.tolist()] if classes.ndim == 1 else []
