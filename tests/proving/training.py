"""Trains and logs one model in the environment it is called in, and writes the data to score beside it.

python training.py FUNCTION FOLDER ROWS. Runs in environments as old as those of MLflow 1, so it is written plainly.
"""

import os
import sys

import numpy as np
import pandas as pd

COLUMNS = ["a", "b", "c", "d", "e", "f"]
TRAINED_ON = 2000


def numbers(rows, dtype="float64"):
    random = np.random.RandomState(7)
    return pd.DataFrame(random.normal(size=(rows, len(COLUMNS))).astype(dtype), columns=COLUMNS)


def labels(frame):
    return (frame["a"] * 2 - frame["b"] + frame["c"] ** 2 > 0.5).astype("int64")


def target(frame):
    return frame["a"] * 2 - frame["b"] + np.sin(frame["c"])


def signature_of(given, answer):
    from mlflow.models.signature import infer_signature

    return infer_signature(given, answer)


def finish(save, folder, data, answer, **options):
    """Logs with `save` into FOLDER/model, and writes the data as CSV and Parquet."""
    data.to_csv(os.path.join(folder, "data.csv"), index=False)
    data.to_parquet(os.path.join(folder, "data.parquet"), index=False)
    save(path=os.path.join(folder, "model"), signature=signature_of(data.head(50), answer), **options)


def sklearn_pickle(folder, rows):
    import mlflow.sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(few, labels(few))
    finish(lambda **o: mlflow.sklearn.save_model(model, **o), folder, data, model.predict(data.head(50)),
           serialization_format="cloudpickle")  # fmt: skip


def sklearn_skops(folder, rows):
    import mlflow.sklearn
    from sklearn.ensemble import RandomForestRegressor

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = RandomForestRegressor(20, random_state=0, n_jobs=2).fit(few, target(few))
    finish(lambda **o: mlflow.sklearn.save_model(model, **o), folder, data, model.predict(data.head(50)),
           serialization_format="skops", skops_trusted_types=["sklearn.tree._tree.Tree"])  # fmt: skip


def sklearn_text(folder, rows):
    import mlflow.sklearn
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    data = numbers(rows)
    random = np.random.RandomState(3)
    data["city"] = random.choice(["Bern", "Zürich", "São Paulo, SP", "NA-1"], size=rows)
    data["count"] = random.randint(0, 9, size=rows)
    data.loc[random.uniform(size=rows) < 0.1, "a"] = np.nan
    few = data.head(TRAINED_ON)
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]), remainder="passthrough"
    )
    model = make_pipeline(prepare, HistGradientBoostingClassifier(random_state=0))
    model.fit(few, labels(few.fillna(0.0)))
    finish(lambda **o: mlflow.sklearn.save_model(model, **o), folder, data, model.predict_proba(data.head(50)),
           serialization_format="cloudpickle", pyfunc_predict_fn="predict_proba")  # fmt: skip


def sklearn_old(folder, rows):
    import mlflow.sklearn
    from sklearn.ensemble import GradientBoostingClassifier

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = GradientBoostingClassifier(random_state=0).fit(few, np.where(labels(few), "yes", "no"))
    finish(lambda **o: mlflow.sklearn.save_model(model, **o), folder, data, model.predict(data.head(50)))


def xgboost_estimator(folder, rows):
    import mlflow.xgboost
    from xgboost import XGBClassifier

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = XGBClassifier(n_estimators=30, max_depth=4, n_jobs=2).fit(few, labels(few))
    finish(lambda **o: mlflow.xgboost.save_model(model, **o), folder, data, model.predict(data.head(50)))


def xgboost_booster(folder, rows):
    import mlflow.xgboost
    import xgboost

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = xgboost.train({"max_depth": 4}, xgboost.DMatrix(few, label=target(few)), num_boost_round=30)
    answer = model.predict(xgboost.DMatrix(data.head(50)))
    finish(lambda **o: mlflow.xgboost.save_model(model, **o), folder, data, answer)


def lightgbm_estimator(folder, rows):
    import mlflow.lightgbm
    from lightgbm import LGBMClassifier

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = LGBMClassifier(n_estimators=30, n_jobs=2, verbose=-1).fit(few, labels(few))
    finish(lambda **o: mlflow.lightgbm.save_model(model, **o), folder, data, model.predict(data.head(50)))


