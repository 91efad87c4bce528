"""Scores how strongly a candidate tends to call in each case. The timing curve is computed from these scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.judged import Judged

__all__ = ["LEAST_KNOWN", "SOURCES", "CallScore", "ScoreSource", "call_scores", "score_sources"]

ScoreSource = Literal["probability", "epochs"]

SOURCES: Mapping[ScoreSource, str] = {"probability": "probability of a call", "epochs": "share of epochs with a call"}
"""Where scores come from, in words. The best source comes first. The engine knows the probability of a call. Without
an engine that knows it, the score is the share of the epochs in which the candidate called."""


LEAST_KNOWN = 0.95
"""The probability of a call must be known for at least this share of the answers. The others are left out. If more
answers were left out, the rest could be a selection: some servers return no probability for an answer with a call."""


@dataclass(frozen=True, slots=True)
class CallScore:
    """How strongly a candidate tends to call in one case.

    Attributes:
        case_id: Id of the case.
        cluster: The cluster of the case.
        right: Whether a call is right.
        score: The score, in [0, 1]. A higher score means that a call is more likely.
    """

    case_id: str
    cluster: str
    right: bool
    score: float


def _counted(grades: Sequence[Judged]) -> list[Grade]:
    return [grade for grade in grades if isinstance(grade, Grade) and grade.waived is None]


def score_sources(grades: Sequence[Judged]) -> tuple[ScoreSource, ...]:
    """Return the sources from which the cases can get a score, the best source first. Empty if there is none."""
    rows = _counted(grades)
    with_probability = sum(row.call_probability is not None for row in rows)
    known: dict[ScoreSource, bool] = {
        "probability": bool(rows) and with_probability >= LEAST_KNOWN * len(rows),
        "epochs": any(row.epoch > 1 for row in rows),
    }
    return tuple(source for source in SOURCES if known[source])


def call_scores(grades: Sequence[Judged], source: ScoreSource) -> list[CallScore]:
    """Return one score for each case, the mean over its epochs.

    Waived cases and answers without a known score are left out.

    Args:
        grades: The grades of one contestant.
        source: A source from `score_sources`.
    """
    values: dict[tuple[str, str, bool], list[float]] = defaultdict(list)
    for row in _counted(grades):
        value = float(row.outcome == "call") if source == "epochs" else row.call_probability
        if value is not None:
            values[row.case_id, row.cluster, row.expected == "call"].append(value)
    return [CallScore(*case, sum(each) / len(each)) for case, each in values.items()]
