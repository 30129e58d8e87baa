"""What has to change so that an environment can be built; uv and the index are real."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from scoring.environment import build_environment
from scoring.errors import EnvironmentBuildError
from scoring.requirements import EnvironmentSpec
from tests.scoring.test_environment import PYTHON, UV


def failure_of(lines: Sequence[str], root: Path) -> EnvironmentBuildError:
    spec = EnvironmentSpec.of(python=PYTHON, lines=lines)
    with pytest.raises(EnvironmentBuildError) as failure:
        build_environment(spec=spec, root=root, uv=UV, log=lambda line: None)
    return failure.value


def version(requirement: str) -> tuple[int, ...]:
    return tuple(int(number) for number in requirement.partition("==")[2].split("."))


def test_each_pin_without_a_wheel_gets_the_next_version_that_has_one(tmp_path: Path) -> None:
    # These are older than any Python that the studio runs on.
    pins = ["numpy==1.21.0", "scikit-learn==0.24.2"]
    failure = failure_of(["mlflow==2.1.1", *pins], tmp_path)
    assert str(failure).startswith(
        f"The environment cannot be built: numpy==1.21.0 and scikit-learn==0.24.2 have no wheel for Python {PYTHON}."
    )
    assert str(failure).endswith(f"It can be built with {', '.join(failure.instead.values())}.")
    assert list(failure.instead) == pins
    assert (1, 21, 0) < version(failure.instead["numpy==1.21.0"]) < (2,)
    assert version(failure.instead["scikit-learn==0.24.2"]) > (0, 24, 2)
    if PYTHON == "3.11":
        assert list(failure.instead.values()) == ["numpy==1.23.2", "scikit-learn==1.1.3"]


def test_what_was_agreed_is_built_and_noted(tmp_path: Path) -> None:
    spec = EnvironmentSpec.of(python=PYTHON, lines=["mlflow-skinny", "numpy==1.21.0", "pandas", "pyarrow"])
    instead = failure_of(spec.requirements, tmp_path).instead
    agreed = spec.with_instead(instead, agreed_by="ada")
    built = build_environment(spec=agreed, root=tmp_path, uv=UV, log=lambda line: None)
    new = instead["numpy==1.21.0"]
    assert f"numpy==1.21.0 cannot be installed here; {new} is used instead, as ada agreed." in built.notes
    assert list(built.path.glob(f"lib/python3*/site-packages/numpy-{new.partition('==')[2]}.dist-info"))


def test_of_two_pins_that_contradict_each_other_one_gives_way(tmp_path: Path) -> None:
    failure = failure_of(["mlflow==2.9.2", "numpy==2.3.2"], tmp_path)
    assert "mlflow==2.9.2 depends on numpy<2" in str(failure)
    assert list(failure.instead) == ["mlflow==2.9.2"]
    assert (2, 9, 2) < version(failure.instead["mlflow==2.9.2"]) < (3,)


def test_a_build_that_is_not_there_becomes_the_version_that_is(tmp_path: Path) -> None:
    failure = failure_of(["mlflow", "cloudpickle==3.1.2+cpu"], tmp_path)
    assert failure.instead == {"cloudpickle==3.1.2+cpu": "cloudpickle==3.1.2"}


def test_a_package_that_nobody_has_is_named_and_nothing_proposed(tmp_path: Path) -> None:
    failure = failure_of(["mlflow", "no-such-package-of-anybody==1.0"], tmp_path)
    assert str(failure).endswith(
        f"no-such-package-of-anybody==1.0 has no wheel for Python {PYTHON}. "
        "No version of no-such-package-of-anybody has one."
    )
    assert failure.instead == {}


def test_an_index_that_is_away_is_not_taken_for_missing_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    failure = failure_of(["no-such-package-of-anybody==1.0"], tmp_path)
    assert "no wheel" not in str(failure)
    assert failure.instead == {}
