"""The models that are proven: with what each is logged, and what has to be said of it."""

from dataclasses import dataclass

MLFLOW = "mlflow==3.17.2"
SKLEARN = "scikit-learn==1.9.1"


@dataclass(frozen=True, kw_only=True)
class Flavor:
    name: str
    train: str  # the function of training.py
    pins: tuple[str, ...]  # of the environment in which it is trained and logged
    shown: tuple[str, ...]  # packages whose versions the table shows
    rows: int = 160_000  # several chunks of a CSV and of a Parquet file
    note: str = ""


FLAVORS = [
    Flavor(name="sklearn, cloudpickle", train="sklearn_pickle", pins=(MLFLOW, SKLEARN), shown=("scikit-learn",)),
    Flavor(name="sklearn, skops", train="sklearn_skops", pins=(MLFLOW, SKLEARN, "skops==0.16.0"), shown=("scikit-learn", "skops")),
    Flavor(name="sklearn, probabilities and text", train="sklearn_text", pins=(MLFLOW, SKLEARN), shown=("scikit-learn", "pandas")),
    Flavor(name="sklearn by MLflow 1.20", train="sklearn_old", pins=("mlflow==1.20.2", "scikit-learn==1.1.3"), shown=("scikit-learn", "pandas", "numpy")),
    Flavor(name="sklearn by MLflow 1.30", train="sklearn_old", pins=("mlflow==1.30.1", "scikit-learn==1.2.2"), shown=("scikit-learn", "pandas", "numpy")),
    Flavor(name="sklearn by MLflow 2.9", train="sklearn_old", pins=("mlflow==2.9.2", "scikit-learn==1.3.2"), shown=("scikit-learn", "pandas", "numpy")),
    Flavor(name="sklearn by MLflow 2.22", train="sklearn_old", pins=("mlflow==2.22.0", "scikit-learn==1.6.1"), shown=("scikit-learn", "pandas", "numpy")),
    Flavor(name="xgboost, estimator", train="xgboost_estimator", pins=(MLFLOW, SKLEARN, "xgboost==3.2.0"), shown=("xgboost",)),
    Flavor(name="xgboost, booster", train="xgboost_booster", pins=(MLFLOW, SKLEARN, "xgboost==3.2.0"), shown=("xgboost",)),
    Flavor(name="lightgbm, estimator", train="lightgbm_estimator", pins=(MLFLOW, SKLEARN, "lightgbm==4.7.0"), shown=("lightgbm",)),
    Flavor(name="lightgbm, booster", train="lightgbm_booster", pins=(MLFLOW, SKLEARN, "lightgbm==4.7.0"), shown=("lightgbm",)),
    Flavor(name="catboost", train="catboost", pins=(MLFLOW, "catboost==1.2.10"), shown=("catboost",)),
    Flavor(name="statsmodels", train="statsmodels", pins=(MLFLOW, "statsmodels==0.15.0"), shown=("statsmodels",)),
    Flavor(name="onnx", train="onnx", pins=(MLFLOW, SKLEARN, "onnx==1.23.2", "onnxruntime==1.32.0", "skl2onnx==1.20.0"), shown=("onnx", "onnxruntime")),
    Flavor(name="pytorch", train="pytorch", pins=(MLFLOW, "torch==2.13.0+cpu"), shown=("torch",)),
    Flavor(name="tensorflow (keras)", train="keras", pins=(MLFLOW, "tensorflow==2.21.0", "keras==3.15.1"), shown=("tensorflow", "keras")),
    Flavor(name="prophet", train="prophet", pins=(MLFLOW, "prophet==1.5.0"), shown=("prophet",), rows=2_000,
           note="without uncertainty samples, which Prophet draws anew in every call"),
    Flavor(name="PythonModel with code paths", train="python_model", pins=(MLFLOW,), shown=("pandas",)),
]  # fmt: skip
