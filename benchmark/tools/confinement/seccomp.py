"""Limits the system calls of this process, with Linux's seccomp.

The filter is a small program. The kernel runs it for each system call, with the number and the arguments of the call.
The filter refuses calls that reach the network or other processes, and calls that reach files in a way that Landlock
does not limit. All other calls are allowed.

Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from functools import cache

from toolmark.benchmark.tools.confinement.landlock import LIMITS_TRUNCATION, version
from toolmark.benchmark.tools.confinement.linux_calls import ARCHITECTURE, NUMBERS, prctl

__all__ = ["available", "prepare", "restrict"]

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2

_KERNEL_NAMES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEWEST = 451
"""The largest number of a system call that this filter knows. Calls with a larger number fail as on a kernel that does
not have these calls."""

_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06

_INSTRUCTION = struct.Struct("=HBBI")
_OPERAND = struct.Struct("=I")

Instruction = tuple[int, int, int, int]
"""The four numbers of an instruction: its code, how many instructions are skipped if a comparison is true, how many are
skipped if the comparison is false, and the operand."""

_REFUSED = (
    *("socket", "socketpair"),
    *("fork", "vfork", "execve", "execveat", "setsid", "setpgid", "unshare", "setns", "personality"),
    *("tkill", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp"),
    *("setrlimit", "setpriority", "sched_setparam", "sched_setscheduler", "sched_setattr", "sched_setaffinity"),
    *("ioprio_set", "migrate_pages", "move_pages"),
    # Landlock does not limit changes of the attributes of files.
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr"),
    *("removexattr", "lremovexattr", "fremovexattr", "open_tree", "name_to_handle_at", "open_by_handle_at"),
    *("inotify_init", "inotify_init1", "inotify_add_watch", "fanotify_init", "quotactl", "quotactl_fd"),
    # These calls make memory that does not count as memory of the process, or that stays when the process has ended.
    *("memfd_create", "memfd_secret", "shmget", "msgget", "semget", "mq_open", "mq_unlink"),
    *("bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl", "syslog", "sync", "syncfs"),
)

_ABSENT = ("clone3", "openat2", "io_uring_setup", "io_uring_enter", "io_uring_register")
"""Calls whose arguments the filter cannot see. They fail as on a kernel that does not have these calls, so the C
library uses older calls."""

_THIS_PROCESS = 2**32 - 1
"""Stands for the number of this process, which is known only after the fork."""

_CLONE_THREAD = 0x10000
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""The allowed commands of `ioctl`: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX and FIOCLEX. They read the state of
a terminal or pipe, or set a flag of a descriptor. Other commands could type into a terminal, or change a file that was
opened for reading."""

_FCNTLS = (8, 10, 15, 1024)
"""The refused commands of `fcntl`. F_SETOWN, F_SETSIG and F_SETOWN_EX send signals to other processes. F_SETLEASE
delays the access of other processes to files."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


@cache
def available() -> bool:
    """Return whether this kernel has seccomp and this module knows the numbers of the kernel's system calls."""
    if ARCHITECTURE not in NUMBERS:
        return False
    try:
        prctl(_PR_SET_SECCOMP, _MODE_FILTER, 0)
    except OSError as error:
        # With seccomp, the kernel looks for a filter at address 0, and reports that there is none.
        return error.errno == errno.EFAULT
    return False


def restrict() -> None:
    """Refuse system calls of this process and of its threads from now on. `drop_privileges` must be called before.

    Raises:
        OSError: The kernel refuses.
    """
    code = bytearray(_program())
    for place in _places_of_this_process():
        _OPERAND.pack_into(code, place, os.getpid())
    buffer = ctypes.create_string_buffer(bytes(code), len(code))
    attributes = _Program(len(code) // _INSTRUCTION.size, ctypes.addressof(buffer))
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(attributes))


def prepare() -> None:
    """Compute the filter in advance, so that `restrict` needs less time."""
    _program()
    _places_of_this_process()


@cache
def _program() -> bytes:
    return b"".join(_INSTRUCTION.pack(*one) for one in _instructions())


@cache
def _places_of_this_process() -> tuple[int, ...]:
    return tuple(
        (number + 1) * _INSTRUCTION.size - _OPERAND.size
        for number, one in enumerate(_instructions())
        if one[-1] == _THIS_PROCESS
    )


def _instructions() -> tuple[Instruction, ...]:
    truncating = os.O_TRUNC | os.O_ACCMODE
    blocks = [
        *((name, [_refuse()]) for name in _REFUSED),
        *((name, [_refuse(errno.ENOSYS)]) for name in _ABSENT),
        *((name, _only_if_one_of(0, [_THIS_PROCESS])) for name in ("kill", "tgkill", "rt_sigqueueinfo")),
        ("clone", [_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), _refuse(), _allow()]),
        # Allowed only if argument 2, the pointer to new limits, is 0. The filter compares the two halves of the
        # pointer.
        ("prlimit64", [*_skip_unless_zero(2, 0, 3), *_skip_unless_zero(2, 4, 1), _allow(), _refuse()]),
        ("ioctl", _only_if_one_of(1, _IOCTLS, errno.ENOTTY)),
        ("fcntl", _unless_one_of(1, _FCNTLS)),
    ]
    if version() < LIMITS_TRUNCATION:
        blocks.append(("truncate", [_refuse()]))
        # Linux truncates even a file that is opened for reading.
        for name, flags in (("open", 1), ("openat", 2)):
            masked: list[Instruction] = [_argument(flags), (_AND, 0, 0, truncating)]
            blocks.append((name, [*masked, (_EQUAL, 0, 1, os.O_TRUNC), _refuse(), _allow()]))
    instructions: list[Instruction] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _KERNEL_NAMES[ARCHITECTURE]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_GREATER, 0, 1, _NEWEST),
        _refuse(errno.ENOSYS),
    ]
    numbers = NUMBERS[ARCHITECTURE]
    for name, block in blocks:
        if name in numbers:  # Newer architectures lack old calls.
            instructions += [(_EQUAL, 0, len(block), numbers[name]), *block]
    return (*instructions, _allow())


def _refuse(number: int = errno.EPERM) -> Instruction:
    return _RETURN, 0, 0, _ERROR | number


def _allow() -> Instruction:
    return _RETURN, 0, 0, _ALLOW


def _argument(index: int, half: int = 0) -> Instruction:
    return _LOAD, 0, 0, 16 + 8 * index + half


def _skip_unless_zero(index: int, half: int, skipped: int) -> list[Instruction]:
    return [_argument(index, half), (_EQUAL, 0, skipped, 0)]


def _only_if_one_of(index: int, values: Iterable[int], number: int = errno.EPERM) -> list[Instruction]:
    tests = [one for value in values for one in ((_EQUAL, 0, 1, value), _allow())]
    return [_argument(index), *tests, _refuse(number)]


def _unless_one_of(index: int, values: Iterable[int]) -> list[Instruction]:
    tests = [one for value in values for one in ((_EQUAL, 0, 1, value), _refuse())]
    return [_argument(index), *tests, _allow()]
