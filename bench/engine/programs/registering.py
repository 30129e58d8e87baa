"""Registers saved models at the MLflow server of MLFLOW_TRACKING_URI: registering.py FOLDER NAME…"""

import sys
from pathlib import Path

import mlflow


def main(folder: str, *names: str) -> None:
    for name in names:
        with mlflow.start_run(run_name=name) as run:
            mlflow.log_artifacts(str(Path(folder) / name), "model")
        mlflow.register_model(f"runs:/{run.info.run_id}/model", name)


if __name__ == "__main__":
    main(*sys.argv[1:])
