"""Starts the sandbox's worker without the main program.

A spawned process imports the main program of its parent. The worker needs nothing from that program, and a script that
evaluates at its top level would evaluate again in the worker. With this context, a script needs no main guard.
"""

from __future__ import annotations

import sys
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

__all__ = ["WorkerContext"]


class WorkerProcess(SpawnProcess):
    """A spawned process that does not import the main program."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the name in multiprocessing
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")  # has no file, so the new process has nothing to import
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class WorkerContext(SpawnContext):
    """The context of multiprocessing in which every process is a `WorkerProcess`."""

    Process = WorkerProcess
