"""The model of a Ray worker process, loaded once and kept for later executions: Ray Data's own actors are not."""

from functools import cache


@cache
def model(path):
    import mlflow.pyfunc

    return mlflow.pyfunc.load_model(path)


def predict(batch, path):
    return {"prediction": model(path).predict(batch)}
