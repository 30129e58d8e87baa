"""Models and input files that the tests of the engine share. The Python running the tests is the models' one."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from scoring.parents import Parent
from scoring.pool import ScorerPool
from scoring.processes import Scorer

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
DIABETES_COLUMNS = [
    "Pregnancies", "PlasmaGlucose", "DiastolicBloodPressure", "TricepsThickness",
    "SerumInsulin", "BMI", "DiabetesPedigree", "Age",
]  # fmt: skip
PYTHON = Path(sys.executable)
ODD_MODEL = Path(__file__).parent / "odd_model.py"

StartScorer = Callable[..., Scorer]
Predict = Callable[[Path, pd.DataFrame], Any]


@contextmanager
def mlflow_quietly() -> Iterator[Any]:
    """MLflow, whose own warnings are not ours to fix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.pyfunc
        import mlflow.sklearn

        yield mlflow


@pytest.fixture(scope="session")
def pyfunc_predict() -> Predict:
    """The reference of all exactness: `mlflow.pyfunc` on a frame."""

    def predict(model: Path, frame: pd.DataFrame) -> Any:
        with mlflow_quietly() as mlflow:
            return mlflow.pyfunc.load_model(str(model)).predict(frame)

    return predict


@pytest.fixture(scope="session")
def diabetes_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four files of 100 patients; several columns hold whole numbers only."""
    if (SHARED / "diabetes").is_dir():
        return sorted((SHARED / "diabetes").glob("*.csv"))
    folder = tmp_path_factory.mktemp("diabetes")
    frame = load_diabetes(as_frame=True).data.iloc[:400, :8].set_axis(DIABETES_COLUMNS, axis=1)
    for column in DIABETES_COLUMNS[:5]:
        frame[column] = (frame[column] * 1000).round().astype(int)
    files = [folder / f"patient-data-{i}.csv" for i in range(4)]
    for i, file in enumerate(files):
        frame.iloc[100 * i : 100 * (i + 1)].to_csv(file, index=False)
    return files


@pytest.fixture(scope="session")
def titanic_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Passengers with words, missing values, and columns that no model asks for."""
    if (SHARED / "titanic").is_dir():
        return SHARED / "titanic" / "titanic-test-data.csv"
    data = load_breast_cancer(as_frame=True).frame
    frame = pd.DataFrame(
        {
            "Survived": data["target"],
            "Pclass": 1 + (data["mean area"] > 500).astype(int) + (data["mean area"] > 900),
            "Sex": data["mean texture"].gt(19).map({True: "male", False: "female"}),
            "Age": data["mean radius"].round(1).where(data.index % 5 != 0),
            "Fare": data["mean perimeter"],
            "Embarked": data["mean smoothness"]
            .gt(0.1)
            .map({True: "S", False: "C"})
            .where(data.index % 97 != 0),
            "Loc": "X",
            "GroupSize": 2,
        }
    )
    file = tmp_path_factory.mktemp("titanic") / "titanic-test-data.csv"
    frame.to_csv(file, index=False)
    return file


@pytest.fixture(scope="session")
def diabetes_model(tmp_path_factory: pytest.TempPathFactory, diabetes_files: list[Path]) -> Path:
    """Its signature says double for columns that the files hold whole numbers in; it answers a probability too."""
    frame = pd.concat(map(pd.read_csv, diabetes_files)).astype(float)
    target = frame["PlasmaGlucose"] > frame["PlasmaGlucose"].median()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, target.astype(int))
    path = tmp_path_factory.mktemp("models") / "diabetes"
    with mlflow_quietly() as mlflow:
        mlflow.sklearn.save_model(
            model,
            path,
            signature=mlflow.models.infer_signature(frame, model.predict_proba(frame)),
            pyfunc_predict_fn="predict_proba",
            input_example=frame.head(3),
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )
    return path


@pytest.fixture(scope="session")
def titanic_model(tmp_path_factory: pytest.TempPathFactory, titanic_file: Path) -> Path:
    frame = pd.read_csv(titanic_file)
    features = frame[["Pclass", "Sex", "Age", "Fare", "Embarked"]]
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    prepare = ColumnTransformer(
        [("words", words, ["Sex", "Embarked"]), ("numbers", SimpleImputer(), ["Pclass", "Age", "Fare"])]
    )
    model = make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(features, frame["Survived"])
    path = tmp_path_factory.mktemp("models") / "titanic"
    with mlflow_quietly() as mlflow:
        mlflow.sklearn.save_model(
            model,
            path,
            signature=mlflow.models.infer_signature(features, model.predict(features)),
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )
    return path


@pytest.fixture(scope="session")
def odd_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Does what the column `act` of its first row says; see odd_model.py."""
    path = tmp_path_factory.mktemp("models") / "odd"
    example = pd.DataFrame({"act": ["echo"], "value": [1.5]})
    with mlflow_quietly() as mlflow:
        signature = mlflow.models.infer_signature(example, [1.5])
        mlflow.pyfunc.save_model(
            path, python_model=str(ODD_MODEL), signature=signature, pip_requirements=["mlflow"]
        )
    return path


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parent]:
    """From which scorers of this Python are forked, as on a node."""
    folder = tmp_path_factory.mktemp("parent")
    started = Parent.start(python=PYTHON, scratch=folder / "scratch", log=folder / "log")
    started.wait_until_ready(stop=lambda: False)
    yield started
    started.close()


@contextmanager
def pool_with(parent: Parent, *, folder: Path) -> Iterator[ScorerPool]:
    """One whose scorers come from the parent that all tests share, as if it had started it."""
    made = ScorerPool(folder=folder, log=folder / "parents.log", most_idle=2)
    made._parents[PYTHON] = parent
    yield made
    if made._parents.get(PYTHON) is parent:
        del made._parents[PYTHON]
    made.close()


@pytest.fixture
def start_scorer(tmp_path: Path, parent: Parent) -> Iterator[StartScorer]:
    """One with variables is started on its own, as on a node."""
    started: list[Scorer] = []

    def start(model: Path, *, memory_limit: int | None = None, **variables: str) -> Scorer:
        given: dict[str, Any] = {
            "model": model,
            "scratch": tmp_path / "scratch",
            "variables": variables,
            "memory_limit": memory_limit,
            "log": tmp_path / "scorer.log",
        }
        scorer = Scorer.start(python=PYTHON, **given) if variables else parent.fork(**given)
        started.append(scorer)
        return scorer

    yield start
    for scorer in started:
        scorer.close()
