"""A model that says what it was given."""

import json

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class TellingModel(PythonModel):
    def predict(self, context, model_input, params=None):
        if isinstance(model_input, np.ndarray):
            return [
                json.dumps({"array": one.tolist(), "types": str(model_input.dtype)}) for one in model_input
            ]
        types = {name: str(kind) for name, kind in model_input.dtypes.items()}
        extra = {"params": params} if params else {}
        return [
            json.dumps({name: plain(value) for name, value in row.items()} | {"types": types} | extra)
            for row in model_input.to_dict("records")
        ]


def plain(value):
    if pd.isna(value):
        return None
    return (
        value.isoformat()
        if hasattr(value, "isoformat")
        else value.item()
        if hasattr(value, "item")
        else value
    )


set_model(TellingModel())
