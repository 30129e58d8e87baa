"""Prints how long jobs over a bucket take beside those over a folder, and what they fetch. Exit code 1: missed."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import psutil
from botocore.config import Config

from bench.engine.data import Data, make_data
from bench.engine.home import bench_home, environment
from bench.engine.machine import machine
from bench.engine.memory import peak_memory
from bench.engine.models import make_models
from bench.engine.studio import SLOTS, Studio, running_studio
from tests.stores.rclone_s3_server import rclone_s3_server
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY, s3_client, s3_server
from tests.stores.second_s3_server import second_s3_server
from tests.stores.troubled import Way, way_to

ROWS, RUNS, MODEL, BUCKET = 2_000_000, 5, "logistic", "bench-storage"
LARGE, LARGE_BYTES = "2 GB.csv", 2_000_000_000
TIMES, FETCHED = 1.3, 1.05  # at most: of the folder's time, of the input's bytes
PIECE = 1 << 20
PACKED = "application/zstd"  # what does not say so, and in one piece, SeaweedFS packs itself and unpacks for each range
SECRETS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
HEAD = """\
| Input | Folder, s | Bucket, s | Times | Fetched / bytes of the input | Requests / slices | The server alone, s | \
CPU of the server in a job, s | Memory of node and scorers, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    asked.add_argument("--server", choices=SERVERS, default="seaweedfs")
    asked.add_argument("--runs", type=int, default=RUNS)
    asked.add_argument("--large", action="store_true", help="one CSV of 2 GB instead")
    chosen = asked.parse_args()
    print(*machine(), sep="\n")
    data = make_data(bench_home(), ROWS)
    environment("models")
    models = make_models(data)
    inputs = {"CSV of 2 GB": LARGE} if chosen.large else {"CSV": data.csv, "Parquet": data.parquet}
    with (
        large_csv(data, is_wanted=chosen.large),
        SERVERS[chosen.server]() as server,
        way_to(server) as counted,
        running_studio() as studio,
    ):
        bench = Bench(studio, data, server, counted, chosen.runs)
        bench.fill(inputs.values())
        studio.set_up(data, models, [MODEL])
        bench.register()
        print(HEAD, flush=True)
        return int(max([bench.compare(label, path) for label, path in inputs.items()]))


@contextmanager
def in_a_folder(serve: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    home = bench_home() / "objects"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    try:
        with serve(home) as server:
            yield server
    finally:
        shutil.rmtree(home)


SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "seaweedfs": partial(in_a_folder, second_s3_server),
    "rclone": partial(in_a_folder, rclone_s3_server),
    "moto": s3_server,
}


@contextmanager
def large_csv(data: Data, *, is_wanted: bool) -> Iterator[None]:
    """The first rows of the benchmark's large file, as long as it is wanted."""
    file = data.path(LARGE)
    try:
        if is_wanted:
            with data.path(data.large).open("rb") as rows, file.open("wb") as some:
                while some.tell() < LARGE_BYTES:
                    some.write(rows.read(PIECE))
                some.write(rows.readline())
        yield
    finally:
        file.unlink(missing_ok=True)


class Bench:
    def __init__(self, studio: Studio, data: Data, server: str, counted: Way, runs: int) -> None:
        self.studio, self.data, self.server, self.counted, self.runs = studio, data, server, counted, runs
        started = psutil.Process().children()
        self.process = next(one for one in started if one.pid != studio.process.pid)  # of the server

    def fill(self, paths: Iterable[str]) -> None:
        """Both folders of the bucket, which only differ in the way to them."""
        client = s3_client(self.server)
        client.create_bucket(Bucket=BUCKET)
        for path in paths:
            for folder in ("bucket", "counted"):
                with self.data.path(path).open("rb") as file:
                    client.put_object(Bucket=BUCKET, Key=f"{folder}/{path}", Body=file, ContentType=PACKED)

    def register(self) -> None:
        for name, address in (("bucket", self.server), ("counted", self.counted.address)):
            options = {"bucket": BUCKET, "folder": name, "endpoint": address, "path_style": True}
            self.studio.add_datastore(name, "s3", {**options, "region": "us-east-1"}, SECRETS)

    def compare(self, label: str, path: str) -> bool:
        """Whether a target is missed. The two jobs that come first make the scorers warm, and are not timed."""
        fetched, requests, slices = self._fetched(path)
        with peak_memory(self.studio.node()) as peak:
            self._job(path, "bucket")
        folder, bucket, alone, cpu = [], [], [], []
        for _round in range(self.runs):
            folder.append(self._job(path, "bench"))
            before = self._spent()
            bucket.append(self._job(path, "bucket"))
            cpu.append(self._spent() - before)
            alone.append(self._handed_out(path))
        slower = median(bucket) / median(folder)
        print(
            f"| {label} | {shown(folder)} | {shown(bucket)} | {slower:.2f} | {fetched:.3f} | {requests} / {slices} |"
            f" {shown(alone)} | {shown(cpu)} | {peak.bytes / 1e6:.0f} |",
            flush=True,
        )
        return slower > TIMES or fetched > FETCHED

    def _spent(self) -> float:
        """Seconds of the server."""
        times = self.process.cpu_times()
        return times.user + times.system

    def _job(self, path: str, datastore: str) -> float:
        (timed,) = self.studio.run_jobs(MODEL, path, datastore=datastore)
        return timed["clock"]

    def _fetched(self, path: str) -> tuple[float, int, int]:
        """By a job: bytes, as a share of the input's; requests, those for its plan too; and for how many slices."""
        before, asked = self.counted.fetched, len(self.counted.passed)
        self._job(path, "counted")
        share = (self.counted.fetched - before) / self.data.path(path).stat().st_size
        return share, len(self.counted.passed) - asked, len(self._slices("counted"))

    def _slices(self, datastore: str) -> list[list[tuple[int, int]]]:
        """What the last job over it had fetched for each."""
        found: list[list[tuple[int, int]]] = self.studio.ask(
            "last_ranges", "bench.storage.inside", datastore=datastore
        )
        return found

    def _handed_out(self, path: str) -> float:
        """Seconds in which the server gives the same bytes to as many threads as there are slots, and nothing else."""
        slices = self._slices("bucket")
        # As a datastore's client; rclone gives the checksum of the whole with a range.
        client = s3_client(self.server, config=Config(response_checksum_validation="when_required"))

        def fetch(ranges: Sequence[tuple[int, int]]) -> None:
            for start, end in ranges:
                asked = {"Bucket": BUCKET, "Key": f"bucket/{path}", "Range": f"bytes={start}-{end - 1}"}
                body = client.get_object(**asked)["Body"]
                while body.read(PIECE):
                    pass

        client.head_object(Bucket=BUCKET, Key=f"bucket/{path}")  # connects
        began = time.perf_counter()
        with ThreadPoolExecutor(SLOTS) as slots:
            list(slots.map(fetch, slices))
        return time.perf_counter() - began


def shown(figures: list[float]) -> str:
    return f"{median(figures):.2f} ({min(figures):.2f}–{max(figures):.2f})"


if __name__ == "__main__":
    sys.exit(main())
