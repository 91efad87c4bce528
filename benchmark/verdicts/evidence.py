"""What stands behind a comparison's figures: the cases themselves, who flipped, where mistakes come from, and whence.

Gathered once, beside the figures and from the same grades, so that a renderer has nothing left to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.policies.scores import PolicyScores, policy_scores
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.verdicts.breakdowns import Confusion, Offered, Seen, Spent, confusion, offered, seen, spent
from toolmark.benchmark.verdicts.flips import Flips, flips
from toolmark.benchmark.verdicts.ranking import Rank, ranking
from toolmark.benchmark.verdicts.shown_cases import CaseShown, show

__all__ = ["Evidence", "Provenance", "gather"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a comparison comes from.

    Attributes:
        made: When, in ISO 8601.
        version: Of Toolmark.
        scorer: Version of the judge.
        cases: The case source.
        split: dev or test.
        case_set: Hash of the ids and the gold of all cases, in no order.
        command: That makes the comparison again from the stored runs.
    """

    made: str
    version: str
    scorer: str
    cases: str
    split: str
    case_set: str
    command: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything beside the figures.

    Attributes:
        cases: What was asked and answered, in the order of the cases.
        flips: Of every column under every measure.
        confusions: One a column.
        offered: `selection.tool` by number of tools offered.
        seen: Known tools against new ones, for columns whose training data is known.
        spent: Tokens, seconds and cost, one a column.
        ranks: With three columns or more.
        policies: What trivial policies would score.
        provenance: Whence; None where nobody said.
    """

    cases: tuple[CaseShown, ...]
    flips: tuple[Flips, ...]
    confusions: tuple[Confusion, ...]
    offered: tuple[Offered, ...]
    seen: tuple[Seen, ...]
    spent: tuple[Spent, ...]
    ranks: tuple[Rank, ...]
    policies: tuple[PolicyScores, ...]
    provenance: Provenance | None = None

    def flips_of(self, column: int, measure: str) -> Flips | None:
        """The flips of a column under a measure."""
        return next((flip for flip in self.flips if flip.column == column and flip.measure == measure), None)


def gather(
    cases: Sequence[Case],
    grades: Sequence[Sequence[Grade]],
    completions: Sequence[Mapping[tuple[str, int], Completion]],
    dialects: Sequence[Dialect],
    baselines: Sequence[int | None],
    trained_on: Sequence[frozenset[str] | None] = (),
    rerun: Callable[..., Any] | None = None,
    provenance: Provenance | None = None,
) -> Evidence:
    """Gather the evidence of a comparison.

    Args:
        cases: Those that were judged.
        grades: Of each column.
        completions: Of each column, by (case id, epoch).
        dialects: Of each column.
        baselines: The column that each is held against.
        trained_on: Schema hashes of the tools that each column's training saw; None: not known.
        rerun: Runs pure tools, as the judge does.
        provenance: Whence.
    """
    judged = {row.case_id for rows in grades for row in rows}
    answered = [case for case in cases if case.id in judged]
    return Evidence(
        cases=show(answered, grades, completions, dialects, rerun),
        flips=flips(grades, baselines),
        confusions=confusion(grades),
        offered=offered(grades),
        seen=seen(answered, grades, trained_on, baselines),
        spent=tuple(spent(rows, said) for rows, said in zip(grades, completions, strict=True)),
        ranks=ranking(grades),
        policies=policy_scores(answered, dialects[0]),
        provenance=provenance,
    )
