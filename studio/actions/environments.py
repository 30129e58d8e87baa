"""The environment of a deployment where a person has edited what was generated."""

from scoring.environment import EnvironmentSpec, likely_pythons
from scoring.errors import ScoringError
from scoring.requirements import problems
from studio.errors import FieldErrors


def python_versions() -> list[str]:
    """Those of this machine, the newest first, as in 3.12."""
    return likely_pythons()


def package_problems(packages: str) -> list[str]:
    """A sentence for each line that is refused."""
    return problems(packages.splitlines())


def own_environment(*, python: str, packages: str) -> EnvironmentSpec:
    """The environment of these lines, with what the scorer needs besides. Raises FieldErrors."""
    found = package_problems(packages)
    if found:
        raise FieldErrors({"packages": " ".join(found)})
    try:
        return EnvironmentSpec.of(python=python, lines=packages.splitlines())
    except ScoringError as error:
        raise FieldErrors({"python": str(error)}) from error
