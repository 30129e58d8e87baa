"""Columns of every kind reach a model as MLflow itself would give them, in every format."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.processes import LocalSlice, Scorer
from tests.scoring.conftest import StartScorer, mlflow_quietly
from tests.scoring.test_scorer import put_together

MODEL = Path(__file__).with_name("telling_model.py")
TYPES = {
    "whole": "long",
    "number": "double",
    "flag": "boolean",
    "when": "datetime",
    "word": "string",
    "small": "integer",
}
ROWS = [
    {"whole": 1, "number": 0.5, "flag": True, "when": "2020-01-02T03:04:05", "word": "a", "small": -1},
    {"whole": 2, "number": None, "flag": False, "when": None, "word": None, "small": 2},
    {
        "whole": 2**60,
        "number": 1e300,
        "flag": True,
        "when": "2021-12-31T00:00:00",
        "word": "NA, é",
        "small": 0,
    },
]


def saved(
    folder: Path, types: dict[str, str] | None, optional: tuple[str, ...] = (), **params: object
) -> Path:
    with mlflow_quietly() as mlflow:
        from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

        columns = [ColSpec(kind, name, required=name not in optional) for name, kind in (types or {}).items()]
        given = ParamSchema([ParamSpec(name, "double", value) for name, value in params.items()])
        signature = mlflow.models.ModelSignature(
            inputs=Schema(columns) if types else None,
            params=given if params else None,
        ) if types or params else None  # fmt: skip
        mlflow.pyfunc.save_model(
            folder / "model", python_model=str(MODEL), signature=signature, pip_requirements=["mlflow"]
        )
    return folder / "model"


def written(folder: Path, name: str) -> Path:
    file = folder / name
    frame = pd.DataFrame(ROWS)
    if name.endswith(".jsonl"):
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif name.endswith(".csv"):
        frame.to_csv(file, index=False)
    else:
        columns = {
            "whole": pa.array([row["whole"] for row in ROWS]),
            "number": pa.array([row["number"] for row in ROWS], pa.float64()),
            "flag": pa.array([row["flag"] for row in ROWS]),
            "when": pa.array(pd.to_datetime(frame["when"]), pa.timestamp("us")),
            "word": pa.array([row["word"] for row in ROWS]).dictionary_encode(),
            "small": pa.array([row["small"] for row in ROWS], pa.int8()),
        }
        pq.write_table(pa.table(columns), file)
    return file


def told(scorer: Scorer, folder: Path, file: Path) -> list[dict[str, object]]:
    """What the model says it was given in each row."""
    report = scorer.score(
        slices=[LocalSlice(path=file, kind=file.suffix[1:])],
        part=folder / "part",
        errors=folder / "errors",
        timeout=60,
    )
    out = put_together(report, folder, file)
    return [json.loads(one) for one in out["prediction"]]


def test_every_type_reaches_the_model_from_every_format(start_scorer: StartScorer, tmp_path: Path) -> None:
    scorer = start_scorer(saved(tmp_path, TYPES))
    scorer.load()
    wanted = [
        {"whole": 1, "number": 0.5, "flag": True, "when": "2020-01-02T03:04:05", "word": "a", "small": -1},
        {"whole": 2, "number": None, "flag": False, "when": None, "word": None, "small": 2},
        {"whole": 2**60, "number": 1e300, "flag": True, "when": "2021-12-31T00:00:00", "word": "NA, é", "small": 0},
    ]  # fmt: skip
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        given = told(scorer, tmp_path, written(tmp_path, name))
        types = [row.pop("types") for row in given]
        assert given == wanted, name
        assert types[0] | {"word": ""} == {
            "whole": "int64", "number": "float64", "flag": "bool", "when": "datetime64[ns]", "word": "",
            "small": "int32",
        }, name  # fmt: skip


def test_optional_columns_may_be_there_missing_or_empty(start_scorer: StartScorer, tmp_path: Path) -> None:
    types = {"whole": "long", "number": "double", "word": "string", "small": "integer"}
    scorer = start_scorer(saved(tmp_path, types, optional=("number", "word", "small")))
    scorer.load()
    texts = {
        "there.csv": "whole,number,word,small\n1,2.5,x,3\n",
        "missing.csv": "whole\n1\n",
        "empty.csv": "whole,word,number\n1,,\n",
        "there.jsonl": '{"whole": 1, "number": 2.5, "word": "x", "small": 3}\n',
        "missing.jsonl": '{"whole": 1}\n',
        "empty.jsonl": '{"whole": 1, "word": null, "number": null}\n',
    }
    wanted = {
        "there": {"whole": 1, "number": 2.5, "word": "x", "small": 3},
        "missing": {"whole": 1},
        "empty": {"whole": 1, "word": None, "number": None},
    }
    for name, text in texts.items():
        file = tmp_path / name
        file.write_text(text)
        (given,) = told(scorer, tmp_path, file)
        given.pop("types")
        assert given == wanted[file.stem], name


def test_the_defaults_of_params_are_used(start_scorer: StartScorer, tmp_path: Path) -> None:
    scorer = start_scorer(saved(tmp_path, {"whole": "long"}, threshold=0.25))
    scorer.load()
    file = tmp_path / "rows.csv"
    file.write_text("whole\n1\n")
    assert told(scorer, tmp_path, file)[0]["params"] == {"threshold": 0.25}


def test_a_model_without_signature_is_given_what_the_file_has(
    start_scorer: StartScorer, tmp_path: Path
) -> None:
    scorer = start_scorer(saved(tmp_path, None))
    scorer.load()
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        given = told(scorer, tmp_path, written(tmp_path, name))
        assert [row["whole"] for row in given] == [1, 2, 2**60], name
        assert [row["number"] for row in given] == [0.5, None, 1e300], name
        assert [row["word"] for row in given] == ["a", None, "NA, é"], name


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_rows_fill_a_tensor(start_scorer: StartScorer, tmp_path: Path, dtype: str) -> None:
    with mlflow_quietly() as mlflow:
        from mlflow.types import Schema, TensorSpec

        signature = mlflow.models.ModelSignature(inputs=Schema([TensorSpec(np.dtype(dtype), (-1, 2, 2))]))
        mlflow.pyfunc.save_model(
            tmp_path / "model", python_model=str(MODEL), signature=signature, pip_requirements=["mlflow"]
        )
    scorer = start_scorer(tmp_path / "model")
    scorer.load()
    for name, text in {
        "rows.csv": "a,b,c,d\n1,2,3,4\n",
        "rows.jsonl": '{"a": 1, "b": 2, "c": 3, "d": 4}\n',
    }.items():
        file = tmp_path / name
        file.write_text(text)
        assert told(scorer, tmp_path, file) == [{"array": [[1, 2], [3, 4]], "types": dtype}]
