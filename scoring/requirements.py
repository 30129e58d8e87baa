"""What a model's own files say about the Python and the packages it needs."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from scoring.compatibility import MLFLOW, caps
from scoring.conda import read_conda
from scoring.errors import ScoringError

DEFAULT_PYTHON = "3.11"
# MLflow says since 1.23 which version logged a model, and writes python_env.yaml since 1.27.
_BEFORE_IT_SAID = "1.22"
_PYTHON = re.compile(r"3\.\d{1,2}(\.\d{1,3})?")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?P<extras>\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"(?P<specifier>(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)*)(?P<marker>;.*)?"
)
_SPECIFIER = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*(\S+)")
# What PEP 440 calls a version, and .* after it.
_VERSION = re.compile(
    r"v?(\d+!)?\d+(\.\d+)*([._-]?(a|b|c|rc|alpha|beta|pre|preview)[._-]?\d*)?([._-]?(post|rev|r)[._-]?\d*|-\d+)?"
    r"([._-]?dev[._-]?\d*)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?(\.\*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec:
    python: str
    requirements: tuple[str, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """Equal for specs that give the same environment."""
        said = json.dumps([self.python, sorted(self.requirements)])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        return {"python": self.python, "requirements": list(self.requirements), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(
            python=values["python"],
            requirements=tuple(values["requirements"]),
            notes=tuple(values.get("notes", ())),
        )

    def with_instead(self, instead: Mapping[str, str], *, agreed_by: str) -> Self:
        """With the requirements that `instead` names replaced, each of which is noted."""
        notes = [
            f"{old} cannot be installed here; {new} is used instead, as {agreed_by} agreed."
            for old, new in instead.items()
        ]
        requirements = tuple(instead.get(one, one) for one in self.requirements)
        return type(self)(python=self.python, requirements=requirements, notes=(*self.notes, *notes))

    @classmethod
    def from_model_files(
        cls, files: Mapping[str, str], *, logged_with: str = "", with_images: bool = False
    ) -> Self:
        """From the texts of python_env.yaml, conda.yaml and requirements.txt, of which any may be missing.

        `logged_with` is the MLflow that wrote the model, where it says so; `with_images`: files may be pictures.
        """
        python_env = _yaml(files, "python_env.yaml")
        conda = read_conda(_yaml(files, "conda.yaml"))
        notes = conda.notes
        python = str(python_env.get("python") or conda.python)
        if not python:
            python = DEFAULT_PYTHON
            notes.append(f"The model does not say which Python it needs; Python {python} is used.")
        if "requirements.txt" in files:
            lines = files["requirements.txt"].splitlines()
        else:
            listed = [line for line in python_env.get("dependencies") or [] if not str(line).startswith("-r")]
            lines = [str(line) for line in listed] or conda.pip
        if not logged_with and "conda.yaml" in files and "python_env.yaml" not in files:
            logged_with = _BEFORE_IT_SAID
        # A package of both is the one that pip put over conda's.
        by_pip = {name_of(line.strip()) for line in _joined(lines)}
        lines = [*lines, *(package for package in conda.packages if name_of(package) not in by_pip)]
        if with_images and "pillow" not in map(name_of, lines):
            lines = [*lines, "pillow"]
        return cls.of(python=python, lines=lines, notes=notes, logged_with=logged_with)

    @classmethod
    def of(
        cls, *, python: str, lines: Sequence[str], notes: Sequence[str] = (), logged_with: str = ""
    ) -> Self:
        """From a Python version and requirement lines as a person edits them; adds what the scorer needs."""
        if not _PYTHON.fullmatch(python.strip()):
            raise ScoringError(f"{python!r} is not a Python version the studio can use; give one like 3.11.")
        requirements = list(dict.fromkeys(filter(None, (_requirement(line) for line in _joined(lines)))))
        completed = _completed(requirements, logged_with)
        return cls(python=python.strip(), requirements=tuple(completed), notes=tuple(notes))


def problems(lines: Sequence[str]) -> list[str]:
    """A sentence for each line, as a person has edited them, that cannot be installed or must not be there."""
    found, seen = [], set()
    for line in _joined(lines):
        try:
            requirement = _requirement(line)
        except ScoringError as error:
            found.append(str(error))
            continue
        name = name_of(requirement)
        wrong = _wrong_specifier(requirement)
        if wrong:
            found.append(f"The requirement '{line.strip()}' is refused: {wrong} is no version; write 2.2.3.")
        if name and name in seen and ";" not in requirement:
            found.append(f"{name} is there twice. Keep one line of it.")
        seen.add(name)
    if seen.isdisjoint(MLFLOW):
        found.append("mlflow must stay: the model is loaded with it.")
    return found


def name_of(requirement: str) -> str:
    match = _REQUIREMENT.fullmatch(requirement)
    return re.sub(r"[-_.]+", "-", match["name"]).lower() if match else ""


def specifier_of(requirement: str) -> str:
    """Its versions, empty where they are left open."""
    match = _REQUIREMENT.fullmatch(requirement)
    return match["specifier"].strip() if match else ""


def with_specifier(requirement: str, specifier: str) -> str:
    match = _REQUIREMENT.fullmatch(requirement)
    assert match
    marker = f" {match['marker'].strip()}" if match["marker"] else ""
    return match["name"] + (match["extras"] or "") + specifier + marker


def _wrong_specifier(requirement: str) -> str:
    """The version in it that no package can have."""
    match = _REQUIREMENT.fullmatch(requirement)
    for part in filter(None, match["specifier"].split(",")) if match else ():
        operator, version = _SPECIFIER.fullmatch(part.strip()).groups()  # type: ignore[union-attr]
        if operator != "===" and not _VERSION.fullmatch(version):
            return version
        if version.endswith(".*") and operator not in ("==", "!="):
            return version
    return ""


def _yaml(files: Mapping[str, str], name: str) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(files.get(name, "")) or {}
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ScoringError(f"The model's {name} cannot be read: {reason}. Log the model again.") from None
    if not isinstance(content, dict):
        raise ScoringError(f"The model's {name} does not hold what MLflow writes there. Log the model again.")
    return content


def _joined(lines: Sequence[str]) -> list[str]:
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def _requirement(line: str) -> str:
    """One line in normal form; empty for comments."""
    text = re.sub(r"(^|\s)#.*$", "", line).strip()
    text = re.sub(r"\s--hash=\S+", "", text).strip()
    if not text:
        return ""
    if text.startswith("-"):
        what = (
            "options such as an index" if not text.startswith(("-e", "--editable")) else "editable packages"
        )
        raise ScoringError(
            f"The requirement '{line.strip()}' is refused: {what} are not allowed, only packages."
        )
    if (
        "://" in text
        or re.search(r"\s@\s|^\.{0,2}/|^git\+", text)
        or text.endswith((".whl", ".tar.gz", ".zip"))
    ):
        raise ScoringError(
            f"The requirement '{line.strip()}' is refused: packages come from the configured index only, "
            "not from addresses, files or version control. Name a published version of the package."
        )
    match = _REQUIREMENT.fullmatch(text)
    if not match:
        raise ScoringError(
            f"The requirement '{line.strip()}' is not understood; write it like pandas==2.2.3."
        )
    specifier = re.sub(r"\s+", "", match["specifier"]).rstrip(",")
    extras = re.sub(r"\s+", "", match["extras"] or "")
    return match["name"] + extras + specifier + (f" {match['marker'].strip()}" if match["marker"] else "")


def _completed(requirements: list[str], logged_with: str) -> list[str]:
    """Adds the scorer's own needs, and caps what is left open, without touching a pin."""
    names = {name_of(one) for one in requirements}
    needed = ["pyarrow", "pandas"]
    if names.isdisjoint(MLFLOW):
        needed.insert(0, "mlflow")
    completed = [*requirements, *(name for name in needed if name not in names)]
    specifiers = {name_of(one): specifier_of(one) for one in completed}
    for name, cap in caps(specifiers, logged_with=logged_with).items():
        if name not in specifiers:
            completed.append(name + cap)
        elif not specifiers[name]:
            completed = [with_specifier(one, cap) if name_of(one) == name else one for one in completed]
    return completed
