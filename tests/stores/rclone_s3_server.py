"""A third implementation of S3 on loopback: rclone, which hands a folder's files out and knows no conditions."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.embedded.processes import launched
from tests.services import free_port
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY
from tests.stores.second_s3_server import wait_for

RCLONE = Path(sys.executable).with_name("rclone")


@contextmanager
def rclone_s3_server(home: Path) -> Iterator[str]:
    """Gives its address. Each folder of `home` is a bucket."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(RCLONE), "serve", "s3", str(home), "--addr", f"127.0.0.1:{port}", "--config", "/dev/null"]
    command += ["--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    with subprocess.Popen(launched(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(address, process)
            yield address
        finally:
            process.terminate()
