"""Stores the threshold for calls that was fitted on dev cases, in the folder of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.regular_files import regular

__all__ = ["CALIBRATION_FILE", "Calibration", "read_calibration", "write_calibration"]

CALIBRATION_FILE = "calibration.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold with which a candidate has 90% restraint on dev cases.

    Attributes:
        threshold: The threshold, in [0, 1].
        cases: Number of dev cases.
    """

    threshold: float
    cases: int


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into the folder of a run.

    Raises:
        EnvironmentFault: The file cannot be written.
    """
    with writing(folder, "Choose a writable folder: --runs DIR"):
        write_atomically(folder / CALIBRATION_FILE, json.dumps(asdict(calibration)).encode() + b"\n")


def read_calibration(folder: Path) -> Calibration | None:
    """Return the calibration in the folder of a run. None if there is none, or if the file is broken."""
    try:
        row = json.loads(regular(folder / CALIBRATION_FILE).read_bytes())
        threshold, cases = row["threshold"], row["cases"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    fits = type(threshold) in (int, float) and 0 <= threshold <= 1 and type(cases) is int and cases > 0
    return Calibration(threshold, cases) if fits else None
