"""What Python has compiled in one environment serves the next one that has the same files."""

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from scoring.compiled import packages_of, take_over
from scoring.environment import build_environment
from scoring.requirements import EnvironmentSpec

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Packages of which everything is compiled."""
    folder = tmp_path / "source"
    (folder / "shapes").mkdir(parents=True)
    for name in ("shapes/lines.py", "alone.py"):
        (folder / name).write_text("def where():\n    return where.__code__.co_filename\n")
        py_compile.compile(str(folder / name), doraise=True)
    return folder


@pytest.fixture
def packages(tmp_path: Path, source: Path) -> Path:
    """The same files, linked as uv does it."""
    folder = tmp_path / "packages"
    (folder / "shapes").mkdir(parents=True)
    for name in ("shapes/lines.py", "alone.py"):
        os.link(source / name, folder / name)
    return folder


def imported(packages: Path, module: str) -> subprocess.CompletedProcess[str]:
    program = f"from {module} import where; print(where())"
    environment = {"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-v", "-c", program], env=environment, capture_output=True, text=True, check=True
    )


@pytest.mark.parametrize("module", ["shapes.lines", "alone"])
def test_the_same_file_is_not_compiled_again_and_knows_its_new_place(
    source: Path, packages: Path, module: str
) -> None:
    file = packages / f"{module.replace('.', '/')}.py"
    assert f"matches {file}" not in imported(packages, module).stderr
    take_over(packages=packages, source=source)
    seen = imported(packages, module)
    assert f"matches {file}" in seen.stderr
    assert seen.stdout == f"{file}\n"
    take_over(packages=packages, source=source)  # it is there already


def test_nothing_is_taken_over_of_a_file_that_only_looks_the_same(source: Path, packages: Path) -> None:
    times = (packages / "alone.py").stat()
    (packages / "alone.py").unlink()
    (packages / "alone.py").write_bytes((source / "alone.py").read_bytes())
    os.utime(packages / "alone.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    (packages / "shapes" / "lines.py").unlink()
    (source / "shapes" / "__pycache__" / "no-name.pyc").write_bytes(b"")
    take_over(packages=packages, source=source)
    assert not list(packages.rglob("*.pyc"))


def test_an_environment_takes_over_from_the_one_that_was_built_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))  # on this disk, so that files are linked
    specs = [
        EnvironmentSpec(python=PYTHON, requirements=lines, notes=())
        for lines in (("iniconfig==2.1.0",), ("iniconfig==2.1.0", "tomli==2.2.1"))
    ]
    compiled = []
    for spec in specs:
        built = build_environment(
            spec=spec, root=tmp_path / "environments", uv=Path(uv.find_uv_bin()), log=print
        )
        packages = packages_of(built.path)
        assert packages
        compiled.append(
            packages / "iniconfig" / "__pycache__" / f"__init__.{sys.implementation.cache_tag}.pyc"
        )
        assert compiled[-1].exists() == (len(compiled) == 2)
        subprocess.run([built.python, "-c", "import iniconfig"], env={}, check=True)
    assert os.path.samefile(*compiled)
