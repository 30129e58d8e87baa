"""Runs one command that ends when the process that started it ends, however that one ends.

Run as a program of its own (`python -I -S launch.py PARENT SIGNAL UID:GID|- COMMAND…`): work between fork and exec
in the supervisor itself (preexec_fn) can hang. It becomes the command, so no process is added on Linux.
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def become(account: str) -> None:
    user, group = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def end_with_parent(number: int) -> None:
    # Linux does it in the kernel; it must come after become(), since changing the user clears it.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def watch_parent(parent: int, number: int) -> None:
    """Elsewhere (macOS) a small twin looks once a second, and ends with the command that it watches for."""
    command = os.getpid()
    if os.fork():
        return
    while os.getppid() == command:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os.kill(command, number)
            return_at = time.monotonic() + 10
            while os.getppid() == command and time.monotonic() < return_at:
                time.sleep(0.1)
            if os.getppid() == command:
                os.kill(command, signal.SIGKILL)
        except PermissionError:
            pass
        time.sleep(1)
    os._exit(0)


def main() -> None:
    parent, number, account, *command = sys.argv[1:]
    if account != "-":
        become(account)
    if sys.platform == "linux":
        end_with_parent(int(number))
    else:
        watch_parent(int(parent), int(number))
    if os.getppid() != int(parent):
        sys.exit("The process that started this one is gone.")
    # Python ignores these at its own start, and what is ignored stays so across exec.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
