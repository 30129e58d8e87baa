"""A Python that has its imports done, and forks for each piece of code: as good as a fresh one, seconds sooner."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from studio.embedded.processes import launched

PROGRAM = """
import json, os, sys
exec(sys.argv[1])
for line in sys.stdin:
    asked = json.loads(line)
    if os.fork():
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
        continue
    os.environ.update(asked["environment"])
    for number, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    exec(asked["code"], {"__name__": "__main__"})
    break
"""


class ForkingPython:
    """`outputs` is a folder for what it prints."""

    def __init__(self, *, imports: str, environment: Mapping[str, str], folder: Path, outputs: Path) -> None:
        outputs.mkdir()
        self._files = {name: str(outputs / name) for name in ("output", "errors")}
        self._process = subprocess.Popen(
            launched([sys.executable, "-W", "ignore", "-c", PROGRAM, imports]),
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, environment: Mapping[str, str] | None = None) -> str:
        """What it prints. Raises AssertionError with what it says of its failure."""
        assert self._process.stdin
        assert self._process.stdout
        asked = {"code": code, "environment": dict(environment or {}), **self._files}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        ended = self._process.stdout.readline()
        assert ended == "0\n", Path(self._files["errors"]).read_text()
        return Path(self._files["output"]).read_text()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
