"""Starts the worker process of the sandbox without importing the main program.

Usually, a spawned process imports the main program of its parent. If the main program is a user's script that runs an
evaluation, the worker would run the evaluation again. With the context in this module, the script does not need
`if __name__ == "__main__"`.
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
        sys.modules["__main__"] = ModuleType("__main__")  # This module has no file, so the worker imports nothing.
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class WorkerContext(SpawnContext):
    """A context of multiprocessing in which every process is a `WorkerProcess`."""

    Process = WorkerProcess
