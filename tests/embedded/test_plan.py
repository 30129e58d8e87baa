"""Wrong settings stop the start before anything runs, each with the fix."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.embedded import checks, plan
from studio.embedded.home import StartError, runtime_dir
from studio.env import SettingError
from tests.services import Services, free_port

VARIABLES = ("DATABASE_URL", "BROKER_URL", "MLFLOW_TRACKING_URI", "SECRET_KEY", "STUDIO_ADMIN_PASSWORD")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in (*VARIABLES, "STUDIO_BIND", "STUDIO_SAMPLES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_PORT", str(free_port()))
    monkeypatch.setenv("STUDIO_MLFLOW_PORT", str(free_port()))
    yield
    runtime_dir(tmp_path / "home").rmdir()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ["STUDIO_PORT", "STUDIO_MLFLOW_PORT"])
def test_taken_port(monkeypatch: pytest.MonkeyPatch, taken: int, name: str) -> None:
    monkeypatch.setenv(name, str(taken))
    monkeypatch.setattr(checks, "PATIENCE", 0.2)
    with pytest.raises(StartError, match=f"Port {taken} .* taken by another program. .*{name}={taken + 1}"):
        plan.check(plan.read_plan())


def test_one_port_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PORT", "8765")
    monkeypatch.setenv("STUDIO_MLFLOW_PORT", "8765")
    with pytest.raises(SettingError, match="both 8765"):
        plan.read_plan()


@pytest.mark.parametrize("bind", ["203.0.113.7", "not a host"])
def test_address_of_another_machine(monkeypatch: pytest.MonkeyPatch, bind: str) -> None:
    monkeypatch.setenv("STUDIO_BIND", bind)
    with pytest.raises(StartError, match=r"STUDIO_BIND is .*STUDIO_BIND=127\.0\.0\.1"):
        plan.check(plan.read_plan())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://user:secret-word@127.0.0.1:{port}/studio"),
        ("BROKER_URL", "redis://:secret-word@127.0.0.1:{port}/0"),
        ("BROKER_URL", "amqp://user:secret-word@127.0.0.1:{port}//"),
        ("MLFLOW_TRACKING_URI", "http://user:secret-word@127.0.0.1:{port}"),
    ],
)
def test_service_elsewhere_that_is_away(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    port = free_port()
    monkeypatch.setenv(name, value.format(port=port))
    with pytest.raises(StartError) as refused:
        plan.check(plan.read_plan())
    assert name in str(refused.value)
    assert f"127.0.0.1:{port}" in str(refused.value)
    assert f"or correct {name}, or unset it" in str(refused.value)
    assert "secret-word" not in str(refused.value)


def test_services_elsewhere_that_answer(monkeypatch: pytest.MonkeyPatch, running: Services) -> None:
    monkeypatch.setenv("DATABASE_URL", running.database_url())
    monkeypatch.setenv("BROKER_URL", running.broker_url)
    chosen = plan.read_plan()
    plan.check(chosen)
    assert not chosen.own_database
    assert not chosen.own_broker
    assert chosen.own_mlflow


def test_studio_is_reached_on_this_machine_when_it_listens_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STUDIO_BIND", "0.0.0.0")
    monkeypatch.setenv("STUDIO_PORT", "8123")
    assert plan.read_plan().address == "http://127.0.0.1:8123"


def test_url_is_shown_without_its_password() -> None:
    assert (
        checks.without_password("postgresql://u:p@host:5432/studio?password=x")
        == "postgresql://host:5432/studio"
    )
