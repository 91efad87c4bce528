"""What hostile tools use to get past the checks that are made of Python code."""

from __future__ import annotations

import ctypes
import os


def freed() -> None:
    """Remove the checks that are made of Python code."""
    from toolmark.benchmark.tools.confinement import audit_hook

    for name, value in list(vars(audit_hook).items()):
        if callable(value):
            setattr(audit_hook, name, lambda *_, **__: None)


def c(name: str, *arguments: object) -> int:
    """Call a function of the C library."""
    freed()
    library = ctypes.CDLL(None, use_errno=True)
    result: int = getattr(library, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
