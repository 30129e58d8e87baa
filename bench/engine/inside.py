"""What is done inside the studio, in `manage.py shell`: models are deployed and jobs submitted through its actions.

Each function that Studio.ask() calls takes and gives plain values.
"""

import time
from typing import Any

from django.contrib.auth import get_user_model

from bench.engine.studio import SLOTS
from scoring.settings import ScoringSettings
from studio.actions.compute import (
    edit_cluster,
    set_up_local_cluster,
    start_cluster,
    stop_cluster,
    wake_cluster,
)
from studio.actions.datastores import create_datastore
from studio.actions.endpoints import create_deployment
from studio.actions.jobs import JobRequest, submit_job
from studio.models import Cluster, Datastore, Deployment, Endpoint, Job, ModelVersion, Node
from studio.stores import open_store

DATASTORE = ENDPOINT = "bench"
TIMEOUT = 3600  # of a mini-batch: the large file may be one
PATIENCE = 1800.0
PAUSE = 0.5  # between two jobs, so that what follows Completed is over
SETTLING = 15.0  # a node that has joined readies what its scorers are forked from


def set_up(*, folder: str, models: list[str]) -> None:
    """A node of two slots, `folder` as a datastore, and each model deployed under its name."""
    admin, cluster = _admin(), set_up_local_cluster()
    if cluster.slots != SLOTS:
        edit_cluster(
            user=admin, cluster=cluster, revision=cluster.revision, slots=SLOTS, max_nodes=cluster.max_nodes
        )
    create_datastore(
        user=admin, name=DATASTORE, description="", kind=Datastore.Kind.LOCAL, options={"root": folder}
    )
    for number, model in enumerate(models):
        _deploy(cluster, model, is_first=not number)


def add_datastore(*, name: str, kind: str, options: dict[str, Any], secrets: dict[str, str]) -> None:
    create_datastore(user=_admin(), name=name, description="", kind=kind, options=options, secrets=secrets)


def _deploy(cluster: Cluster, model: str, *, is_first: bool) -> None:
    versions = ModelVersion.objects.filter(registered_model__name=model)
    _wait(lambda: versions.exists(), f"the model {model} to appear")
    deployment = create_deployment(
        user=_admin(),
        endpoint=None if is_first else Endpoint.objects.get(name=ENDPOINT),
        new_endpoint={"name": ENDPOINT} if is_first else None,
        name=model,
        model_version=versions.get(),
        cluster=cluster,
        settings=ScoringSettings(timeout=TIMEOUT),
    )
    _wait(lambda: _row(deployment)["finished_at"], f"the deployment of {model}")
    deployment.refresh_from_db()
    if not deployment.is_ready:
        raise SystemExit(f"The deployment of {model} is {deployment.status}: {deployment.error}")


def run_jobs(
    *, model: str, path: str, runs: int = 1, datastore: str = DATASTORE, **overrides: Any
) -> list[dict[str, float]]:
    """Jobs one after the other, each timed by two clocks; its outputs are deleted."""
    deployment = Deployment.objects.get(endpoint__name=ENDPOINT, name=model)
    wake_cluster(deployment.cluster, times=1)  # connects this process to the broker, as the web process is
    timed = []
    for _run in range(runs):
        time.sleep(PAUSE)
        began = time.perf_counter()
        job = submit_job(
            user=_admin(),
            request=JobRequest(
                deployment=deployment,
                overrides=overrides,
                input_datastore=Datastore.objects.get(name=datastore),
                input_path=path,
            ),
        )
        _wait(lambda job=job: _row(job)["finished_at"], f"the job over {path}")
        timed.append(_figures(job, time.perf_counter() - began))
        open_store(job.output_datastore).delete_folder(job.output_path)
    return timed


def _figures(job: Job, clock: float) -> dict[str, float]:
    job.refresh_from_db()
    if not job.is_completed or job.rows_failed:
        raise SystemExit(f"The job over {job.input_path} is {job.status_label}: {job.error}")
    assert job.finished_at
    return {
        "clock": clock,
        "rows": (job.finished_at - job.created_at).total_seconds(),
        "minibatches": job.minibatches_total,
        "scored": job.rows_scored,
        "own cost": own_cost(job),
    }


def own_cost(job: Job) -> float:
    """Seconds that a mini-batch takes besides what its scorer reports, of a job that used one slot at a time.

    From the end of the first mini-batch to the end of the last one, as their rows say, minus the seconds that the
    scorers report for all but the first (whose scorer may have had to start), divided by their number. So it has the
    claim, the dispatch to the scorer and back, staging the part out and the record.
    """
    rows = list(job.minibatches.order_by("finished_at").values("finished_at", "report"))
    if len(rows) < 2:
        return 0.0
    wall = (rows[-1]["finished_at"] - rows[0]["finished_at"]).total_seconds()
    inside = sum(sum(row["report"]["seconds"].values()) for row in rows[1:])
    return (wall - inside) / (len(rows) - 1)


def restart_node(*, settled: bool) -> None:
    """Afterwards a node is there that runs no scorer; the environments of the deployments are there too.

    `settled`: it has been there for some seconds.
    """
    cluster = set_up_local_cluster()
    alive = Node.objects.alive().filter(cluster=cluster)
    stop_cluster(user=_admin(), cluster=cluster)
    _wait(lambda: not alive.exists(), "the node to end")
    start_cluster(user=_admin(), cluster=cluster)
    _wait(lambda: Node.objects.taking_work().filter(cluster=cluster).exists(), "a node to start")
    if settled:
        time.sleep(SETTLING)


def _admin() -> Any:
    return get_user_model().objects.get(username="admin")


def _row(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = type(row).objects.values("finished_at").get(pk=row.pk)
    return found


def _wait(ask: Any, what: str) -> None:
    """Asks more seldom the longer it takes, within 2 %, so that asking costs the job nothing."""
    began = time.monotonic()
    while not ask():
        waited = time.monotonic() - began
        if waited > PATIENCE:
            raise SystemExit(f"Waited {PATIENCE:.0f} s in vain for {what}.")
        time.sleep(min(max(waited / 50, 0.01), 0.25))
