"""What the studio installs, looked at without the internet: python -m tests.dependencies.

Every requirement is pinned to one version and says what it is for, and everything that comes with it has a licence that
lets the studio be used and passed on by anybody. Known vulnerabilities are not looked for: lists of them are on the
internet (`pip-audit -r requirements.txt`, where there is one)."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"[A-Za-z0-9_.-]+(?:\[[a-z,]+\])?==[^\s;#]+\s+# \S.*")
PERMISSIVE = re.compile(
    r"\b(?:MIT|MIT-0|MIT-CMU|HPND|BSD|0BSD|Apache|ISC|PSF|Python|PostgreSQL|Zlib|Unlicense|CC0|MPL|Mozilla|"
    r"Public Domain|ZPL|Zope)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b(?:A?GPL|GNU|LGPL|SSPL|EUPL|Commons Clause)\b|\bL?GPL", re.IGNORECASE)
# Libraries that are used as they come, which the LGPL lets anybody do.
EXCEPTIONS = {"paramiko", "psycopg", "psycopg-binary"}
IN_A_FILE_ALONE = {"huey": "MIT", "skops": "MIT"}  # read in what they bring along


def lines(name: str) -> list[str]:
    text = (ROOT / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r "))]


def unpinned() -> Iterator[str]:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in lines(name):
            if not LINE.fullmatch(line):
                yield f"{name}: “{line}” needs name==version and a reason behind a #."


def installed() -> dict[str, Distribution]:
    """What requirements.txt brings along, all of it."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line.partition("#")[0].strip()) for line in lines("requirements.txt")]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = f"{name}[{','.join(sorted(wanted.extras))}]"
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            continue  # for another machine than this
        for text in found[key].requires or []:
            needed = Requirement(text)
            extras = [{"extra": extra} for extra in ("", *wanted.extras)]
            if needed.marker is None or any(needed.marker.evaluate(extra) for extra in extras):
                waiting.append(needed)
    return found


def licence(package: Distribution) -> str:
    fields = package.metadata
    named = [text for text in fields.get_all("Classifier") or [] if text.startswith("License ::")]
    own = fields.get("License-Expression") or (fields.get("License") or "").split("\n")[0]
    return " / ".join([own, *(text.rpartition(" :: ")[2] for text in named)])


def not_permissive(packages: dict[str, Distribution]) -> Iterator[str]:
    for key, package in sorted(packages.items()):
        name = key.partition("[")[0]
        said = IN_A_FILE_ALONE.get(name) or licence(package)
        if name not in EXCEPTIONS and (not PERMISSIVE.search(said) or COPYLEFT.search(said)):
            yield f"{name}: its licence is “{said}”, which is not known to be permissive."


def main() -> None:
    packages = installed()
    problems = [*unpinned(), *not_permissive(packages)]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len({key.partition('[')[0] for key in packages})} packages: pinned, with permissive licences")


if __name__ == "__main__":
    main()
