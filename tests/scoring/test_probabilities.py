"""The probability of each class stands beside the prediction, where the model offers it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from scoring.errors import ModelLoadError, PredictError
from scoring.processes import LocalSlice, Scorer
from scoring.reports import ScoreReport
from tests.scoring.conftest import StartScorer, mlflow_quietly
from tests.scoring.test_scorer import put_together

FRAME = pd.DataFrame({"a": np.arange(60) / 7, "b": np.arange(60)[::-1] % 13})
WORDS = np.array(["no", "per haps", "yes"])[np.arange(60) % 3]


def saved(folder: Path, model: object, **options: object) -> Path:
    with mlflow_quietly() as mlflow:
        signature = mlflow.models.infer_signature(FRAME, model.predict(FRAME))  # type: ignore[attr-defined]
        mlflow.sklearn.save_model(
            model, folder / "model", signature=signature, pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle", **options,
        )  # fmt: skip
    return folder / "model"


def score(scorer: Scorer, folder: Path, file: Path) -> ScoreReport:
    return scorer.score(
        slices=[LocalSlice(path=file, kind="csv")],
        part=folder / "part",
        errors=folder / "errors",
        timeout=60,
        class_probabilities=True,
    )


@pytest.mark.parametrize("classes", [WORDS, WORDS == "yes", np.arange(60) % 4 * 1.0])
def test_a_column_for_each_class(start_scorer: StartScorer, tmp_path: Path, classes: np.ndarray) -> None:
    model = RandomForestClassifier(n_estimators=10, random_state=1).fit(FRAME, classes)
    scorer = start_scorer(saved(tmp_path, model, input_example=FRAME.head(3)))
    scorer.load()
    names = [f"probability_{one}" for one in model.classes_.tolist()]
    assert scorer.trial(class_probabilities=True).columns == ["prediction", *names]
    assert scorer.trial().offers_classes
    file = tmp_path / "rows.csv"
    FRAME.to_csv(file, index=False)
    out = put_together(score(scorer, tmp_path, file), tmp_path, file)
    assert list(out.columns) == ["row", "prediction", *names, "file_name"]
    np.testing.assert_array_equal(out[names].to_numpy(), model.predict_proba(FRAME))
    assert out["prediction"].tolist() == model.predict(FRAME).tolist()


def test_a_model_without_them_is_refused_when_it_is_tried(start_scorer: StartScorer, tmp_path: Path) -> None:
    scorer = start_scorer(saved(tmp_path, LinearRegression().fit(FRAME, FRAME["a"])))
    scorer.load()
    with pytest.raises(ModelLoadError, match="offers no class probabilities"):
        scorer.trial(class_probabilities=True)
    assert scorer.trial().columns == ["prediction"] or scorer.trial().notes
    assert not scorer.trial().offers_classes
    file = tmp_path / "rows.csv"
    FRAME.to_csv(file, index=False)
    with pytest.raises(PredictError, match="offers no class probabilities"):
        score(scorer, tmp_path, file)
