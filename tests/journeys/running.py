"""A whole studio, started as `make run` starts it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import trustme

from studio.embedded.home import runtime_dir
from studio.embedded.postgres import Postgres
from studio.embedded.processes import launched
from tests.journeys.forking import ForkingPython
from tests.oidc_server import CLIENT_ID, CLIENT_SECRET
from tests.services import free_port, temporary_home

PROJECT = Path(__file__).parents[2]
PASSWORD = "a-journey-begins"
SHELL_IMPORTS = (
    "import django; django.setup(); import django.test, studio.actions.endpoints, studio.actions.jobs"
)
NOTEBOOK_IMPORTS = "import mlflow.pyfunc, mlflow.sklearn, pandas, sklearn.linear_model, sklearn.pipeline"


@dataclass
class RunningStudio:
    home: Path
    address: str
    mlflow_uri: str
    process: subprocess.Popen[str]
    printed: str
    environment: dict[str, str]
    authority: trustme.CA  # whose https servers it trusts
    web_port: int  # at which data may be read from localhost
    oidc_port: int  # at which it expects an OpenID Connect provider
    database: "psycopg.Connection[tuple[Any, ...]]"
    pythons: dict[str, ForkingPython] = field(default_factory=dict)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(sql, values).fetchall()

    def run(self, code: str) -> str:
        """Python inside the studio, as `manage.py shell` runs it; what it prints."""
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "studio.settings"}
        shell = self._python("shell", SHELL_IMPORTS, environment, PROJECT)
        return shell.run(code).strip()

    def in_notebook(self, code: str, **environment: str) -> str:
        """Python as a notebook on this machine runs it: it knows MLflow's address and nothing else, or what
        `environment` says in its place."""
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "DJANGO_"))
        }
        for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "MLFLOW_TRACKING_URI"):
            plain.pop(name, None)
        plain["MLFLOW_DISABLE_TELEMETRY"] = "true"  # whose thread would be lost in a fork
        notebook = self._python("notebook", NOTEBOOK_IMPORTS, plain, self.home)
        return notebook.run(f"import mlflow\n{code}", environment or {"MLFLOW_TRACKING_URI": self.mlflow_uri})

    def _python(self, name: str, imports: str, environment: dict[str, str], folder: Path) -> ForkingPython:
        """The one of this name, started when it is first asked for."""
        if name not in self.pythons:
            self.pythons[name] = ForkingPython(
                imports=imports, environment=environment, folder=folder, outputs=self.home / name
            )
        return self.pythons[name]

    def child(self, words: str) -> psutil.Process:
        """The one process below the supervisor whose command has `words`, the oldest of its family."""
        return self.processes(words)[0]

    def processes(self, words: str) -> list[psutil.Process]:
        """Those below the supervisor whose commands have `words`; others may end while they are looked at."""
        found = []
        for one in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if words in " ".join(one.cmdline()):
                    found.append(one)
        return found

    def wait_for(self, ask: Callable[[], Any], *, seconds: float = 60, every: float = 0.1) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = ask()
            if answer:
                return answer
            time.sleep(every)
        raise AssertionError("waited in vain")

    def job(self, name: str) -> dict[str, Any]:
        fields = "status, error, rows_scored, rows_failed, files_failed, output_path, waiting_for"
        row = self.query(f"SELECT {fields} FROM studio_job WHERE name = %s", name)[0]
        return dict(zip(fields.split(", "), row, strict=True))

    def close(self) -> None:
        self.database.close()
        for python in self.pythons.values():
            python.close()

    def output(self, name: str, file: str = "predictions.csv") -> Path:
        return self.home / "datastore" / self.job(name)["output_path"] / file


@contextmanager
def running_studio() -> Iterator[RunningStudio]:
    home, port, mlflow_port = temporary_home(), free_port(), free_port()
    web_port, oidc_port = free_port(), free_port()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "authority.pem")
    plain = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    plain.pop("MLFLOW_TRACKING_URI", None)
    environment = {
        **plain,
        "STUDIO_HOME": str(home),
        "STUDIO_PORT": str(port),
        "STUDIO_MLFLOW_PORT": str(mlflow_port),
        "STUDIO_ADMIN_PASSWORD": PASSWORD,
        "STUDIO_ALLOWED_HOSTS_FOR_DATA": f"localhost:{web_port}",
        "STUDIO_CA_FILE": str(home / "authority.pem"),
        "STUDIO_OIDC_ISSUER": f"http://127.0.0.1:{oidc_port}",
        "STUDIO_OIDC_CLIENT_ID": CLIENT_ID,
        "STUDIO_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "STUDIO_OIDC_LABEL": "Clinic",
        "STUDIO_OIDC_ROLES": "science=Data scientist",
    }
    log = home / "console.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            launched([sys.executable, "manage.py", "up"], orphan_signal=signal.SIGTERM),
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
            text=True,
        )
    environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{mlflow_port}"
    try:
        while "is ready after" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        studio = RunningStudio(
            home=home,
            address=f"http://127.0.0.1:{port}",
            mlflow_uri=f"http://127.0.0.1:{mlflow_port}",
            process=process,
            printed=log.read_text(),
            environment=environment,
            authority=authority,
            web_port=web_port,
            oidc_port=oidc_port,
            database=psycopg.connect(Postgres(home).url("studio"), autocommit=True),
        )
        with closing(studio):
            yield studio
    finally:
        process.terminate()  # where this run was sent to the background, Ctrl-C's signal is ignored
        process.wait(timeout=60)
        shutil.rmtree(runtime_dir(home), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
