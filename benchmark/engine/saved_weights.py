"""Converts the errors of a disk that cannot be written while weights are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolmark.benchmark.core.errors import EnvironmentFault, writing
from toolmark.benchmark.engine.loading_errors import cause

__all__ = ["saving"]


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Convert every error of the disk inside the `with` block, also those of the safetensors library.

    Args:
        path: The folder that is written.

    Raises:
        EnvironmentFault: The weights cannot be written, for example because the disk is full.
    """
    from safetensors import SafetensorError

    fix = "Free some disk space, or give another path."
    with writing(path, fix):
        try:
            yield
        except SafetensorError as error:
            raise EnvironmentFault(f"{path} cannot be written: {cause(error)}", fix) from None
