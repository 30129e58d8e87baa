"""The MLflow server as a notebook on this machine uses it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from studio.embedded.mlflow import Mlflow, answers
from tests import running
from tests.services import Services, free_port

NOTEBOOK = """
import sys, mlflow
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run():
    model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    mlflow.sklearn.log_model(model, name="model", input_example=[[1.0]], registered_model_name="line")
version = MlflowClient().get_model_version("line", "1")
print(version.status, mlflow.pyfunc.load_model("models:/line/1").predict([[3.0]])[0].round(6))
MlflowClient().delete_registered_model("line")
"""


def test_a_notebook_registers_a_model_and_loads_it_again(tmp_path: Path) -> None:
    environment = {**os.environ, "MLFLOW_ENABLE_PROGRESS_BAR": "false"}
    command = [sys.executable, "-W", "ignore", "-c", NOTEBOOK, running.services.mlflow_uri]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert ran.stdout.split()[-2:] == ["READY", "3.0"], ran.stderr[-3000:]
    assert list((running.services.home / "mlflow" / "artifacts").rglob("MLmodel"))
    assert not list(tmp_path.rglob("*.db"))


def test_it_is_one_process_that_hides_its_password() -> None:
    running.services.mlflow_uri  # noqa: B018
    process = next(
        psutil.Process(each.pid) for each, child in running.services._running if child.name == "mlflow"
    )
    assert process.children() == []
    assert running.services.postgres.url("mlflow").split(":")[2].split("@")[0] not in " ".join(
        process.cmdline()
    )
    listening = [each.laddr.ip for each in process.net_connections(kind="inet") if each.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("method", "headers", "refused"),
    [
        ("GET", {"Host": "evil.example"}, True),
        ("POST", {"Origin": "https://evil.example"}, True),
        ("POST", {}, False),
    ],
)
def test_other_web_sites_cannot_use_it(method: str, headers: dict[str, str], refused: bool) -> None:
    path = "experiments/search" if method == "POST" else "registered-models/search"
    request = urllib.request.Request(  # noqa: S310
        f"{running.services.mlflow_uri}/api/2.0/mlflow/{path}",
        method=method,
        data=json.dumps({"max_results": 1}).encode() if method == "POST" else None,
        headers={"Content-Type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            status = answer.status
    except urllib.error.HTTPError as problem:
        status = problem.code
        problem.close()
    assert (status == 403) is refused, status


def test_without_a_database_of_its_own_it_keeps_a_file(tmp_path: Path) -> None:
    services = Services(tmp_path / "a home with spaces")
    services.home.mkdir()
    mlflow = Mlflow(services.home, port=free_port())
    services.start(mlflow.child())
    assert answers(f"{mlflow.uri()}/health")
    assert (services.home / "mlflow" / "mlflow.db").exists()
    services.stop()
