"""The folder that everything of the benchmark is in, and the environments of its peers."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PINS = Path(__file__).parent / "requirements-peers.txt"
# The models' own packages are in each, so that nobody scores with another version.
PACKAGES = ("mlflow", "scikit-learn", "pyarrow", "pandas", "numpy", "lightgbm", "xgboost")
EXTRA = {"models": (), "ray": ("ray[data]",), "spark": ("pyspark",)}
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def bench_home() -> Path:
    chosen = os.environ.get("STUDIO_BENCH_HOME")
    home = Path(chosen) if chosen else Path(tempfile.gettempdir()) / "scoring-studio-bench"
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)  # as root, the studio's PostgreSQL runs as another user, who must pass through
    return home.resolve()


def clean() -> None:
    shutil.rmtree(bench_home())


def pins_key() -> str:
    """Equal as long as the packages and the Python are the same."""
    return hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:8]


def environment(name: str) -> Path:
    """The Python of a peer's own environment, built by uv where it is not there yet."""
    folder = bench_home() / "environments" / f"{name}-{pins_key()}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        # Compiled at once: else the first run of a peer would compile what it imports, and be slower for it.
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            folder / "bin" / "python",
        ]
        subprocess.run([*install, "--constraint", PINS, *PACKAGES, *EXTRA[name]], check=True)
        (folder / "ready").touch()
    return folder / "bin" / "python"


def plain_environment(**more: str) -> dict[str, str]:
    """A peer's variables: those of this terminal, without what is the studio's."""
    studio = ("STUDIO_", "DJANGO_", "DATABASE_URL", "BROKER_URL", "SECRET_KEY", "MLFLOW_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(studio)}
    return {**plain, **QUIET, **more}
