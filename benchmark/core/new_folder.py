"""Writes a new folder in one step, so that an incomplete folder never looks like a complete one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.unexpected_errors import naming_system_faults

__all__ = ["new_folder"]


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to write to. At the end of the `with` block, the folder gets the name `out`.

    Until then, the name of the folder is `.OUT.partial`, where OUT is the name of `out`. If the block raises an error,
    the folder is removed. If the process is killed, the folder stays, and the next call with the same `out` replaces
    the folder.

    Args:
        out: The new folder. If the folder already exists, it must be empty.

    Raises:
        EnvironmentFault: The folder cannot be written, for example because the disk is full. An `OSError` in the block,
            or an error of a library about a full disk, becomes this error.
    """
    partial = out.resolve().with_name(f".{out.resolve().name}.partial")
    try:
        with writing(out):
            if partial.exists():
                shutil.rmtree(partial)
            partial.mkdir(parents=True)
            with naming_system_faults():
                yield partial
            if out.exists():
                out.rmdir()
            partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
