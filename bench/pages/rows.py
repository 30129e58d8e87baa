"""A studio that has been used for long: thousands of models, jobs and mini-batches, made in bulk."""

import random
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from scoring.plan import Slice
from scoring.settings import ScoringSettings
from studio.models import (
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
)

MODELS, VERSIONS, ENDPOINTS, ASSETS, JOBS, PEOPLE, CLUSTERS = 2000, 3, 500, 1000, 10_000, 30, 8
LONG_JOB = 20_000  # mini-batches of one job
SIGNATURE = {
    "inputs": [{"name": f"column_{n}", "type": "double", "required": True} for n in range(30)],
    "outputs": [{"name": None, "type": "double", "required": True}],
    "input_tensors": [],
    "output_tensors": [],
}
ERRORS = ["The input has no file to score.", "The model's process was ended by SIGKILL. Its log says more."]


def make_rows(root: str) -> None:
    """Everything, the same in every run. `root` is the folder of the default datastore."""
    chance = random.Random(7)
    people = _people()
    store = Datastore.objects.create(name="store", options={"root": root}, is_default=True)
    clusters = _clusters()
    versions = _models(chance)
    deployments = _endpoints(chance, people, clusters, versions)
    assets = _assets(chance, people, store)
    _jobs(chance, people, store, deployments, assets)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _people() -> list[Any]:
    people = get_user_model().objects
    return [people.create(username=f"person-{n}", is_superuser=True) for n in range(PEOPLE)]


def _clusters() -> list[Cluster]:
    clusters = [Cluster.objects.create(name=f"cluster-{n}", slots=8, max_nodes=4) for n in range(CLUSTERS)]
    for cluster, n in product(clusters, range(4)):
        Node.objects.create(cluster=cluster, name=f"{cluster}-{n}", host="host", pid=n, slots=8, busy=n)
    return clusters


def _past(chance: random.Random, days: float = 365) -> datetime:
    return timezone.now() - timedelta(days=chance.random() * days)


def _models(chance: random.Random) -> list[ModelVersion]:
    models = RegisteredModel.objects.bulk_create(
        RegisteredModel(
            name=f"{chance.choice(['churn', 'credit', 'demand', 'fraud'])}_{n}",
            aliases={"champion": VERSIONS},
            tags={"team": chance.choice("abcdef")},
            created_at=_past(chance),
            updated_at=timezone.now(),
        )
        for n in range(MODELS)
    )
    made = ModelVersion.objects.bulk_create(
        ModelVersion(
            registered_model=model,
            version=number + 1,
            type=ModelVersion.Type.MLFLOW,
            flavors=["sklearn"],
            signature=SIGNATURE,
            environment_files={"requirements.txt": "mlflow==3.17.2\n" * 40},
            created_at=_past(chance),
            source=f"models:/m-{model.pk}-{number}",
        )
        for model, number in product(models, range(VERSIONS))
    )
    return list(made)


def _endpoints(
    chance: random.Random, people: list[Any], clusters: list[Cluster], versions: list[ModelVersion]
) -> list[Deployment]:
    endpoints = Endpoint.objects.bulk_create(
        Endpoint(
            name=f"endpoint-{n}", description="Weekly.", tags={"n": str(n)}, created_by=chance.choice(people)
        )
        for n in range(ENDPOINTS)
    )
    deployments = Deployment.objects.bulk_create(
        Deployment(
            endpoint=endpoint,
            name=f"deployment-{number}",
            model_version=(version := chance.choice(versions)),
            model_key=version.key,
            cluster=chance.choice(clusters),
            environment={"python": "3.11.7", "requirements": ["mlflow==3.17.2"] * 40, "notes": []},
            settings=ScoringSettings().to_dict(),
            status=Deployment.Status.SUCCEEDED,
            finished_at=timezone.now(),
            created_by=chance.choice(people),
            log="A line of a log.\n" * 200,
        )
        for endpoint, number in product(endpoints, range(2))
    )
    first = Deployment.objects.filter(endpoint=OuterRef("pk"), name="deployment-0").values("pk")[:1]
    Endpoint.objects.update(default_deployment=Subquery(first))
    return list(deployments)


