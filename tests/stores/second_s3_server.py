"""A second implementation of S3 on loopback: SeaweedFS, which keeps its objects in a folder."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.embedded.processes import launched
from tests.services import free_port
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

WEED = Path(sys.executable).with_name("weed")
ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


@contextmanager
def second_s3_server(home: Path) -> Iterator[str]:
    """Gives its address. Each bucket takes several volumes, of which there may be as many as tests like."""
    identity = {
        "name": "studio",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ACTIONS,
    }
    (home / "s3.json").write_text(json.dumps({"identities": [identity]}))
    port = free_port()
    command = [str(WEED), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={home}", "-s3"]
    command += [f"-s3.port={port}", f"-s3.config={home / 's3.json'}", "-volume.max=10000"]
    command += ["-master.volumeSizeLimitMB=256", "-master.telemetry=false"]
    for part in ("master", "volume", "filer"):
        command += [f"-{part}.port={free_port()}", f"-{part}.port.grpc={free_port()}"]
    command += [f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    with subprocess.Popen(launched(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process)
            yield address
        finally:
            process.kill()  # it would wait half a minute for its own parts


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until the server of this process answers there, whatever it says."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310
                return
        except urllib.error.HTTPError:
            return  # it answers, if only that one has to sign
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.1)
