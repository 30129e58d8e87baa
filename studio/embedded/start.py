"""`manage.py up`: the whole studio on one machine, in order, until Ctrl-C."""

import http.client
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from studio import env
from studio.embedded.addresses import DATABASE, bracketed
from studio.embedded.home import PROJECT, StartError, only_one
from studio.embedded.mlflow import Mlflow
from studio.embedded.plan import Plan, check, read_plan
from studio.embedded.postgres import Postgres
from studio.embedded.processes import BACKGROUND, Child
from studio.embedded.supervisor import StopRequested, Supervisor
from studio.embedded.valkey import Valkey
from studio.errors import StudioError

# Each computes on one core at most. Not more of them, for their memory and for the connections of their threads.
WEB_PROCESSES = min(2, os.cpu_count() or 1)


def say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:
        pass  # the terminal is gone; stopping must go on


def main() -> None:
    try:
        plan = read_plan()
        with only_one(plan.home):
            check(plan)
            run(plan)
    except (StopRequested, KeyboardInterrupt):
        say("Stopped.")
    except (StudioError, env.SettingError) as problem:
        sys.exit(f"\n{problem}")


def run(plan: Plan) -> None:
    began = time.monotonic()
    say(f"Scoring Studio starts; its state is in {plan.home}")
    with Supervisor(folder=plan.home / "logs", say=say) as supervisor:
        start_services(plan, supervisor)
        command(plan, supervisor, "migrate", "--no-input", "--skip-checks")
        made = set_up(plan, supervisor)
        try:
            supervisor.start(*own_processes(plan))
            supervisor.wait()
            if plan.samples:
                make_samples(plan, supervisor)
        except BaseException:
            if made.password:  # it cannot be told again
                say(f"  The administrator was made: admin / {made.password}   (shown only this once)")
            raise
        say(banner(plan, made, time.monotonic() - began))
        supervisor.watch()


def start_services(plan: Plan, supervisor: Supervisor) -> None:
    database = ""
    if plan.own_database:
        postgres = Postgres(plan.home)
        supervisor.start(postgres.child())
        supervisor.wait()
        postgres.create_database(DATABASE)
        if plan.own_mlflow:
            postgres.create_database("mlflow")
            database = postgres.url("mlflow")
    if plan.own_broker:
        supervisor.start(Valkey(plan.home).child())
        supervisor.wait()
    if plan.own_mlflow:
        # Not waited for: it takes longest, and the next steps do not need it.
        supervisor.start(Mlflow(plan.home, port=plan.mlflow_port, database=database).child())


def own_child(plan: Plan, name: str, *arguments: str) -> Child:
    return Child(
        name=name,
        command=[sys.executable, *arguments],
        folder=PROJECT,
        environment=plan.environment(),
        grace=25,
    )


def own_processes(plan: Plan) -> list[Child]:
    listen = f"{bracketed(plan.bind)}:{plan.port}"
    web = ["-m", "gunicorn", "studio.wsgi", "-k", "gthread", "-w", str(WEB_PROCESSES), "--threads", "8"]
    web += ["--graceful-timeout", "10", "--no-control-socket", "--bind", listen]
    celery = ["-m", "celery", "-A", "studio"]
    beat = [*celery, "beat", "--loglevel", "INFO", "-s", str(plan.home / "beat-schedule"), "--pidfile="]
    control = [*celery, "worker", "-Q", "control", "--pool", "threads", "-c", "4", "-n", "control@%h"]
    control += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
    return [
        replace(own_child(plan, "web", *web), is_ready=lambda: serves(plan.host, plan.port), grace=12),
        replace(own_child(plan, "control", *control), ready_text=" ready.", niceness=BACKGROUND),
        replace(own_child(plan, "beat", *beat), ready_text="maxinterval", grace=10),
        # It is ready when its nodes are, one start after the other.
        replace(own_child(plan, "machine", "manage.py", "machine"), ready_text="ready.", ready_within=120),
    ]


def serves(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def command(plan: Plan, supervisor: Supervisor, name: str, *arguments: str, **environment: str) -> str:
    """One of manage.py's, to its end."""
    began = time.monotonic()
    child = own_child(plan, name, "manage.py", name, *arguments)
    printed = supervisor.run(replace(child, environment={**child.environment, **environment}))
    say(f"  {name:<16} {time.monotonic() - began:5.1f} s")
    return printed


@dataclass(frozen=True)
class Made:
    password: str = ""  # where one was made just now
    clusters: Sequence[str] = ()


def set_up(plan: Plan, supervisor: Supervisor) -> Made:
    """The administrator and what else a studio needs once."""
    given = {"STUDIO_ADMIN_PASSWORD": plan.admin_password} if plan.admin_password else {}
    for line in command(plan, supervisor, "setup", **given).splitlines():
        if line.startswith("{"):
            return Made(**json.loads(line))
    return Made()


def make_samples(plan: Plan, supervisor: Supervisor) -> None:
    try:
        command(plan, supervisor, "samples")
    except StartError as problem:
        # The studio itself works; what failed is a look at it.
        say(f"  The sample could not be made; all else works. {problem}")


def banner(plan: Plan, made: Made, seconds: float) -> str:
    if made.password:
        sign_in = f"admin / {made.password}   (shown only this once)"
    elif plan.admin_password:
        sign_in = "admin, with the password in STUDIO_ADMIN_PASSWORD"
    else:
        sign_in = "admin, with the password shown at first start (lost: start with STUDIO_ADMIN_PASSWORD=…)"
    return "\n".join(
        [
            "",
            f"Scoring Studio is ready after {seconds:.0f} s",
            f"  Address    {plan.address}",
            f"  Sign in    {sign_in}",
            f"  MLflow     {plan.mlflow_uri}",
            f'             mlflow.set_tracking_uri("{plan.mlflow_uri}")',
            f"  Clusters   {', '.join(made.clusters)} (on this machine)",
            f"  Logs       {plan.home / 'logs'}",
            "  Stop       Ctrl-C",
            "",
        ]
    )
