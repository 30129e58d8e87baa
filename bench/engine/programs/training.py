"""Trains the five models on a sample and saves them as MLflow does: training.py SAMPLE.csv FOLDER"""

import sys
from pathlib import Path

import mlflow
import numpy
import pandas
from lightgbm import LGBMClassifier
from mlflow.models import infer_signature
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(n_estimators=100, max_depth=12, random_state=7),
    "histgradient": HistGradientBoostingClassifier(max_iter=200, early_stopping=False, random_state=7),
    "lightgbm": LGBMClassifier(random_state=7, verbose=-1),
    "xgboost": XGBClassifier(random_state=7),
}


def main(sample: str, folder: str) -> None:
    frame = pandas.read_csv(sample)
    chance = numpy.random.default_rng(7)
    weights = chance.normal(size=frame.shape[1])
    score = (frame - 0.25).to_numpy() @ weights + chance.normal(size=len(frame))
    labels = (score > 0).astype("int64")
    for name, model in MODELS.items():
        model.fit(frame, labels)
        flavor, how = mlflow.sklearn, {"serialization_format": "cloudpickle"}
        if name in ("lightgbm", "xgboost"):
            flavor, how = getattr(mlflow, name), {}
        signature = infer_signature(frame, model.predict(frame.head()))
        example = frame.head(3)
        flavor.save_model(model, str(Path(folder) / name), signature=signature, input_example=example, **how)


if __name__ == "__main__":
    main(*sys.argv[1:])
