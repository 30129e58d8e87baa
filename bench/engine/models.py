"""The five models, trained once and kept."""

import shutil
from pathlib import Path

from bench.engine.data import Data
from bench.engine.home import bench_home, environment, pins_key
from bench.engine.peers import ONE_THREAD, PROGRAMS, run

# As the table shows them; those in AGAINST_ALL are measured on every input and against every peer.
MODELS = {
    "logistic": "logistic regression",
    "forest": "forest",
    "histgradient": "HistGradientBoosting",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
}
AGAINST_ALL = ("logistic", "forest")


def make_models(data: Data) -> Path:
    """The folder of the saved models, trained where it is not there yet."""
    folder = bench_home() / f"models-{pins_key()}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        program = [environment("models"), PROGRAMS / "training.py", data.path(data.sample), unfinished]
        run(program, **ONE_THREAD)
        unfinished.rename(folder)
    return folder
