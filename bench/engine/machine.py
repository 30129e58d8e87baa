"""What stands above the table: without it the figures mean nothing."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench.engine.data import Data
from bench.engine.home import PINS


def about(data: Data) -> str:
    lines = [
        *machine(),
        f"Python {platform.python_version()}, {', '.join(_versions())}",
        f"{data.rows:,} rows × 30 floats: CSV {data.megabytes(data.csv):.0f} MB, Parquet "
        f"{data.megabytes(data.parquet):.0f} MB, large CSV {data.megabytes(data.large):.0f} MB",
    ]
    return "\n".join(f"- {line}" for line in lines)


def machine() -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, load before it began {os.getloadavg()[0]:.1f}",
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, {_system()}, Linux {platform.release()}",
    ]


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    return _value(Path("/proc/cpuinfo"), "model name", ":") or platform.machine()


def _system() -> str:
    return _value(Path("/etc/os-release"), "PRETTY_NAME", "=").strip('"') or platform.system()


def _value(file: Path, name: str, sign: str) -> str:
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.partition(sign)[2].strip() for line in lines if line.startswith(name)), "")


def _versions() -> list[str]:
    pins = [line.partition("#")[0].strip() for line in PINS.read_text().splitlines()]
    return [pin.replace("==", " ") for pin in pins if pin]
