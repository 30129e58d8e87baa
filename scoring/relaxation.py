"""Which requirements keep an environment from being built, and the least that has to change about them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scoring.errors import EnvironmentBuildError
from scoring.installer import run
from scoring.requirements import name_of, specifier_of, with_specifier

Versions = dict[str, str]  # of packages by their names
# How uv begins when it was the requirements, and not the index or the disk.
_UNSOLVABLE = "No solution found"
_BOUND = re.compile(r"(?:===|==|~=|<=|<)(\d[^,+*]*?)(?:\.\*|\+[^,]*)?(?=,|$)")


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Asks uv what it would install into the environment of `python`."""

    uv: Path
    python: Path
    stop: Callable[[], bool]

    def __call__(self, requirements: Sequence[str], *, alone: bool = False) -> Versions | None:
        """The newest versions that fit, None where nothing does; `alone` leaves out what they depend on."""
        return self._ask(requirements, ["--no-deps"] if alone else [])

    def lowest(
        self, requirements: Sequence[str], *, bounds: Sequence[str] = (), alone: bool = False
    ) -> Versions | None:
        """The lowest versions of these that fit, with the newest of everything else within `bounds`."""
        return self._ask(requirements, ["--resolution", "lowest-direct"] + ["--no-deps"] * alone, bounds)

    def _ask(
        self, requirements: Sequence[str], options: Sequence[str], bounds: Sequence[str] = ()
    ) -> Versions | None:
        with TemporaryDirectory() as folder:
            listed, bounding = Path(folder) / "requirements.txt", Path(folder) / "constraints.txt"
            listed.write_text("\n".join(requirements) + "\n")
            bounding.write_text("\n".join(bounds) + "\n")
            command: list[str | Path] = [
                self.uv,
                "pip",
                "compile",
                "--quiet",
                "--no-annotate",
                "--no-header",
                *options,
            ]
            command += ["--only-binary", ":all:", "--python", self.python, "--constraint", bounding, listed]
            try:
                said = run(command, log=_unheard, stop=self.stop)
            except EnvironmentBuildError:
                return None
        pins = re.findall(r"^([\w.-]+)(?:\[.*?\])?==([^\s;]+)", said, re.MULTILINE)
        return {name_of(name): version for name, version in pins}


def _unheard(line: str) -> None:
    """What uv says while it is only asked."""


def explained(
    failure: EnvironmentBuildError, requirements: Sequence[str], python: str, resolve: Resolver
) -> EnvironmentBuildError:
    """The failure with the requirements that are at fault, and with others that would install instead."""
    if _UNSOLVABLE not in failure.log:
        return failure
    nearest = {one: _nearest(one, resolve) for one in requirements if resolve([one], alone=True) is None}
    message = failure.message
    if nearest:
        which = f"{' and '.join(nearest)} {'has' if len(nearest) == 1 else 'have'}"
        message = f"The environment cannot be built: {which} no wheel for Python {python}."
    if not all(nearest.values()):
        never = " or ".join(name_of(one) for one, near in nearest.items() if not near)
        return EnvironmentBuildError(f"{message} No version of {never} has one.", log=failure.log)
    instead = _reconciled(requirements, nearest, resolve)
    if instead:
        message += f" It can be built with {', '.join(instead.values())}."
    return EnvironmentBuildError(message, log=failure.log, instead=instead)


def _nearest(requirement: str, resolve: Resolver) -> str:
    """The same package in the next newer version that has a wheel, else in the newest one; else empty."""
    bound = _bound(requirement)
    newer = resolve.lowest([with_specifier(requirement, f">={bound}")], alone=True) if bound else None
    found = newer or resolve([with_specifier(requirement, "")], alone=True)
    return _at(requirement, found) if found else ""


def _bound(requirement: str) -> str:
    """The newest version that it allows, without the name of a build; empty where there is none."""
    bounds: list[str] = _BOUND.findall(specifier_of(requirement))
    return bounds[-1] if bounds else ""


def _at(requirement: str, versions: Mapping[str, str]) -> str:
    return with_specifier(requirement, f"=={versions[name_of(requirement)]}")


def _reconciled(original: Sequence[str], nearest: Mapping[str, str], resolve: Resolver) -> dict[str, str]:
    """What becomes what so that all can be installed together; at most one besides those in `nearest`."""
    changed = [nearest.get(one, one) for one in original]
    if nearest and resolve(changed):
        return dict(nearest)
    # Those that have to change anyway come first.
    for place in sorted(range(len(changed)), key=lambda i: original[i] not in nearest):
        bound = _bound(changed[place])
        for looser in (f">={bound}", "") if bound else ():
            if found := _fitting(changed, place, looser, resolve):
                return {**nearest, original[place]: found}
    return {}


def _fitting(requirements: Sequence[str], place: int, looser: str, resolve: Resolver) -> str:
    """The requirement at `place`, once it is `looser`, as near to what it was as the others let it be."""

    def with_it(requirement: str) -> list[str]:
        return [*requirements[:place], requirement, *requirements[place + 1 :]]

    loose = with_specifier(requirements[place], looser)
    newest = resolve(with_it(loose))
    if not newest:
        return ""
    if looser:
        # As direct requirements those that are not pinned would come at their lowest, too.
        direct = [one for one in with_it(loose) if one == loose or "==" in one]
        bounds = [one for one in with_it(loose) if one not in direct and "[" not in one]
        lowest = resolve.lowest(direct, bounds=bounds)
        if lowest and resolve(with_it(_at(loose, lowest))):
            return _at(loose, lowest)
    return _at(loose, newest)
