"""What is done inside the studio, in `manage.py shell`: see bench.engine.studio."""

import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import Group, User
from django.db.models import Max
from django.utils import timezone

from scoring.settings import ScoringSettings
from studio.actions.compute import create_cluster
from studio.actions.endpoints import create_deployment
from studio.actions.jobs import JobRequest, submit_job
from studio.actions.samples import DATA, DEPLOYMENT, ENDPOINT
from studio.actions.tokens import create_token
from studio.models import DataAssetVersion, Deployment, Endpoint, Job, Role
from studio.stores import open_store

LOOKED_AT = "looked-at"  # the cluster and the deployment of the job that people look at
FILES, ROWS = 100, 20  # of that job's input for each second, since it is not to end meanwhile
AROUND = 60  # seconds that it runs before and after
PATIENCE = 900.0


def set_up(*, people: int, tokens: int, seconds: int) -> dict[str, Any]:
    """The sample is there; so many people are signed in, so many tokens may start jobs, and a long job runs."""
    _wait(lambda: Job.objects.filter(endpoint_name=ENDPOINT, finished_at__isnull=False).exists())
    data = DataAssetVersion.objects.get(asset__name=DATA)
    job = _long_job(data, files=FILES * (seconds + AROUND))
    _wait(lambda: Job.objects.filter(pk=job.pk, minibatches_done__gt=0).exists())
    return {
        "endpoint": ENDPOINT,
        "data": f"azureml:{DATA}:{data.version}",
        "page": f"/jobs/{job.name}/",
        "sessions": [_session(_person(f"person-{n}", Role.READER)) for n in range(people)],
        "tokens": [_token(_person(f"program-{n}", Role.DATA_SCIENTIST)) for n in range(tokens)],
    }


def _long_job(data: DataAssetVersion, *, files: int) -> Job:
    """Over many small files, on a cluster of its own with one slot, so that it goes on beside the others."""
    admin = get_user_model().objects.get(username="admin")
    sample = Deployment.objects.get(endpoint__name=ENDPOINT, name=DEPLOYMENT)
    cluster = create_cluster(user=admin, name=LOOKED_AT, slots=1)
    deployment = create_deployment(
        user=admin,
        endpoint=Endpoint.objects.get(name=ENDPOINT),
        new_endpoint=None,
        name=LOOKED_AT,
        model_version=sample.model_version,
        cluster=cluster,
        settings=ScoringSettings(mini_batch_size=1),
        make_default=False,
    )
    _wait(lambda: Deployment.objects.ready().filter(pk=deployment.pk).exists())
    deployment.refresh_from_db()
    store = open_store(data.datastore)
    with store.open(f"{data.path}/samples-1.csv") as stream:
        text = b"".join(stream.readline() for _line in range(ROWS + 1))
    root = Path(data.datastore.options["root"]) / LOOKED_AT
    root.mkdir()
    for number in range(files):
        (root / f"{number:05}.csv").write_bytes(text)
    request = JobRequest(deployment=deployment, input_datastore=data.datastore, input_path=LOOKED_AT)
    return submit_job(user=admin, request=request)


def _person(name: str, role: Role) -> User:
    person = get_user_model().objects.create_user(name)
    person.groups.set([Group.objects.get(name=role)])
    return person


def _session(person: User) -> str:
    """As a browser has it that is signed in."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def _token(person: User) -> str:
    expires_at = timezone.now() + timedelta(days=1)
    return create_token(user=person, name="load", scope="run", expires_at=expires_at)[1]


def wait(*, jobs: list[str], patience: float) -> dict[str, float]:
    """Until the jobs have ended, or patience has; what became of them."""
    end = time.monotonic() + patience
    begun = Job.objects.named(jobs)
    while begun.unfinished().exists() and time.monotonic() < end:
        time.sleep(1)
    rows = begun.completed().values_list("rows_scored", flat=True)
    of_programs = Job.objects.filter(created_by__username__startswith="program-")
    times = begun.aggregate(created=Max("created_at"), ended=Max("finished_at"))
    behind = times["ended"] - times["created"] if times["ended"] else timedelta(0)
    return {
        "completed": len(rows),
        "unfinished": begun.unfinished().count(),
        "rows_wrong": sum(count != _rows_of_sample() for count in rows),
        "doubled": of_programs.exclude(name__in=jobs).count(),
        "behind": behind.total_seconds(),
    }


def _rows_of_sample() -> int:
    """As its own job has counted them."""
    first = Job.objects.filter(endpoint_name=ENDPOINT, input_asset__asset__name=DATA).earliest("created_at")
    return int(first.rows_scored)


def _wait(ask: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not ask():
        if time.monotonic() > end:
            raise SystemExit("The studio did not get ready for the load.")
        time.sleep(0.2)
