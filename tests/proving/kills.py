"""Jobs under which processes are killed at random moments: every row is in the output, once, and no job is stuck.

Each round submits one job over one large file, divided into mini-batches, and harms one process of the studio while it
runs. The output must be, byte for byte, that of the same job left alone.
"""

import os
import platform
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.journeys.running import RunningStudio

ROWS = 240_000
FROZEN_SECONDS = 20  # longer than the silence after which a node counts as lost
ENDS_WITHIN = 180
MODEL = """
import pandas as pd
from mlflow.models import infer_signature

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import time
        time.sleep(0.25)
        return model_input["a"] * model_input["b"]

frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model", python_model=Slow(), registered_model_name="proof-of-kills",
        signature=infer_signature(frame, frame["a"]),
        pip_requirements=["mlflow==3.17.2", "pandas==3.1.1", "numpy==2.4.6"],
    )
"""
DEPLOY = """
from django.contrib.auth import get_user_model
from scoring.settings import ScoringSettings
from studio.actions.endpoints import create_deployment
from studio.models import Cluster, ModelVersion
import time
deployment = create_deployment(
    user=get_user_model().objects.get(username="admin"), endpoint=None, new_endpoint={"name": "proof-of-kills"},
    name="slow", model_version=ModelVersion.objects.get(registered_model__name="proof-of-kills"),
    cluster=Cluster.objects.get(name="cpu-cluster"),
    settings=ScoringSettings(split_size=1 << 20, timeout=60, max_retries=10),
)
while not deployment.finished_at:
    time.sleep(0.2)
    deployment.refresh_from_db()
assert deployment.is_ready, deployment.error
"""
SUBMIT = """
from django.contrib.auth import get_user_model
from studio.actions.datastores import default_datastore
from studio.actions.jobs import JobRequest, submit_job
from studio.models import Deployment
print(submit_job(user=get_user_model().objects.get(username="admin"), request=JobRequest(
    deployment=Deployment.objects.get(endpoint__name="proof-of-kills"),
    input_datastore=default_datastore(), input_path="proof-of-kills")).name)
"""
REGISTERED = "SELECT 1 FROM studio_registeredmodel WHERE name = 'proof-of-kills'"
FINAL = ("Completed", "Failed", "Canceled")


@dataclass(frozen=True, kw_only=True)
class Round:
    harm: str
    after: float  # seconds from the job's submission
    seconds: float  # that the job took
    status: str
    same: bool  # the output is that of the job left alone


def _kill(words: str) -> Callable[[RunningStudio, random.Random], None]:
    def killing(studio: RunningStudio, chance: random.Random) -> None:
        if chosen := studio.processes(words):
            chance.choice(chosen).kill()

    return killing


def _freeze_node(studio: RunningStudio, chance: random.Random) -> None:
    for node in studio.processes("manage.py node")[:1]:
        os.kill(node.pid, signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        os.kill(node.pid, signal.SIGCONT)


HARMS: dict[str, Callable[[RunningStudio, random.Random], None]] = {
    "a scorer, or the parent of scorers, killed": _kill("scoring/scorer"),
    "the node killed": _kill("manage.py node"),
    "the control worker killed": _kill("-Q control"),
    "the broker killed": _kill("valkey-server"),
    f"the node stopped for {FROZEN_SECONDS} s, then let go on": _freeze_node,
}


def rounds(studio: RunningStudio, *, count: int, seed: int) -> Iterator[Round]:
    """`count` of them, one harm after the other, at moments that follow from `seed`."""
    chance = random.Random(seed)
    expected = _left_alone(studio)
    names = list(HARMS)
    for number in range(count):
        harm = names[number % len(names)]
        after = chance.uniform(0, 6)
        began = time.monotonic()
        job = studio.run(SUBMIT)
        time.sleep(after)
        HARMS[harm](studio, chance)
        status = _end_of(studio, job)
        same = status == "Completed" and studio.output(job).read_bytes() == expected
        yield Round(harm=harm, after=after, seconds=time.monotonic() - began, status=status, same=same)


def _left_alone(studio: RunningStudio) -> bytes:
    if not studio.query(REGISTERED):
        _prepare(studio)
    job = studio.run(SUBMIT)
    assert _end_of(studio, job) == "Completed", studio.job(job)
    output = studio.output(job).read_bytes()
    head, *lines = (line.split(",") for line in output.decode().splitlines())
    assert head == ["row", "prediction", "file_name"]
    assert [(int(row), float(value), name) for row, value, name in lines] == [
        (row, row * 0.5 * (row + 1), "rows.csv") for row in range(ROWS)
    ]
    return output


def _prepare(studio: RunningStudio) -> None:
    folder = studio.home / "datastore" / "proof-of-kills"
    folder.mkdir(parents=True)
    note = "a line of a size that makes the file worth dividing"
    rows = "".join(f'{row * 0.5},{row + 1},"{note}\n{row}"\n' for row in range(ROWS))
    (folder / "rows.csv").write_text("a,b,note\n" + rows)
    studio.in_notebook(MODEL)
    studio.wait_for(lambda: studio.query(REGISTERED), seconds=30)
    studio.run(DEPLOY)


def _end_of(studio: RunningStudio, job: str) -> str:
    ended = studio.wait_for(
        lambda: (status := studio.job(job)["status"]) in FINAL and status, seconds=ENDS_WITHIN
    )
    return str(ended)


def page(results: Sequence[Round], seed: int) -> str:
    """docs/kills.md"""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, seed {seed}"
    head = f"""# Jobs under which processes were killed

`make prove` on {datetime.now(UTC):%Y-%m-%d}, {machine}: {len(results)} jobs over one CSV file of
{ROWS:,} rows, each divided into mini-batches and harmed once at a random moment.
*Same*: the output is, byte for byte, that of the job left alone.

| harm | jobs | completed | same | longest |
| --- | --- | --- | --- | --- |
"""
    lines = []
    for harm in HARMS:
        some = [one for one in results if one.harm == harm]
        completed, same = sum(one.status == "Completed" for one in some), sum(one.same for one in some)
        longest = max((one.seconds for one in some), default=0)
        lines.append(f"| {harm} | {len(some)} | {completed} | {same} | {longest:.0f} s |\n")
    return head + "".join(lines)
