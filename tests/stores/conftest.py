"""Every kind of datastore, on its real server, for the tests that all of them have to pass."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.stores import LocalFolder, Store, store_of
from studio.stores.s3 import S3Bucket
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY


@pytest.fixture
def s3(bucket: dict[str, Any]) -> S3Bucket:
    store = store_of(
        "s3", {**bucket, "folder": "team/a"}, {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    )
    assert isinstance(store, S3Bucket)
    return store


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Of each kind in turn."""
    if request.param == "local":
        (tmp_path / "root").mkdir()
        return LocalFolder(str(tmp_path / "root"))
    return request.getfixturevalue(request.param)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def made(text: str | bytes, name: str = "") -> Path:
        path = tmp_path / (name or uuid.uuid4().hex)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return made
