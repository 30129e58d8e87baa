"""The MLflow server of one machine: the registry that notebooks write to and the studio reads.

`mlflow server` keeps a second process with all of MLflow imported, only to start and watch the server. The
supervisor does that here, so the server itself is started: half the memory (0.25 GB) and half the time (5 s). The
variables are those that `mlflow server` hands to it; the pinned version and tests/embedded keep them true.
"""

import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from studio.embedded.home import make_folder
from studio.embedded.processes import Child

HOST = "127.0.0.1"


class Mlflow:
    def __init__(self, home: Path, *, port: int, database: str = "") -> None:
        self.folder = home / "mlflow"
        self.port = port
        self.store = database.replace("postgresql://", "postgresql+psycopg://", 1) or self._sqlite()

    def uri(self) -> str:
        return f"http://{HOST}:{self.port}"

    def ensure(self) -> None:
        make_folder(self.folder)

    def command(self) -> list[str]:
        options = [
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--no-access-log",
            "--timeout-graceful-shutdown",
            "5",
        ]
        return [sys.executable, "-m", "uvicorn", *options, "mlflow.server.fastapi_app:app"]

    def environment(self) -> dict[str, str]:
        return {
            "_MLFLOW_SERVER_FILE_STORE": self.store,
            "_MLFLOW_SERVER_REGISTRY_STORE": self.store,
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(self.folder / "artifacts"),
            "_MLFLOW_SERVER_BOOT_ID": uuid.uuid4().hex,
            "_MLFLOW_SGI_NAME": "uvicorn",
            "_MLFLOW_IN_JOB_EXECUTOR": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "PYTHONWARNINGS": "ignore",
        }

    def is_ready(self) -> bool:
        # Not /health alone: the first real question makes the tables.
        return answers(f"{self.uri()}/api/2.0/mlflow/registered-models/search?max_results=1")

    def child(self) -> Child:
        return Child(
            name="mlflow",
            command=self.command(),
            is_ready=self.is_ready,
            ready_within=120,
            environment=self.environment(),
            prepare=self.ensure,
            folder=self.folder.parent,
        )

    def _sqlite(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"


def answers(address: str, *, seconds: float = 2) -> bool:
    """Asked directly: a proxy that the environment names is not for this machine's own services."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            address, timeout=seconds
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
