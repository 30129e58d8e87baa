"""What a model's own files say about the Python and the packages it needs."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from scoring.errors import ScoringError

DEFAULT_PYTHON = "3.11"
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
MLFLOW = {"mlflow", "mlflow-skinny"}
# What the conda part of a model's files may name besides pip packages.
_CONDA_OWN = ("python", "pip", "setuptools", "wheel")


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

    @classmethod
    def from_model_files(cls, files: Mapping[str, str], *, with_images: bool = False) -> Self:
        """From the texts of python_env.yaml, conda.yaml and requirements.txt, of which any may be missing."""
        python_env = _yaml(files, "python_env.yaml")
        conda = _yaml(files, "conda.yaml")
        conda_python, conda_pip, notes = _conda(conda)
        python = str(python_env.get("python") or conda_python or "")
        if not python:
            python = DEFAULT_PYTHON
            notes.append(f"The model does not say which Python it needs; Python {python} is used.")
        if "requirements.txt" in files:
            lines = files["requirements.txt"].splitlines()
        else:
            listed = [line for line in python_env.get("dependencies") or [] if not str(line).startswith("-r")]
            lines = listed or conda_pip
        spec = cls.of(python=python, lines=[str(line) for line in lines], notes=notes)
        if with_images and "pillow" not in map(_name, spec.requirements):
            return replace(spec, requirements=(*spec.requirements, "pillow"))
        return spec

    @classmethod
    def of(cls, *, python: str, lines: Sequence[str], notes: Sequence[str] = ()) -> Self:
        """From a Python version and requirement lines as a person edits them; adds what the scorer needs."""
        if not _PYTHON.fullmatch(python.strip()):
            raise ScoringError(f"{python!r} is not a Python version the studio can use; give one like 3.11.")
        requirements = list(dict.fromkeys(filter(None, (_requirement(line) for line in _joined(lines)))))
        return cls(python=python.strip(), requirements=tuple(_completed(requirements)), notes=tuple(notes))


def problems(lines: Sequence[str]) -> list[str]:
    """A sentence for each line, as a person has edited them, that cannot be installed or must not be there."""
    found, seen = [], set()
    for line in _joined(lines):
        try:
            requirement = _requirement(line)
        except ScoringError as error:
            found.append(str(error))
            continue
        name = _name(requirement)
        wrong = _wrong_specifier(requirement)
        if wrong:
            found.append(f"The requirement '{line.strip()}' is refused: {wrong} is no version; write 2.2.3.")
        if name and name in seen and ";" not in requirement:
            found.append(f"{name} is there twice. Keep one line of it.")
        seen.add(name)
    if not MLFLOW & seen:
        found.append("mlflow must stay: the model is loaded with it.")
    return found


def _name(requirement: str) -> str:
    match = _REQUIREMENT.fullmatch(requirement)
    return re.sub(r"[-_.]+", "-", match["name"]).lower() if match else ""


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


def _conda(content: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """Python version, pip requirements, notes about packages that only conda has."""
    python = ""
    pip: list[str] = []
    notes: list[str] = []
    for entry in content.get("dependencies") or []:
        if isinstance(entry, dict):
            pip.extend(str(line) for line in entry.get("pip") or [])
            continue
        name, _, version = str(entry).replace("==", "=").partition("=")
        name = re.split(r"[<>!~ \[]", name.strip())[0]
        if name == "python":
            python = version.split("=")[0].rstrip(".*")
        elif name not in _CONDA_OWN:
            notes.append(f"{entry} is a conda package; it is left out unless pip packages bring it along.")
    return python, pip, notes


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


def _completed(requirements: list[str]) -> list[str]:
    """Adds the scorer's own needs without touching a pin."""
    specifiers: dict[str, str] = {}
    for requirement in requirements:
        match = _REQUIREMENT.fullmatch(requirement)
        if match:
            specifiers[_name(requirement)] = match["specifier"].strip()
    completed = list(requirements)
    if not MLFLOW & set(specifiers):
        completed.append("mlflow")
        specifiers["mlflow"] = ""
    if "pyarrow" not in specifiers:
        completed.append("pyarrow")
    if not specifiers.get("pandas"):
        # MLflow 2.x allows, and old models were written for, pandas before 3.
        mlflow = specifiers.get("mlflow") or specifiers.get("mlflow-skinny") or ""
        old = re.match(r"(==|~=|<=)[12]\.|<[23]([.,]|$)", mlflow)
        wanted = "pandas<3" if old else "pandas"
        completed = [wanted if r == "pandas" else r for r in completed]
        if wanted not in completed:
            completed.append(wanted)
    return completed