def lightgbm_booster(folder, rows):
    import lightgbm
    import mlflow.lightgbm

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = lightgbm.train({"verbose": -1}, lightgbm.Dataset(few, label=target(few)), num_boost_round=30)
    finish(lambda **o: mlflow.lightgbm.save_model(model, **o), folder, data, model.predict(data.head(50)))


def catboost(folder, rows):
    import mlflow.catboost
    from catboost import CatBoostRegressor

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = CatBoostRegressor(iterations=50, depth=4, random_seed=0, verbose=0, allow_writing_files=False)
    model.fit(few, target(few))
    finish(lambda **o: mlflow.catboost.save_model(model, **o), folder, data, model.predict(data.head(50)))


def statsmodels(folder, rows):
    import mlflow.statsmodels
    import statsmodels.api

    data = numbers(rows)
    few = data.head(TRAINED_ON)
    model = statsmodels.api.GLM(labels(few), few, family=statsmodels.api.families.Binomial()).fit()
    finish(lambda **o: mlflow.statsmodels.save_model(model, **o), folder, data, model.predict(data.head(50)))


def onnx(folder, rows):
    import mlflow.onnx
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    data = numbers(rows, "float32")
    few = data.head(TRAINED_ON)
    model = to_onnx(
        LogisticRegression().fit(few.to_numpy(), labels(few)),
        few.to_numpy()[:1],
        options={"zipmap": False},
    )
    data.to_csv(os.path.join(folder, "data.csv"), index=False)
    data.to_parquet(os.path.join(folder, "data.parquet"), index=False)
    mlflow.onnx.save_model(
        model, os.path.join(folder, "model"), signature=signature_of(data.head(5).to_numpy(), None)
    )


def pytorch(folder, rows):
    import mlflow.pytorch
    import torch

    torch.manual_seed(0)
    data = numbers(rows, "float32")
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3), torch.nn.Softmax(dim=1)
    )
    answer = model(torch.from_numpy(data.head(50).to_numpy())).detach().numpy()
    finish(lambda **o: mlflow.pytorch.save_model(model, **o), folder, data, pd.DataFrame(answer),
           serialization_format="pickle")  # fmt: skip


def keras(folder, rows):
    import keras
    import mlflow.tensorflow

    keras.utils.set_random_seed(0)
    data = numbers(rows, "float32")
    few = data.head(TRAINED_ON)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mse")
    model.fit(few.to_numpy(), target(few).to_numpy(), epochs=1, verbose=0)
    data.to_csv(os.path.join(folder, "data.csv"), index=False)
    data.to_parquet(os.path.join(folder, "data.parquet"), index=False)
    given = few.head(5).to_numpy()
    signature = signature_of(given, model.predict(given, verbose=0))
    mlflow.tensorflow.save_model(model, path=os.path.join(folder, "model"), signature=signature)


def prophet(folder, rows):
    import mlflow.prophet
    from prophet import Prophet

    days = pd.date_range("2018-01-01", periods=rows, freq="D")
    known = pd.DataFrame({"ds": days[:400], "y": np.sin(np.arange(400) / 20.0) + np.arange(400) / 100.0})
    model = Prophet(uncertainty_samples=0).fit(known)
    data = pd.DataFrame({"ds": days})
    finish(lambda **o: mlflow.prophet.save_model(model, **o), folder, data, model.predict(data.head(50)))


def python_model(folder, rows):
    import mlflow.pyfunc

    package = os.path.join(folder, "own_features")
    os.makedirs(package)
    with open(os.path.join(package, "__init__.py"), "w") as file:
        file.write("def risk(frame):\n    return frame['a'] * 1.5 + frame['b'] / 3\n")
    with open(os.path.join(folder, "own_model.py"), "w") as file:
        file.write(
            "import mlflow.pyfunc\n"
            "import pandas as pd\n"
            "from own_features import risk\n\n\n"
            "class Model(mlflow.pyfunc.PythonModel):\n"
            "    def predict(self, context, model_input, params=None):\n"
            "        score = risk(model_input)\n"
            "        grade = score.gt(0).map({True: 'high', False: 'low'})\n"
            "        return pd.DataFrame({'score': score, 'grade': grade, 'sure': score.abs() > 1})\n"
        )
    sys.path.insert(0, folder)
    from own_model import Model

    data = numbers(rows)
    answer = Model().predict(None, data.head(50))
    code = [package, os.path.join(folder, "own_model.py")]
    finish(
        lambda **o: mlflow.pyfunc.save_model(python_model=Model(), code_paths=code, **o), folder, data, answer
    )


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
