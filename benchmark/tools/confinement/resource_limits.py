"""Limits the memory, the processor time and the files of this process."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no module `resource`.
    resource = None  # type: ignore[assignment]

__all__ = ["address_space", "limit_for_ever", "memory_limited"]

_OPEN_FILES = 256


def limit_for_ever(seconds: float, memory: int, file_size: int) -> None:
    """Set limits that this process cannot raise. Call this only in a process that was just forked.

    Args:
        seconds: Limit of the processor time, in seconds. The limit is rounded up.
        memory: Limit of the memory in bytes, including the memory that is used now. 0 means no limit.
        file_size: The largest size of a file, in bytes.
    """
    if resource is None:
        return
    processor = math.ceil(seconds) + 1
    limits = [
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, file_size, file_size),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        # At the first limit, the process gets a signal, which the process can ignore. At the second limit, the system
        # kills the process.
        (resource.RLIMIT_CPU, processor, processor + 1),
    ]
    if memory:
        limits.append((resource.RLIMIT_AS, memory, memory))
    if sys.platform == "darwin":
        # Not set on Linux, because the limit would also count the threads of other programs there.
        limits.append((resource.RLIMIT_NPROC, 0, 0))
    for kind, soft, hard in limits:
        highest = resource.getrlimit(kind)[1]
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        resource.setrlimit(kind, (soft, hard))


@contextmanager
def memory_limited(memory: int) -> Iterator[None]:
    """Limit the additional memory inside the `with` block to `memory` bytes."""
    used = address_space()
    if resource is None or not used:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    hard = before[1]
    limit = used + memory if hard == resource.RLIM_INFINITY else min(used + memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def address_space() -> int:
    """Return the size of the used address space in bytes, or 0 if the platform does not report the size."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
