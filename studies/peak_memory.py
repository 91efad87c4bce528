"""Measures the highest memory of a process, in bytes on every system."""

from __future__ import annotations

import resource
import sys

__all__ = ["peak_bytes"]

_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of `ru_maxrss`: macOS counts bytes, and Linux counts KiB."""


def peak_bytes(who: int = resource.RUSAGE_SELF) -> int:
    """Return the highest resident memory so far, in bytes.

    Args:
        who: `RUSAGE_SELF` for this process. `RUSAGE_CHILDREN` for the largest of its ended child processes.
    """
    return resource.getrusage(who).ru_maxrss * _UNIT
