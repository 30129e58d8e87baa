"""A model of images, which says what it was given."""

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ImageModel(PythonModel):
    def predict(self, context, model_input, params=None):
        array = next(iter(model_input.values())) if isinstance(model_input, dict) else model_input
        given = f"{array.dtype} {array.shape}"
        return [{"given": given, "sum": float(np.sum(one, dtype=float))} for one in array]


set_model(ImageModel())
