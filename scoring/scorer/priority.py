"""How much of a core a process gets while others want it."""

from __future__ import annotations

import os
import time


def set_niceness(niceness: int, process: int = 0) -> None:
    """Of this process or another one, and of the session that it leads: Linux shares a core among sessions first, so
    that the niceness of a process counts only beside those of its own session."""
    os.setpriority(os.PRIO_PROCESS, process, max(niceness, os.getpriority(os.PRIO_PROCESS, process)))
    process = process or os.getpid()
    if os.getsid(process) != process:
        return
    for _attempt in range(5):
        try:
            with open("/proc/{}/autogroup".format(process), "w") as session:
                session.write(str(niceness))
            return
        except BlockingIOError:
            time.sleep(0.1)  # the kernel takes one in so long from who is not root
        except OSError:
            return  # this kernel does not tell sessions apart


def pass_niceness_on(process: int = 0) -> None:
    """To a session that this process has begun, or that begins with it."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness > 0:
        set_niceness(niceness, process)
