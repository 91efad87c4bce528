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
        source: The name or path of the case set. Empty if it is not known.
        case_set: Hash of the dev cases. Empty if it is not known.
        limit: The value of `--limit`. None if all dev cases were used.
    """

    threshold: float
    cases: int
    source: str = ""
    case_set: str = ""
    limit: int | None = None

    @property
    def fitted_on(self) -> str:
        """Return on which cases the threshold was fitted, in words."""
        source = f" of {self.source}" if self.source else ""
        return f"{self.cases} dev cases{source}{'' if self.limit is None else f' (--limit {self.limit})'}"


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
        source, case_set, limit = row.get("source", ""), row.get("case_set", ""), row.get("limit")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    fits = type(threshold) in (int, float) and 0 <= threshold <= 1 and type(cases) is int and cases > 0
    fits = fits and isinstance(source, str) and isinstance(case_set, str) and (limit is None or type(limit) is int)
    return Calibration(threshold, cases, source, case_set, limit) if fits else None
