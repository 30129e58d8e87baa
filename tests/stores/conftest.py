"""Every kind of datastore, on its real server, for the tests that all of them have to pass."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.stores import LocalFolder, Store
from studio.stores.sftp import SftpFolder
from studio.stores.sftp_session import Session
from tests.stores.far import Place


@pytest.fixture
def local(tmp_path: Path) -> LocalFolder:
    (tmp_path / "root").mkdir()
    return LocalFolder(str(tmp_path / "root"))


@pytest.fixture
def s3(s3_place: Place) -> Store:
    return s3_place.store(folder="team/a")


@pytest.fixture
def second_s3(second_s3_place: Place) -> Store:
    return second_s3_place.store(folder=f"{uuid.uuid4().hex}/a")


@pytest.fixture
def azure(azure_place: Place) -> Store:
    return azure_place.store(folder="team/a")


@pytest.fixture
def gcs_store(google_bucket: dict[str, Any]) -> Store:
    return Place("gcs", google_bucket, {}).store(folder="team/a")


@pytest.fixture
def sftp(sftp_place: Place) -> SftpFolder:
    store = sftp_place.store()
    assert isinstance(store, SftpFolder)
    return store


@pytest.fixture
def asked(monkeypatch):
    """Requests as they are sent: their number in the protocol and what they carry."""
    sent = []
    real = Session.ask

    def ask(self, command, *given):
        sent.append((command, given))
        return real(self, command, *given)

    monkeypatch.setattr(Session, "ask", ask)
    return sent


@pytest.fixture(params=["local", "s3", "second_s3", "azure", "gcs_store", "sftp"])
def store(request: pytest.FixtureRequest) -> Store:
    """Of each kind in turn."""
    store: Store = request.getfixturevalue(request.param)
    return store


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def made(text: str | bytes, name: str = "") -> Path:
        path = tmp_path / (name or uuid.uuid4().hex)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return made
