"""Prints how long Browse waits for a page of a folder with 100,000 objects, for each kind of datastore or those named.

Exit code 1: missed.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.engine.machine import machine

OBJECTS, PAGE, TIMES, MOST = 100_000, 100, 5, 1.0  # the last: seconds
SENDERS = 8
SOME = "0488"  # that the names of 100 objects begin with; SFTP looks at half of all
BUCKET, FOLDER = "bench-listing", "many"


def main() -> int:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ.update(DJANGO_SETTINGS_MODULE="studio.settings", STUDIO_HOME=str(home / "home"))
        os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none")
        os.environ.update(BROKER_URL="redis://127.0.0.1:9", SECRET_KEY="only-for-the-benchmark-" + "x" * 32)
        import django

        django.setup()
        print(*machine(), sep="\n")
        print("| Datastore | First page, s | A page in the middle, s | Some names by their beginning, s |")
        print("| --- | ---: | ---: | ---: |", flush=True)
        chosen = [KINDS[name] for name in sys.argv[1:] or KINDS]
        return int(max([measure(made.__name__, *made(stack, home)) for made in chosen]) > MOST)


def measure(name: str, store: Any, put: Callable[[str], object]) -> float:
    """Gives the longest median."""
    with ThreadPoolExecutor(SENDERS) as senders:
        keys = iter(f"{FOLDER}/{number:06}.csv" for number in range(OBJECTS))
        while some := list(islice(keys, 1000)):
            list(senders.map(put, some))
    begin, first = taken(store)
    for _page in range(20):
        begin = store.entries(FOLDER, begin=begin, limit=PAGE).after
    _after, middle = taken(store, begin=begin)
    _after, some = taken(store, prefix=SOME)
    print(f"| {name} | {first:.3f} | {middle:.3f} | {some:.3f} |", flush=True)
    return max(first, middle, some)


def taken(store: Any, **asked: str) -> tuple[str, float]:
    """Where the next page begins, and the median of the seconds."""
    seconds = []
    for _time in range(TIMES):
        before = time.perf_counter()
        page = store.entries(FOLDER, limit=PAGE, **asked)
        seconds.append(time.perf_counter() - before)
        assert page.items
    return page.after, median(seconds)


def local(stack: ExitStack, home: Path) -> tuple[Any, Callable[[str], object]]:
    from studio.stores import store_of

    (home / "root" / FOLDER).mkdir(parents=True)
    return store_of("local", {"root": str(home / "root")}, {}), lambda key: (home / "root" / key).write_bytes(
        b"x"
    )


def s3(server: str) -> tuple[Any, Callable[[str], object]]:
    from botocore.config import Config

    from studio.stores import store_of
    from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY, s3_client

    client = s3_client(server, config=Config(max_pool_connections=SENDERS))
    client.create_bucket(Bucket=BUCKET)
    options = {"bucket": BUCKET, "endpoint": server, "region": "us-east-1", "path_style": True}
    secrets = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    return store_of("s3", options, secrets), lambda key: client.put_object(Bucket=BUCKET, Key=key, Body=b"x")


def moto(stack: ExitStack, home: Path) -> tuple[Any, Callable[[str], object]]:
    from tests.stores.s3_server import s3_server

    return s3(stack.enter_context(s3_server()))


def seaweedfs(stack: ExitStack, home: Path) -> tuple[Any, Callable[[str], object]]:
    from tests.stores.second_s3_server import second_s3_server

    (home / "seaweedfs").mkdir()
    return s3(stack.enter_context(second_s3_server(home / "seaweedfs")))


def azurite(stack: ExitStack, home: Path) -> tuple[Any, Callable[[str], object]]:
    from studio.stores import store_of
    from tests.stores.azure_server import ACCOUNT, ACCOUNT_KEY, azure_server, service

    address = stack.enter_context(azure_server())
    container = service(address).create_container(BUCKET)
    options = {"account": ACCOUNT, "container": BUCKET, "endpoint": address}
    return store_of("azure", options, {"account_key": ACCOUNT_KEY}), lambda key: container.upload_blob(
        key, b"x"
    )


def google(stack: ExitStack, home: Path) -> tuple[Any, Callable[[str], object]]:
    from studio.stores import store_of
    from tests.stores.gcs_server import gcs_server

    server = stack.enter_context(gcs_server())
    server.make_bucket(BUCKET)

    def put(key: str) -> None:
        path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={key}"
        assert server.ask("POST", path, {"Content-Type": "text/csv"}, b"x").status == 200

    return store_of("gcs", {"bucket": BUCKET, "endpoint": server.address}, {}), put


def sftp(stack: ExitStack, home: Path) -> tuple[Any, Callable[[str], object]]:
    """Its objects are written into the folder of the server, without it."""
    from studio.stores import store_of
    from tests.stores.sftp_server import sftp_server

    server = stack.enter_context(sftp_server())
    root = server.folder("root")
    (root / FOLDER).mkdir()
    secrets = {"private_key": server.private_key}
    return store_of("sftp", server.options(root), secrets), lambda key: (root / key).write_bytes(b"x")


KINDS = {made.__name__: made for made in (local, seaweedfs, google, azurite, sftp, moto)}

if __name__ == "__main__":
    sys.exit(main())
