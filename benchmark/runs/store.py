"""Where runs lie: one directory a candidate and identity, `RUNS/<candidate>-<key8>/`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmark.errors import EnvironmentFault

__all__ = ["check_writable", "run_folder"]


def run_folder(runs: Path, candidate: str, key: str) -> Path:
    """Directory of a run; the name is safe on every file system, the key makes it unique."""
    return runs / f"{re.sub(r'[^A-Za-z0-9._+-]+', '-', candidate).strip('-.') or 'candidate'}-{key}"


def check_writable(runs: Path) -> None:
    """Find out before anything is loaded whether runs can be kept.

    Raises:
        EnvironmentFault: The directory cannot be made or written.
    """
    probe = runs / f".probe-{os.getpid()}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise EnvironmentFault(
            f"runs cannot be kept in {runs}: {error.strerror or error}",
            "Choose a place that can be written: --runs DIR",
        ) from None
