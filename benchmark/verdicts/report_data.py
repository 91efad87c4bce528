"""The additional data of a report: cases, changed cases, confused tools, and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolmark.benchmark.policies.scores import PolicyScores
from toolmark.benchmark.verdicts.breakdowns import Confusion, SeenTools, Usage
from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.flips import Flips
from toolmark.benchmark.verdicts.ranking import Rank
from toolmark.benchmark.verdicts.shown_cases import CaseShown

__all__ = ["ContestantDetails", "Provenance", "ReportData"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How and when a comparison was made.

    Attributes:
        made: Time at which the comparison was made, in ISO 8601.
        version: Version of Toolmark.
        scorer: Version of the rules by which answers are graded.
        cases: Source of the cases.
        split: Split of the cases: dev or test.
        case_set: Hash of the ids and the right answers of the answered cases. The order of the cases does not change
            it. If the contestants answered different cases, the hash depends on the cases of each contestant.
        command: Command that computes the comparison again from the stored runs.
    """

    made: str
    version: str
    scorer: str
    cases: str
    split: str
    case_set: str
    command: str


@dataclass(frozen=True, slots=True)
class ContestantDetails:
    """The data of one contestant that a report shows in addition to the figures of the contestant.

    Attributes:
        flips: Cases that changed against the baseline, by measure: `everything`, then each primary metric.
        confusion: How often each tool was called, for each expected tool.
        offered: The score `selection.tool` for each number of offered tools, ascending.
        seen: Scores on cases with seen tools and with unseen tools. Empty if the training data is unknown.
        usage: Tokens, seconds and cost of the answers.
    """

    flips: Mapping[str, Flips]
    confusion: Confusion
    offered: Mapping[int, Figure]
    seen: tuple[SeenTools, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class ReportData:
    """All data of a report in addition to the figures.

    Attributes:
        cases: The cases with the answers of all contestants, in the order of the cases.
        details: Data of each contestant, by the name of the contestant.
        ranks: Ranks of the contestants. Empty with fewer than three contestants.
        policies: Scores of the trivial policies.
        provenance: How and when the comparison was made. None if this is unknown.
    """

    cases: tuple[CaseShown, ...]
    details: Mapping[str, ContestantDetails]
    ranks: tuple[Rank, ...]
    policies: tuple[PolicyScores, ...]
    provenance: Provenance | None = None
