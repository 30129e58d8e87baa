"""A small studio of cheap children, run as a program of its own so that it can be stopped and killed.

`python -m tests.embedded.supervised HOME NAME…` supervises the named children in two groups: the first, then the rest.
"""

import signal
import sys
from pathlib import Path

from studio.embedded.home import StartError, only_one
from studio.embedded.processes import Child
from studio.embedded.supervisor import StopRequested, Supervisor

SLEEPER = "import os, time; print('up', os.getpid(), flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
# Its own child ignores what ends it, and outlives it.
FAMILY = (
    "import subprocess, sys, time; "
    f'subprocess.Popen([sys.executable, "-c", {STUBBORN!r}]); time.sleep(0.5); print("up", flush=True); time.sleep(600)'
)
CRASHING = "import sys; print('about to fail', flush=True); sys.exit('the disk is full')"
ONCE = (
    "import pathlib, sys, time; mark = pathlib.Path('crashed'); first = not mark.exists(); mark.touch(); "
    f"first and sys.exit('stumbled'); {SLEEPER}"
)
PROGRAMS = {
    "sleeper": SLEEPER,
    "other": SLEEPER,
    "stubborn": STUBBORN,
    "family": FAMILY,
    "crashing": CRASHING,
    "once": ONCE,
    "silent": "import time; time.sleep(600)",
}


def child(name: str, home: Path) -> Child:
    return Child(
        name=name,
        command=[sys.executable, "-c", PROGRAMS[name]],
        ready_text="up",
        ready_within=2 if name == "silent" else 20,
        grace=30 if name == "stubborn" else 5,
        folder=home,
    )


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    # As a terminal starts it: who runs the tests in the background may have these ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    home, names = Path(sys.argv[1]), sys.argv[2:]
    try:
        with only_one(home), Supervisor(folder=home / "logs", say=say, first_pause=0.05) as supervisor:
            supervisor.start(child(names[0], home))
            supervisor.wait()
            supervisor.start(*(child(name, home) for name in names[1:]))
            supervisor.wait()
            say("all ready")
            supervisor.watch()
    except StopRequested:
        say("stopped")
    except StartError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
