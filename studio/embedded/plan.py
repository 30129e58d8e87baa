"""All settings of one start of the studio, read and checked before anything is started."""

from dataclasses import dataclass
from pathlib import Path

from studio import env
from studio.embedded import addresses
from studio.embedded.checks import check_broker, check_database, check_mlflow, check_port
from studio.embedded.home import studio_home
from studio.embedded.mlflow import HOST as MLFLOW_HOST
from studio.oidc import OpenIdProvider, read_provider


@dataclass(frozen=True)
class Plan:
    home: Path
    bind: str
    port: int
    mlflow_port: int
    database_url: str
    broker_url: str
    mlflow_uri: str
    secret_key: str
    admin_password: str
    samples: bool
    oidc: OpenIdProvider | None
    # Whether the studio starts this service itself, or was given one elsewhere.
    own_database: bool
    own_broker: bool
    own_mlflow: bool

    @property
    def host(self) -> str:
        """Where this machine itself reaches the studio."""
        return addresses.local_host(self.bind)

    @property
    def address(self) -> str:
        return addresses.local_address(bind=self.bind, port=self.port)

    def environment(self) -> dict[str, str]:
        return {
            "STUDIO_HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "BROKER_URL": self.broker_url,
            "MLFLOW_TRACKING_URI": self.mlflow_uri,
            "SECRET_KEY": self.secret_key,
            "STUDIO_OIDC_CLIENT_SECRET": self.oidc.client_secret if self.oidc else "",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONUNBUFFERED": "1",
        }


def read_plan() -> Plan:
    plan = Plan(
        home=studio_home(),
        bind=addresses.bind(),
        port=addresses.port(),
        mlflow_port=addresses.mlflow_port(),
        database_url=addresses.database_url(),
        broker_url=addresses.broker_url(),
        mlflow_uri=addresses.mlflow_uri(),
        secret_key=addresses.secret_key(),
        admin_password=addresses.admin_password(),
        samples=addresses.with_samples(),
        oidc=read_provider(),
        own_database=not addresses.given_database_url(),
        own_broker=not addresses.given_broker_url(),
        own_mlflow=not addresses.given_mlflow_uri(),
    )
    if plan.own_mlflow and plan.port == plan.mlflow_port:
        raise env.SettingError(
            f"STUDIO_PORT and STUDIO_MLFLOW_PORT are both {plan.port}; give one of them another number."
        )
    return plan


def check(plan: Plan) -> None:
    check_port(plan.bind, plan.port, setting="STUDIO_PORT", what="the studio")
    if plan.own_mlflow:
        check_port(MLFLOW_HOST, plan.mlflow_port, setting="STUDIO_MLFLOW_PORT", what="MLflow")
    else:
        check_mlflow(plan.mlflow_uri)
    if not plan.own_database:
        check_database(plan.database_url)
    if not plan.own_broker:
        check_broker(plan.broker_url)
