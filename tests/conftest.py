import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import trustme
from botocore.loaders import create_loader
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from xdist.scheduler import LoadScopeScheduling

from tests import factories
from tests.stores import azure_server
from tests.stores.far import Place
from tests.stores.gcs_server import GcsServer, gcs_server
from tests.stores.https_server import Server, https_server
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY, s3_client, s3_server
from tests.stores.second_s3_server import second_s3_server
from tests.stores.sftp_server import SftpServer, sftp_server

JOURNEYS = "tests/journeys/"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick tests first; whole starts of the studio and the journeys last. Of two workers one begins with journeys."""

    def place(item: pytest.Item) -> int:
        if item.nodeid.startswith(JOURNEYS):
            return 0 if hasattr(config, "workerinput") else 3
        return 2 if "test_up" in item.nodeid else 1

    items.sort(key=place)


class JourneysTogether(LoadScopeScheduling):
    """Journeys stay together, since they share one studio and freeze or kill parts of it. All else goes module by
    module."""

    def _split_scope(self, nodeid: str) -> str:
        return JOURNEYS if nodeid.startswith(JOURNEYS) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> JourneysTogether:
    config.option.loadscopereorder = False
    return JourneysTogether(config, log)


@pytest.fixture(autouse=True, scope="session")
def quick_settings() -> Iterator[None]:
    """Slow hashing protects real passwords, not those of tests. Static files are looked for when one is asked for: else
    each test client reads the folder."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(autouse=True, scope="session")
def descriptions_of_s3_are_read_once() -> Iterator[None]:
    """A megabyte of JSON, which each new client would parse for itself; the studio keeps its clients, tests do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield


@pytest.fixture
def person(db: None) -> Any:
    return factories.user("ada")


@pytest.fixture
def signed_in(person: Any) -> Client:
    """A browser in which `person` is signed in."""
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def htmx() -> dict[str, str]:
    """Headers that htmx sends."""
    return {"HX-Request": "true"}


@pytest.fixture
def store(db: None, tmp_path: Path) -> Any:
    """The default datastore, in a folder of this test."""
    return factories.datastore(tmp_path / "store")


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str) -> dict[str, Any]:
    """Options of a fresh one."""
    return made_bucket(s3_address)


def made_bucket(address: str) -> dict[str, Any]:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    client = s3_client(address)
    client.create_bucket(Bucket=name)
    return {"bucket": name, "endpoint": address, "region": "us-east-1", "path_style": True}


@pytest.fixture(scope="session")
def second_s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with second_s3_server(tmp_path_factory.mktemp("seaweedfs")) as address:
        yield address


@pytest.fixture(scope="session")
def second_s3_place(second_s3_address: str) -> Place:
    """One bucket for all tests, each in a folder of its own: this server takes its time to make one."""
    return Place("s3", made_bucket(second_s3_address), {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY})


@pytest.fixture(scope="session")
def sshd() -> Iterator[SftpServer]:
    with sftp_server() as server:
        yield server


@pytest.fixture
def sftp_folder(sshd: SftpServer) -> Path:
    """A fresh one, on the server's disk."""
    return sshd.folder(uuid.uuid4().hex)


@pytest.fixture
def sftp_place(sshd: SftpServer, sftp_folder: Path) -> Place:
    return Place("sftp", sshd.options(sftp_folder), {"private_key": sshd.private_key})


@pytest.fixture
def s3_place(bucket: dict[str, Any]) -> Place:
    return Place("s3", bucket, {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY})


@pytest.fixture(scope="session")
def azure_address() -> Iterator[str]:
    with azure_server.azure_server() as address:
        yield address


@pytest.fixture
def azure_place(azure_address: str) -> Place:
    """A fresh container."""
    name = f"container-{uuid.uuid4().hex[:12]}"
    azure_server.service(azure_address).create_container(name)
    options = {"account": azure_server.ACCOUNT, "container": name, "endpoint": azure_address}
    return Place("azure", options, {"account_key": azure_server.ACCOUNT_KEY})


@pytest.fixture(scope="session")
def google_server() -> Iterator[GcsServer]:
    with gcs_server() as server:
        yield server


@pytest.fixture
def google(google_server: GcsServer) -> GcsServer:
    """Nothing asked of it yet, and nothing wrong with it."""
    google_server.asked.clear()
    google_server.faults.clear()
    return google_server


@pytest.fixture
def google_bucket(google: GcsServer) -> dict[str, Any]:
    """Options of a fresh one."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    google.make_bucket(name)
    return {"bucket": name, "endpoint": google.address}


@pytest.fixture
def gcs_place(google: GcsServer, google_bucket: dict[str, Any]) -> Place:
    return Place("gcs", google_bucket, {"key_file": google.key_file()})


@pytest.fixture(params=["s3", "azure", "gcs"])
def far(request: pytest.FixtureRequest) -> Place:
    """Of each kind of object store in turn."""
    place: Place = request.getfixturevalue(f"{request.param}_place")
    return place


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Signs the certificates of the tests' https servers."""
    return trustme.CA()


@pytest.fixture
def web(authority: trustme.CA, tmp_path: Path, settings: Any) -> Iterator[Server]:
    """An https server that data may be read from."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    settings.CA_FILE = str(tmp_path / "authority.pem")
    with https_server(authority) as server:
        settings.ALLOWED_HOSTS_FOR_DATA = frozenset({("localhost", server.port)})
        yield server


@pytest.fixture
def queries() -> Callable[[], Any]:
    """Counts the queries of a block: `with queries() as seen: …; len(seen)`."""

    @contextmanager
    def counting() -> Iterator[CaptureQueriesContext]:
        with CaptureQueriesContext(connection) as seen:
            yield seen

    return counting


@pytest.fixture(scope="session")
def python() -> str:
    return sys.executable
