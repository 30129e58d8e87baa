"""Looks for secrets in every line that the repository's history has ever added: python -m tests.secrets_scan [FOLDER].

Keys and tokens that can be told by their form, the studio's own (`sst_…`, with its checksum) among them. What was once
committed stays in every clone, so a finding is revoked first; then the history is cleaned, or, where it never opened
anything, its line is added to KNOWN."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FORMS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "Azure account key": r"AccountKey=[A-Za-z0-9+/]{86}==",
    "Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "GitHub token": r"\b(?:gh[opsur]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{82})\b",
    "GitLab token": r"\bglpat-[0-9A-Za-z_-]{20}\b",
    "PyPI token": r"\bpypi-AgE[0-9A-Za-z_-]{50,}",
    "npm token": r"\bnpm_[0-9A-Za-z]{36}\b",
    "Slack token": r"\bxox[abprs]-[0-9A-Za-z-]{10,}",
    "Stripe key": r"\b[rs]k_live_[0-9A-Za-z]{20,}",
    "signed token (JWT)": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{20,}",
    "token of a studio": r"\bsst_[0-9A-Za-z]{49}\b",
}
ANY = re.compile("|".join(f"(?P<f{number}>{form})" for number, form in enumerate(FORMS.values())))
# SHA-256 of lines that hold what looks like a secret and opens nothing, each with why.
KNOWN = {
    "de5e6f885b32ca1f8e13689aeec8644b16ce3262fd87ca09c367dbffec1eee99": "for the S3 server that tests start",
}


def added_lines(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Commit, file and text of each line that a commit of any branch has added."""
    command = [
        "git",
        "-C",
        str(folder),
        "log",
        "--all",
        "--patch",
        "--unified=0",
        "--no-color",
        "--no-renames",
    ]
    commit = file = ""
    with subprocess.Popen(
        [*command, "--format=commit %h"], stdout=subprocess.PIPE, text=True, errors="replace"
    ) as log:
        assert log.stdout
        for line in log.stdout:
            if line.startswith("commit "):
                commit = line.split()[1]
            elif line.startswith("+++ "):
                file = line[6:].rstrip()
            elif line.startswith("+"):
                yield commit, file, line[1:].rstrip("\n")
    if log.returncode:
        sys.exit("git log failed, so nothing was looked at.")


def is_real(kind: str, text: str) -> bool:
    """A studio's own token tells by its checksum whether it can be one."""
    if kind != "token of a studio":
        return True
    from studio.actions.tokens import is_well_formed

    return is_well_formed(text)


def findings(folder: Path) -> Iterator[str]:
    for commit, file, line in added_lines(folder):
        for match in ANY.finditer(line):
            kind = list(FORMS)[int((match.lastgroup or "f0")[1:])]
            key = hashlib.sha256(line.strip().encode()).hexdigest()
            if key not in KNOWN and is_real(kind, match.group()):
                yield f"{commit} {file}: {kind} ({match.group()[:8]}…), line {key}"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    found = list(findings(folder))
    if found:
        sys.exit("\n".join(["Secrets in the history; revoke them:", *found]))
    print("no secrets in the history")


if __name__ == "__main__":
    main()
