"""Reads the history of a site: the time of each report, and the primary metrics of every candidate."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.reports.sentences import headline

__all__ = ["Entry", "Point", "Side", "entry_of", "read_history"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Point(_Part):
    """One metric of one candidate in one report.

    Attributes:
        n: Number of cases.
        score: Score, from 0 to 1.
        low: Lower end of the 95% interval of the score.
        high: Upper end of the 95% interval of the score.
        effect: Difference from the score of the baseline, from -1 to 1.
        verdict: Verdict on the difference. Empty if there is no baseline.
    """

    n: int
    score: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    verdict: str = ""


class Side(_Part):
    """One candidate in one report.

    Attributes:
        name: Name of the candidate.
        against: Name of the baseline. None if the candidate has no baseline.
        headline: Number of metrics with each verdict, in words.
        metrics: Primary metrics of the candidate, by id.
    """

    name: str
    against: str | None = None
    headline: str = ""
    metrics: dict[str, Point]


class Entry(_Part):
    """One report of the site.

    Attributes:
        id: Name of the folder of the report, inside the folder of the site.
        made: Time at which the comparison was made, in ISO 8601.
        cases: Description of the cases.
        case_set: Hash of the cases.
        sides: The candidates.
    """

    id: str = Field(pattern=r"^[0-9A-Za-z_-]+$")
    made: str
    cases: str
    case_set: str
    sides: tuple[Side, ...]


def entry_of(comparison: Comparison) -> Entry:
    """Return the entry that the site stores for a comparison."""
    provenance = comparison.report.provenance if comparison.report else None
    made = provenance.made if provenance else "undated"
    case_set = provenance.case_set if provenance else "unknown"
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
    label = f"{provenance.split} cases {provenance.cases}" if provenance else "unknown cases"
    return Entry(id=f"{stamp}-{case_set[:8]}", made=made, cases=label, case_set=case_set, sides=tuple(sides))


def _point(contestant: ContestantResult, metric: str) -> Point:
    figure, difference = contestant.figures[metric], contestant.differences.get(metric)
    return Point(
        n=figure.n,
        score=figure.score,
        low=figure.interval and figure.interval.low,
        high=figure.interval and figure.interval.high,
        effect=difference and difference.effect,
        verdict=difference.verdict if difference else "",
    )


def read_history(path: Path) -> list[Entry]:
    """Return the entries of an index, oldest first. If the file does not exist, return an empty list.

    Args:
        path: The `index.json` of the site.

    Raises:
        InputError: The file is not the index of a site.
    """
    if not path.exists():
        return []
    try:
        return [Entry.model_validate(row) for row in json.loads(regular(path).read_text(encoding="utf-8"))["reports"]]
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        raise InputError(
            f"{path} is not the index of a Toolmark site",
            "Remove this file to start a new site, or choose another folder: --out DIR/",
        ) from None
