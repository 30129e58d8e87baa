"""What Python has compiled of packages in one environment, taken over by another one that has the same files.

uv links the files of a package into every environment. Compiled anew in each, those of MLflow and pandas alone would
cost the first model of an environment a quarter of a minute.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import source_from_cache
from pathlib import Path


def packages_of(environment: Path) -> Path | None:
    """Its folder site-packages."""
    return next(environment.glob("lib/python3.*/site-packages"), None)


def take_over(*, packages: Path, source: Path) -> None:
    """Links what `source`, another folder of packages, has compiled of the very files that `packages` has too."""
    for name in {"__pycache__", *os.listdir(packages)}:
        for compiled in _compiled(source / name):
            # Not there, there already, on another disk, of no known name: then Python compiles it when it is imported.
            with suppress(OSError, ValueError):
                file = Path(source_from_cache(str(compiled)))
                same = packages / file.relative_to(source)
                if os.path.samefile(file, same):
                    folder = same.parent / compiled.parent.name
                    folder.mkdir(exist_ok=True)
                    os.link(compiled, folder / compiled.name)


def _compiled(folder: Path) -> Iterator[Path]:
    for path, _folders, names in os.walk(folder):
        if Path(path).name == "__pycache__":
            yield from (Path(path, name) for name in names if name.endswith(".pyc"))
