"""A model's files become one environment, built once."""

import json
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from scoring.environment import READY, build_environment, last_used
from scoring.errors import EnvironmentBuildError, ScoringCanceled, ScoringError
from scoring.processes import Scorer
from scoring.requirements import EnvironmentSpec

UV = Path(shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "uv")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CONDA = """
channels: [conda-forge]
dependencies:
- python=3.10.4
- pip<=23
- libgomp=12
- pip:
  - mlflow==2.9.2
  - pandas
  - scikit-learn==1.3.2
"""


def test_requirements_come_from_the_models_own_files() -> None:
    files = {
        "python_env.yaml": "python: 3.11.7\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]",
        "conda.yaml": CONDA,
        "requirements.txt": "mlflow==3.17.2\n# note\nscikit-learn==1.9.1 # pinned\npandas==3.1.1",
    }
    spec = EnvironmentSpec.from_model_files(files)
    assert spec.python == "3.11.7"
    assert spec.requirements == ("mlflow==3.17.2", "scikit-learn==1.9.1", "pandas==3.1.1", "pyarrow")
    assert EnvironmentSpec.from_dict(spec.to_dict()) == spec
    assert EnvironmentSpec.from_dict(spec.to_dict()).key == spec.key


def test_conda_files_alone_do_and_what_only_conda_has_is_noted() -> None:
    spec = EnvironmentSpec.from_model_files({"conda.yaml": CONDA})
    assert spec.python == "3.10.4"
    assert spec.requirements[:3] == ("mlflow==2.9.2", "pandas<3", "scikit-learn==1.3.2")
    assert len(spec.notes) == 1
    assert "libgomp=12" in spec.notes[0]


def test_a_model_of_mlflow_2_without_pandas_does_not_get_pandas_3() -> None:
    assert "pandas<3" in EnvironmentSpec.of(python="3.11", lines=["mlflow<3,>=2.9"]).requirements
    assert "pandas" in EnvironmentSpec.of(python="3.11", lines=["mlflow>=2.9,<4"]).requirements
    assert "pandas>2" in EnvironmentSpec.of(python="3.11", lines=["mlflow==2.1", "pandas>2"]).requirements


@pytest.mark.parametrize(
    ("lines", "logged_with", "added"),
    [
        (["mlflow==1.20.2"], "", {"numpy<1.24", "protobuf<4", "pandas<2", "setuptools<81", "pyarrow<26"}),
        (
            ["mlflow", "scikit-learn==1.2.2"],
            "1.30.1",
            {"mlflow<3", "numpy<2", "pandas<2", "setuptools<81", "pyarrow<26"},
        ),
        (
            ["mlflow-skinny", "numpy==1.26.4"],
            "2.9.2",
            {"mlflow-skinny<3", "pandas<3", "pyarrow<26", "setuptools<81"},
        ),
        (["mlflow==2.9.2"], "2.9.2", {"setuptools<81", "pandas<3", "pyarrow<26"}),
        (["mlflow==2.22.0"], "", {"pandas<3", "pyarrow<26"}),
        (["mlflow==3.17.2", "lightgbm==4.5.0"], "", {"scikit-learn<1.6", "pandas<3", "pyarrow"}),
        (["mlflow", "scikit-learn==1.3.0"], "", {"numpy<2", "pyarrow<26", "pandas"}),
        (["mlflow==3.17.2", "scikit-learn==1.9.1"], "3.17.2", {"pandas", "pyarrow"}),
        (["mlflow"], "", {"pandas", "pyarrow"}),
    ],
)
def test_what_old_packages_leave_open_is_capped(lines: list[str], logged_with: str, added: set[str]) -> None:
    spec = EnvironmentSpec.of(python="3.11", lines=lines, logged_with=logged_with)
    assert set(spec.requirements) - set(lines) == added
    again = EnvironmentSpec.of(python="3.11", lines=spec.requirements)
    assert again.key == spec.key


def test_a_pin_is_never_capped() -> None:
    lines = [
        "mlflow==1.30.1",
        "pandas>=2",
        "numpy",
        "setuptools==70.0.0",
        "pyarrow[x] ; python_version>'3.7'",
    ]
    spec = EnvironmentSpec.of(python="3.11", lines=lines)
    assert spec.requirements == (
        "mlflow==1.30.1",
        "pandas>=2",
        "numpy<2",
        "setuptools==70.0.0",
        "pyarrow[x]<26 ; python_version>'3.7'",
    )


def test_conda_packages_that_pip_has_are_taken_from_pip() -> None:
    conda = """
dependencies:
- python>=3.8,<3.9
- scikit-learn=0.24.2
- conda-forge::pytorch=1.13.1=py3.8_cpu_0
- py-xgboost>=1.5,<2
- numpy 1.21.0
- pandas=1.2
- PyYAML[version='5.*']
- lightgbm=3.3|3.4
- cudatoolkit=11
- scipy=1.9.1
- pip:
  - mlflow==1.30.1
  - scipy==1.9.2
"""
    for files in (
        {"conda.yaml": conda},
        {"conda.yaml": conda, "requirements.txt": "mlflow==1.30.1\nscipy==1.9.2"},
    ):
        spec = EnvironmentSpec.from_model_files(files)
        assert spec.python == "3.8"
        assert spec.requirements[:9] == (
            "mlflow==1.30.1",
            "scipy==1.9.2",
            "scikit-learn==0.24.2",
            "torch==1.13.1",
            "xgboost>=1.5,<2",
            "numpy==1.21.0",
            "pandas==1.2.*",
            "pyyaml==5.*",
            "lightgbm",
        )
        assert spec.notes == (
            "cudatoolkit=11 is a conda package; it is left out unless pip packages bring it along.",
        )