def _assets(chance: random.Random, people: list[Any], store: Datastore) -> list[DataAssetVersion]:
    assets = DataAsset.objects.bulk_create(
        DataAsset(name=f"visits-{n}", type=DataAsset.Type.FOLDER, created_by=chance.choice(people))
        for n in range(ASSETS)
    )
    return list(
        DataAssetVersion.objects.bulk_create(
            DataAssetVersion(
                asset=asset,
                version=n + 1,
                datastore=store,
                path="data",
                size=chance.randrange(10**9),
                files=40,
            )
            for asset, n in product(assets, range(2))
        )
    )


def _jobs(
    chance: random.Random,
    people: list[Any],
    store: Datastore,
    deployments: list[Deployment],
    assets: list[DataAssetVersion],
) -> None:
    jobs = [
        _job(chance, n, chance.choice(people), store, chance.choice(deployments), chance.choice(assets))
        for n in range(JOBS)
    ]
    made = Job.objects.bulk_create(jobs, batch_size=500)
    with connection.cursor() as cursor:  # auto_now_add has written today
        cursor.execute("UPDATE studio_job SET created_at = started_at - interval '2 seconds'")
    _minibatches([made[0]], LONG_JOB)
    _minibatches(made[1:500], 20)


def _job(
    chance: random.Random,
    number: int,
    person: Any,
    store: Datastore,
    deployment: Deployment,
    asset: DataAssetVersion,
) -> Job:
    running = number == 0 or number > JOBS - 10
    status = Job.Status.RUNNING if running else Job.Status.COMPLETED
    if not running and chance.random() < 0.1:
        status = Job.Status.FAILED
    created = _past(chance)
    return Job(
        name=f"batchjob-{number}",
        display_name=f"brave_sun_{number}",
        status=status,
        endpoint_id=deployment.endpoint_id,
        endpoint_name=deployment.endpoint.name,
        deployment=deployment,
        deployment_name=deployment.name,
        model_label=str(deployment.model_version),
        cluster=deployment.cluster,
        cluster_name=deployment.cluster.name,
        spec={
            "signature": SIGNATURE,
            "environment": deployment.environment,
            "model_uri": "",
            "model_key": "",
        },
        settings=ScoringSettings().to_dict(),
        input_datastore=store,
        input_path="data",
        input_asset=asset,
        input_label=str(asset),
        output_datastore=store,
        output_datastore_name=store.name,
        output_path=f"azureml/batchjob-{number}/score",
        files_total=40,
        bytes_total=10**8,
        bytes_done=10**8 if not running else 3 * 10**7,
        minibatches_total=LONG_JOB if number == 0 else 20,
        minibatches_done=20,
        rows_scored=chance.randrange(10**7),
        error=chance.choice(ERRORS) if status == Job.Status.FAILED else "",
        created_by=person,
        created_at=created,
        started_at=created + timedelta(seconds=2),
        finished_at=None if running else created + timedelta(seconds=chance.randrange(5, 600)),
    )


def _minibatches(jobs: list[Job], count: int) -> None:
    now = timezone.now()
    for start in range(0, count, 5000):
        MiniBatch.objects.bulk_create(
            [
                MiniBatch(
                    job=job,
                    number=number,
                    status=MiniBatch.Status.COMPLETED if number % 50 else MiniBatch.Status.FAILED,
                    slices=[Slice(path=f"file-{number}.csv", size=10).to_dict()],
                    bytes=10,
                    attempts=1,
                    node=f"node-{number % 4}",
                    slot=number % 8,
                    started_at=now + timedelta(seconds=number),
                    finished_at=now + timedelta(seconds=number + 1),
                    error="" if number % 50 else ERRORS[0],
                )
                for job in jobs
                for number in range(start, min(count, start + 5000))
            ],
            batch_size=2000,
        )
