"""Checks the memory and the disk of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from toolmark.benchmark.core.errors import EnvironmentFault, ToolmarkError
from toolmark.benchmark.core.remote_files import is_address, names_below
from toolmark.benchmark.doctor.findings import Finding, ok, problem, warning
from toolmark.benchmark.engine.devices import memory
from toolmark.benchmark.runs.run_folders import check_writable

__all__ = ["cache_finding", "memory_finding", "runs_finding"]

_LITTLE_MEMORY = 2e9
"""The number of bytes of memory that torch and a small model need."""

_LITTLE_DISK = 1e9
_LITTLE_CACHE = 5e9
"""The number of bytes on the disk that a model with two thousand million parameters needs."""


def memory_finding() -> Finding:
    """Check whether enough memory is free."""
    import psutil

    total = memory("cpu")
    free = min(int(psutil.virtual_memory().available), total)
    inside = ", the limit of this container" if total < psutil.virtual_memory().total else ""
    found = f"{free / 1e9:.1f} GB free of {total / 1e9:.1f} GB{inside}"
    if free < _LITTLE_MEMORY:
        return warning(found, "Close other programs, or use a small model, for example --model pocket.")
    return ok(found)


def runs_finding(given: str) -> Finding:
    """Check whether runs can be written to a folder, or whether an address can be reached."""
    if is_address(given):
        try:
            return ok(f"{len(names_below(given))} runs at {given}")
        except ToolmarkError as error:
            return problem(error.what, error.fix)
    runs = Path(given)
    try:
        check_writable(runs)
    except EnvironmentFault as error:
        return problem(error.what, error.fix)
    free = shutil.disk_usage(_existing(runs)).free
    found = f"{free / 1e9:.1f} GB free for runs in {runs.absolute()}"
    if free < _LITTLE_DISK:
        return warning(found, "Delete old runs: toolmark runs prune. Or choose another folder: --runs DIR")
    return ok(found)


def cache_finding() -> Finding:
    """Check whether models can be downloaded to the local cache of the hub."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    folder = _existing(cache)
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return warning(
            f"models cannot be downloaded to {folder}: {error.strerror or error}",
            "Choose another folder for the cache: export HF_HOME=DIR",
        )
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free for downloaded models in {cache}"
    if free < _LITTLE_CACHE:
        return warning(found, "Delete models that are not needed: hf cache rm. Or set another folder: HF_HOME=DIR")
    return ok(found)


def _existing(path: Path) -> Path:
    """Return `path` if it exists. Otherwise return the nearest folder above `path` that exists."""
    absolute = path.absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.is_dir())
