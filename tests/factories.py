"""Valid rows from no arguments; each call makes new ones."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models.functions import Now
from django.utils import timezone

from scoring.plan import Slice
from scoring.settings import ScoringSettings
from studio.actions.tokens import create_token
from studio.models import (
    ApiToken,
    Cluster,
    DataAsset,
    DataAssetVersion,
    Datastore,
    Deployment,
    Endpoint,
    Job,
    MiniBatch,
    ModelVersion,
    Node,
    RegisteredModel,
    Role,
    Trial,
)

_numbers = itertools.count(1)
REQUIREMENTS = "mlflow==3.17.2\nscikit-learn==1.9.1\ncloudpickle==3.1.2\n"


def user(name: str = "", role: str = Role.ADMINISTRATOR, **fields: Any) -> Any:
    made = get_user_model().objects.create_user(
        username=name or f"person{next(_numbers)}", password="secret", **fields
    )
    made.groups.add(Group.objects.get(name=role))
    return made


def token(owner: Any = None, scope: str = "read", days: int = 30, **fields: Any) -> tuple[ApiToken, str]:
    """A token, and what a program shows."""
    made, raw = create_token(
        user=owner or user(),
        name=f"token-{next(_numbers)}",
        scope=scope,
        expires_at=timezone.now() + timedelta(days=days),
    )
    if fields:
        ApiToken.objects.filter(pk=made.pk).update(**fields)
    return made, raw


def signature(*columns: tuple[str, str]) -> dict[str, Any]:
    inputs = [
        {"name": name, "type": type_, "required": True} for name, type_ in columns or (("x", "double"),)
    ]
    outputs = [{"name": None, "type": "double", "required": True}]
    return {"inputs": inputs, "outputs": outputs, "input_tensors": [], "output_tensors": []}


def model_version(name: str = "", version: int = 1, **fields: Any) -> ModelVersion:
    model, _made = RegisteredModel.objects.get_or_create(
        name=name or f"model_{next(_numbers)}",
        defaults={"created_at": timezone.now(), "updated_at": timezone.now()},
    )
    values = {
        "type": ModelVersion.Type.MLFLOW,
        "flavors": ["sklearn"],
        "signature": signature(),
        "environment_files": {"requirements.txt": REQUIREMENTS, "python_env.yaml": "python: 3.11.7\n"},
        "python_version": "3.11.7",
        "mlflow_version": "3.17.2",
        "created_at": timezone.now(),
        "source": f"models:/m-{next(_numbers)}",
    }
    return ModelVersion.objects.create(registered_model=model, version=version, **{**values, **fields})


def cluster(name: str = "", **fields: Any) -> Cluster:
    return Cluster.objects.create(name=name or f"cluster-{next(_numbers)}", **{"slots": 2, **fields})


def node(**fields: Any) -> Node:
    home = fields.pop("cluster", None) or cluster()
    values = {"name": f"node-{next(_numbers)}", "host": "here", "pid": 1, "slots": home.slots}
    return Node.objects.create(cluster=home, **{**values, **fields})


def endpoint(name: str = "", **fields: Any) -> Endpoint:
    return Endpoint.objects.create(name=name or f"endpoint-{next(_numbers)}", **fields)


def deployment(
    status: str = Deployment.Status.SUCCEEDED, is_default: bool = True, **fields: Any
) -> Deployment:
    home = fields.pop("endpoint", None) or endpoint()
    values: dict[str, Any] = {
        "name": f"deployment-{next(_numbers)}",
        "environment": {"python": "3.11.7", "requirements": REQUIREMENTS.split(), "notes": []},
        "settings": ScoringSettings().to_dict(),
        "status": status,
        "finished_at": None if status == Deployment.Status.CREATING else Now(),
    }
    values["model_version"] = fields.pop("model_version", None) or model_version()
    values["model_key"] = values["model_version"].key
    values["cluster"] = fields.pop("cluster", None) or cluster()
    made = Deployment.objects.create(endpoint=home, **{**values, **fields})
    if is_default and status == Deployment.Status.SUCCEEDED:
        Endpoint.objects.filter(pk=home.pk).update(default_deployment=made)
        home.refresh_from_db()
    return Deployment.objects.with_model().get(pk=made.pk)


def datastore(root: Path | str, **fields: Any) -> Datastore:
    values = {"name": f"store{next(_numbers)}", "options": {"root": str(root)}, "is_default": True}
    return Datastore.objects.create(**{**values, **fields})


def data_asset(
    store: Datastore, files: dict[str, str | bytes], name: str = "", **fields: Any
) -> DataAssetVersion:
    """Writes `files` into a folder of `store` and registers it as version 1."""
    folder = f"data/{next(_numbers)}"
    for path, content in files.items():
        target = Path(store.options["root"], folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    asset = DataAsset.objects.create(
        name=name or f"data-{next(_numbers)}", type=DataAsset.Type.FOLDER, **fields
    )
    size = sum(len(content) for content in files.values())
    return DataAssetVersion.objects.create(
        asset=asset, version=1, datastore=store, path=folder, size=size, files=len(files)
    )


def job(status: str = Job.Status.QUEUED, **fields: Any) -> Job:
    """A job with its own deployment and store unless given; rows in the state that `status` asks for."""
    used = fields.pop("deployment", None) or deployment()
    store = fields.pop("datastore", None) or Datastore.objects.first() or datastore("/nonexistent")
    number = next(_numbers)
    values: dict[str, Any] = {
        "name": f"batchjob-{number}",
        "display_name": f"brave_sun_{number}",
        "status": status,
        "endpoint": used.endpoint,
        "endpoint_name": used.endpoint.name,
        "deployment": used,
        "deployment_name": used.name,
        "model_label": used.model_label,
        "cluster": used.cluster,
        "cluster_name": used.cluster.name,
        "spec": {"signature": signature(), "environment": used.environment, "model_uri": "", "model_key": ""},
        "settings": ScoringSettings().to_dict(),
        "input_datastore": store,
        "input_path": "in",
        "input_label": f"{store.name} / in",
        "output_datastore": store,
        "output_datastore_name": store.name,
        "output_path": f"azureml/batchjob-{number}/score",
        "finished_at": Now() if status in Job.terminal() else None,
    }
    return Job.objects.create(**{**values, **fields})


def trial(used: Deployment, person: Any) -> Trial:
    """One that waits for a node."""
    store = Datastore.objects.first() or datastore("/nonexistent")
    settings = ScoringSettings().to_dict()
    return Trial.objects.create(
        deployment=used, settings=settings, datastore=store, path="in", created_by=person
    )


def minibatch(job: Job, status: str = MiniBatch.Status.WAITING, **fields: Any) -> MiniBatch:
    number = fields.pop("number", job.minibatches.count())
    values: dict[str, Any] = {
        "slices": [Slice(path=f"file-{number}.csv", size=10).to_dict()],
        "bytes": 10,
        "finished_at": Now() if status in MiniBatch.terminal() else None,
    }
    made = MiniBatch.objects.create(job=job, number=number, status=status, **{**values, **fields})
    Job.objects.filter(pk=job.pk).update(minibatches_total=job.minibatches.count())
    return made
