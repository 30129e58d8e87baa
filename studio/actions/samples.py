"""What a newcomer sees first: a real model, scored for real, from data that scikit-learn ships."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models

from scoring.settings import ScoringSettings
from studio.actions.account import ADMINISTRATOR
from studio.actions.compute import set_up_local_cluster
from studio.actions.data import upload_data_asset
from studio.actions.endpoints import create_deployment, retry_deployment
from studio.actions.jobs import JobRequest, submit_job
from studio.errors import StudioError
from studio.models import DataAsset, DataAssetVersion, Deployment, Endpoint, Job, ModelVersion
from studio.queue import enqueue

MODEL = "breast_cancer_classifier"
ENDPOINT = "breast-cancer-sample"
DEPLOYMENT = "logistic-regression"
DATA = "breast-cancer-samples"
PATIENCE = 180  # seconds for each step; the first environment is built in one of them

# What MLflow would find out itself, by loading the model in one more process.
PACKAGES = ("mlflow", "cloudpickle", "numpy", "pandas", "psutil", "scikit-learn", "scipy")
# These run in a process of its own: MLflow and scikit-learn weigh 300 MB that the studio never needs again.
FILES = """
import sys, sklearn.datasets

data = sklearn.datasets.load_breast_cancer(as_frame=True)
frame = data.data.rename(columns=lambda name: name.replace(" ", "_"))
half = len(frame) // 2
for number, rows in enumerate((frame[:half], frame[half:]), start=1):
    rows.to_csv(f"{sys.argv[1]}/samples-{number}.csv", index=False)
"""
TRAINING = f"""
import mlflow
from importlib.metadata import version
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

names = data.target.map(dict(enumerate(data.target_names)))
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(frame, names)
mlflow.set_experiment({ENDPOINT!r})
with mlflow.start_run(run_name="sample"):
    mlflow.log_metric("accuracy", model.score(frame, names))
    mlflow.sklearn.log_model(
        model, name="model", registered_model_name={MODEL!r}, serialization_format="cloudpickle",
        signature=infer_signature(frame, model.predict(frame)), input_example=frame.head(5),
        pip_requirements=[f"{{name}}=={{version(name)}}" for name in {PACKAGES!r}],
    )
"""


def make_samples(*, say: Callable[[str], Any]) -> None:
    """Register, deploy and score the sample, each step only where it is not done. Raises StudioError."""
    if Job.objects.filter(endpoint_name=ENDPOINT, status=Job.Status.COMPLETED).exists():
        say("The sample is there.")
        return
    admin = get_user_model().objects.get(username=ADMINISTRATOR)
    with tempfile.TemporaryDirectory() as folder:
        version, data = _sample_model_and_data(admin, Path(folder), say)
    deployment = _sample_deployment(admin, version, say)
    job = submit_job(
        user=admin,
        request=JobRequest(
            deployment=deployment, input_datastore=data.datastore, input_path=data.path, input_asset=data
        ),
    )
    _wait(job, say)
    if not job.is_completed:
        raise StudioError(f"The sample job is {job.status}: {job.error}")


def _sample_model_and_data(
    admin: User, folder: Path, say: Callable[[str], Any]
) -> tuple[ModelVersion, DataAssetVersion]:
    versions = ModelVersion.objects.filter(registered_model__name=MODEL)
    data = DataAssetVersion.objects.filter(asset__name=DATA).first()
    if not versions.exists():
        say("Training the sample model.")
        _run(FILES + TRAINING, folder)
        enqueue("models.follow_registry", expires=5)  # at once, not with the next tick
    elif data is None:
        _run(FILES, folder)
    data = data or _sample_data(admin, folder)
    deadline = time.monotonic() + PATIENCE
    while not versions.exists():
        if time.monotonic() > deadline:
            raise StudioError("The sample model did not appear in the studio. Is MLflow running?")
        time.sleep(0.2)
    return versions.order_by("-version")[0], data


def _run(program: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StudioError(f"The sample model could not be trained: {done.stderr.strip().splitlines()[-1:]}")


def _sample_data(admin: User, folder: Path) -> DataAssetVersion:
    """Two files of the data set's own rows, so that the job has a folder to read."""
    files = [
        (file.name, SimpleUploadedFile(file.name, file.read_bytes())) for file in sorted(folder.iterdir())
    ]
    return upload_data_asset(
        user=admin,
        name=DATA,
        description="569 cell samples of scikit-learn's breast cancer data set, without their diagnosis.",
        type=DataAsset.Type.FOLDER,
        files=files,
    )


def _sample_deployment(admin: User, version: ModelVersion, say: Callable[[str], Any]) -> Deployment:
    deployment = Deployment.objects.filter(endpoint__name=ENDPOINT, name=DEPLOYMENT).first()
    if deployment is None:
        say("Building the sample model's environment.")
        endpoint = Endpoint.objects.filter(name=ENDPOINT).first()
        about = "A sample: tells benign from malignant cell samples. Try a job of your own with it."
        deployment = create_deployment(
            user=admin,
            endpoint=endpoint,
            new_endpoint=None
            if endpoint
            else {"name": ENDPOINT, "description": about, "tags": {"sample": "yes"}},
            name=DEPLOYMENT,
            model_version=version,
            cluster=set_up_local_cluster(),
            settings=ScoringSettings(),
        )
    elif deployment.is_failed:
        retry_deployment(user=admin, deployment=deployment)
    _wait(deployment, say)
    if not deployment.is_ready:
        raise StudioError(f"The sample deployment is {deployment.status}: {deployment.error}")
    return deployment


def _wait(row: models.Model, say: Callable[[str], Any]) -> None:
    """Until the row's work has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        row.refresh_from_db()
        if row.finished_at:  # type: ignore[attr-defined]
            return
        if time.monotonic() > deadline:
            raise StudioError(f"{row} was not done after {PATIENCE} s. Is a node of its cluster running?")
        time.sleep(0.2)
