"""Shuts a process in: it reads its own files, writes its scratch folder, and reaches nothing else.

Landlock fences files, TCP, signals and abstract sockets; seccomp takes away every kind of socket that is not a pair,
what looks into other processes, and leaving the process group, by which the node ends a scorer with all its children.
Both work for an ordinary user, cannot be undone, and are inherited. Numbers are those of linux/landlock.h,
linux/seccomp.h and the system call tables of x86_64 and aarch64.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READING = EXECUTE | READ_FILE | READ_DIR
NO_NEW_PRIVILEGES, SET_SECCOMP = 38, 22

# What any program needs of the machine it runs on; /etc holds secrets too, so it is not read as a whole.
OF_THE_SYSTEM = (
    "/usr /lib /lib64 /bin /sbin /sys/devices/system /sys/fs/cgroup /proc/cpuinfo /proc/meminfo /proc/stat "
    "/proc/version /proc/filesystems /proc/sys/kernel /proc/sys/vm /dev/urandom /dev/random /dev/zero /dev/full "
    "/etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/localtime /etc/timezone /etc/passwd /etc/group "
    "/etc/nsswitch.conf /etc/mime.types /etc/os-release /etc/alternatives /etc/fonts /etc/hosts"
).split()

# Name: number on x86_64, number on aarch64.
DENIED = {
    "socket": (41, 198), "setsid": (112, 157), "setpgid": (109, 154), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "kcmp": (312, 272), "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268),
    "open_by_handle_at": (304, 265), "kexec_load": (246, 104), "init_module": (175, 105),
    "finit_module": (313, 273), "reboot": (169, 142), "swapon": (167, 224), "chroot": (161, 51),
}  # fmt: skip
SOCKETPAIR = (53, 199)
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def missing() -> list[str]:
    """What this kernel cannot keep a scorer from, as phrases; empty where the fence is whole."""
    version = _landlock_version()
    found = [] if version >= 1 else ["reading other files of this machine"]
    if version < 6:
        found.append("sending signals to other processes")
    if platform.machine() not in ARCHITECTURES or not _has_seccomp():
        found.append("reaching the network")
    return found


def shut_in(readable: Iterable[str], writable: Iterable[str]) -> None:
    """For the calling thread and all that it starts, for good. Does what the kernel offers."""
    if not sys.platform.startswith("linux"):
        return
    _libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    version = _landlock_version()
    if version >= 1:
        _restrict_files(version, readable, writable)
    if platform.machine() in ARCHITECTURES and _has_seccomp():
        _restrict_calls()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _landlock_version() -> int:
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(CREATE_RULESET, None, 0, 1))


def _has_seccomp() -> bool:
    return os.path.exists("/proc/sys/kernel/seccomp")


def _handled(version: int) -> int:
    rights = (1 << 13) - 1
    rights |= (1 << 13) if version >= 2 else 0  # to move a file into another folder
    rights |= TRUNCATE if version >= 3 else 0
    return rights | (IOCTL_DEV if version >= 5 else 0)


def _restrict_files(version: int, readable: Iterable[str], writable: Iterable[str]) -> None:
    libc, handled = _libc(), _handled(version)
    attributes = struct.pack("=Q", handled)
    if version >= 4:
        attributes += struct.pack("=Q", 3)  # no TCP
    if version >= 6:
        attributes += struct.pack("=Q", 3)  # no abstract sockets, no signals, outside of the fence
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    own = ["/proc/%d" % os.getpid()]
    for path in [*OF_THE_SYSTEM, *own, *readable]:
        _allow(libc, ruleset, path, READING & handled)
    _allow(libc, ruleset, "/dev/null", (READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV) & handled)
    for path in writable:
        _allow(libc, ruleset, path, handled & ~IOCTL_DEV)
    if libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this machine
    try:
        if not os.path.isdir(path):
            rights &= OF_FILES
        rule = struct.pack("=Qi", rights, place)
        if libc.syscall(ADD_RULE, ruleset, 1, rule, 0):
            raise OSError(ctypes.get_errno(), "landlock_add_rule", path)
    finally:
        os.close(place)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def _restrict_calls() -> None:
    which, architecture = ARCHITECTURES[platform.machine()]
    load, equal, at_least, mask, answer = 0x20, 0x15, 0x35, 0x54, 0x06
    denied, allowed = 0x00050000 | 1, 0x7FFF0000  # the call fails with EPERM; the call is made

    def step(code: int, true: int, false: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, true, false, value)

    steps = [step(load, 0, 0, 4), step(equal, 1, 0, architecture), step(answer, 0, 0, denied)]
    steps.append(step(load, 0, 0, 0))
    if which == 0:  # the calls of x32 have numbers of their own
        steps += [step(at_least, 0, 1, 0x40000000), step(answer, 0, 0, denied)]
    for numbers in DENIED.values():
        steps += [step(equal, 0, 1, numbers[which]), step(answer, 0, 0, denied)]
    # A pair of datagram sockets could send to any named socket; one of streams cannot.
    second_argument, stream = 24, 1
    steps += [
        step(equal, 0, 4, SOCKETPAIR[which]),
        step(load, 0, 0, second_argument),
        step(mask, 0, 0, 0xF),  # without SOCK_CLOEXEC and SOCK_NONBLOCK
        step(equal, 1, 0, stream),
        step(answer, 0, 0, denied),
        step(answer, 0, 0, allowed),
    ]
    program = _Program(len(steps), b"".join(steps))
    if _libc().prctl(SET_SECCOMP, 2, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
