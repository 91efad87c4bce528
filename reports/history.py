"""What a site remembers of each of its reports: the primary metrics of every candidate, and when."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.reports.sentences import headline

__all__ = ["Entry", "Point", "Side", "entry_of", "read_history"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Point(_Part):
    """One metric of one candidate in one report, shares as shares; `verdict` is empty without a baseline."""

    n: int
    score: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    verdict: str = ""


class Side(_Part):
    """One candidate in one report."""

    name: str
    against: str | None = None
    headline: str = ""
    metrics: dict[str, Point]


class Entry(_Part):
    """One report of the site: its folder, when it was made, on which cases, and its candidates."""

    id: str = Field(pattern=r"^[0-9A-Za-z_-]+$")  # a folder beside the index
    made: str
    cases: str
    case_set: str
    sides: tuple[Side, ...]


def entry_of(comparison: Comparison) -> Entry:
    """What is remembered of a comparison."""
    whence = comparison.report.provenance if comparison.report else None
    made = whence.made if whence else "undated"
    case_set = whence.case_set if whence else "unknown"
    sides = [
        Side(
            name=contestant.name,
            against=contestant.baseline,
            headline=headline(contestant),
            metrics={metric.id: _point(contestant, metric.id) for metric in comparison.primary},
        )
        for contestant in comparison.contestants
    ]
    stamp = re.sub(r"[^0-9A-Za-z]+", "-", made.removesuffix("+00:00")).strip("-")
    label = f"{whence.split} cases {whence.cases}" if whence else "unknown cases"
    return Entry(id=f"{stamp}-{case_set[:8]}", made=made, cases=label, case_set=case_set, sides=tuple(sides))


def _point(contestant: ContestantResult, metric: str) -> Point:
    figure, found = contestant.figures[metric], contestant.differences.get(metric)
    return Point(
        n=figure.n,
        score=figure.score,
        low=figure.interval and figure.interval.low,
        high=figure.interval and figure.interval.high,
        effect=found and found.effect,
        verdict=found.verdict if found else "",
    )


def read_history(path: Path) -> list[Entry]:
    """The entries of an index, oldest first; none where there is no file.

    Raises:
        InputError: The file is something else.
    """
    if not path.exists():
        return []
    try:
        return [Entry.model_validate(row) for row in json.loads(path.read_text(encoding="utf-8"))["reports"]]
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        raise InputError(
            f"{path} is no index of a site of Toolmark's",
            "Remove it to begin anew, or choose another folder: --out DIR/",
        ) from None