def test_a_model_older_than_files_that_say_so_counts_as_one_of_mlflow_1() -> None:
    old = {"conda.yaml": "dependencies: [python=3.7, {pip: [mlflow]}]", "requirements.txt": "mlflow"}
    assert {"mlflow<3", "pandas<2"} <= set(EnvironmentSpec.from_model_files(old).requirements)
    new = {**old, "python_env.yaml": "python: 3.7.3"}
    assert "mlflow" in EnvironmentSpec.from_model_files(new).requirements


def test_equal_needs_share_a_key() -> None:
    one = EnvironmentSpec.of(python="3.11", lines=["a==1", "b==2"])
    assert one.key == EnvironmentSpec.of(python="3.11", lines=["b==2", "", "a == 1"], notes=["n"]).key
    assert one.key != EnvironmentSpec.of(python="3.11", lines=["a==1", "b==3"]).key


@pytest.mark.parametrize(
    "line",
    ["--index-url https://x", "-i x", "-e .", "git+https://x/y", "a @ https://x/a.whl", "https://x/a.whl",
     "./a.whl", "--extra-index-url x", "-r other.txt", "a==1 --pre", "/tmp/a.tar.gz", "a b", "a.whl"],
)  # fmt: skip
def test_lines_that_are_not_packages_are_refused(line: str) -> None:
    with pytest.raises(ScoringError, match=r"is refused|is not understood"):
        EnvironmentSpec.of(python="3.11", lines=[line])


def test_good_lines_pass() -> None:
    lines = [
        "xgboost[dask]>=2,<3",
        'tomli ; python_version < "3.11"',
        "torch==2.1.0+cpu",
        "Some.Package_x~=1.4.2",
    ]
    spec = EnvironmentSpec.of(python="3.11", lines=lines)
    assert spec.requirements[0] == "xgboost[dask]>=2,<3"
    assert spec.requirements[4:] == ("mlflow", "pyarrow<26", "pandas", "numpy<2")


@pytest.mark.parametrize("python", ["2.7", "3", "three", "3.11; rm", ""])
def test_a_python_that_is_none_is_refused(python: str) -> None:
    with pytest.raises(ScoringError, match="not a Python version"):
        EnvironmentSpec.of(python=python, lines=[])


def test_an_environment_is_built_once_and_runs_a_scorer(odd_model: Path, tmp_path: Path) -> None:
    spec = EnvironmentSpec.from_model_files(
        {
            name: (odd_model / name).read_text()
            for name in ("python_env.yaml", "conda.yaml", "requirements.txt")
        }
    )
    said: list[str] = []
    built = []

    def build() -> None:
        built.append(build_environment(spec=spec, root=tmp_path / "environments", uv=UV, log=said.append))

    both = [threading.Thread(target=build) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(built) == 2
    assert len([line for line in said if "Creating virtual environment" in line]) == 1
    assert any("Installed" in line for line in said)
    with Scorer.start(python=built[0].python, model=odd_model, scratch=tmp_path / "scratch", variables={},
                      memory_limit=None, log=tmp_path / "log") as scorer:  # fmt: skip
        scorer.load()
        assert scorer.trial().columns == ["prediction"]
    said.clear()
    noted = EnvironmentSpec.from_dict({**spec.to_dict(), "notes": ["Of another model."]})
    again = build_environment(spec=noted, root=tmp_path / "environments", uv=UV, log=said.append)
    assert said == []
    assert again.notes == ["Of another model.", *built[0].notes]
    assert [p.name for p in (tmp_path / "environments").iterdir() if p.is_dir()] == [spec.key]


def test_the_environments_that_were_used_last_are_known(tmp_path: Path) -> None:
    specs = [EnvironmentSpec.of(python="3.11", lines=[line]) for line in ("one", "two", "three")]
    for age, spec in enumerate(specs):
        mark = tmp_path / spec.key / READY
        mark.parent.mkdir()
        mark.write_text(json.dumps({"spec": spec.to_dict(), "notes": []}))
        os.utime(mark, (1000 - age, 1000 - age))
    unreadable = tmp_path / "older" / READY
    unreadable.parent.mkdir()
    unreadable.write_text("{}")
    assert last_used(root=tmp_path, most=3) == specs[:2]
    assert last_used(root=tmp_path / "nowhere", most=2) == []


def test_a_package_and_a_python_that_are_not_there_are_named(tmp_path: Path) -> None:
    spec = EnvironmentSpec.of(python="3.99", lines=["numpy==0.0.1"])
    said: list[str] = []
    with pytest.raises(EnvironmentBuildError, match=r"numpy==0\.0\.1 has no wheel for Python") as failure:
        build_environment(spec=spec, root=tmp_path, uv=UV, log=said.append)
    assert "Python 3.99 is not on this machine; Python 3." in said[0]
    assert failure.value.log
    assert len([line for line in said if "numpy==0.0.1 and you require" in line]) == 1
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_build_can_be_canceled_and_keeps_secrets_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    script, program = tmp_path / "uv.py", tmp_path / "uv"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{script}' \"$@\"\n")  # its path may have spaces
    script.write_text(f"""
import json, os, sys, time
if "list" in sys.argv:
    print(json.dumps([{{"version": "{PYTHON}.1", "path": "python", "implementation": "cpython"}}]))
else:
    print(sorted(os.environ), flush=True)
    time.sleep(60)
""")
    program.chmod(0o755)
    said: list[str] = []
    spec = EnvironmentSpec.of(python=PYTHON, lines=[])
    with pytest.raises(ScoringCanceled):
        build_environment(
            spec=spec, root=tmp_path / "e", uv=program, log=said.append, stop=lambda: bool(said)
        )
    assert "'PATH'" in said[0]
    assert "SECRET_KEY" not in said[0]
