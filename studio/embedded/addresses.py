"""The addresses and secrets of this studio: what the environment says, else those of the embedded services.

The same answers in every terminal, so that `manage.py` finds a studio that another terminal has started.
"""

from studio import env
from studio.embedded.home import secret, studio_home
from studio.embedded.postgres import Postgres
from studio.embedded.valkey import Valkey

DATABASE = "studio"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def given_database_url() -> str:
    return env.url(
        "DATABASE_URL",
        schemes=("postgresql", "postgres"),
        example="postgresql://user:password@host:5432/studio",
    )


def given_broker_url() -> str:
    return env.url(
        "BROKER_URL",
        schemes=("redis", "rediss", "redis+socket", "amqp", "amqps"),
        example="redis://host:6379/0 or amqp://user:password@host:5672//",
    )


def given_mlflow_uri() -> str:
    return env.url("MLFLOW_TRACKING_URI", schemes=("http", "https"), example="http://host:5000").rstrip("/")


def database_url() -> str:
    return given_database_url() or Postgres(studio_home()).url(DATABASE)


def broker_url() -> str:
    return given_broker_url() or Valkey(studio_home()).url()


def embedded_mlflow_uri() -> str:
    return f"http://127.0.0.1:{mlflow_port()}"


def mlflow_uri() -> str:
    return given_mlflow_uri() or embedded_mlflow_uri()


def secret_key() -> str:
    key = env.secret("SECRET_KEY")
    if key and len(key) < 32:
        raise env.SettingError("SECRET_KEY is too short; write at least 32 random characters, or unset it.")
    return key or secret(studio_home(), "secret-key")


def bind() -> str:
    return env.text("STUDIO_BIND", "127.0.0.1")


def port() -> int:
    return env.integer("STUDIO_PORT", 8000, minimum=1, maximum=65535)


def local_host(bind: str) -> str:
    """Where this machine itself reaches a studio that listens at `bind`."""
    return EVERYWHERE.get(bind, bind)


def local_address(*, bind: str, port: int) -> str:
    return f"http://{bracketed(local_host(bind))}:{port}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def mlflow_port() -> int:
    return env.integer("STUDIO_MLFLOW_PORT", 5050, minimum=1, maximum=65535)


def admin_password() -> str:
    return env.secret("STUDIO_ADMIN_PASSWORD")


def with_samples() -> bool:
    return env.boolean("STUDIO_SAMPLES", True)
