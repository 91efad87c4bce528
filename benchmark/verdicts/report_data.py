"""What a report shows beside the figures: cases, which of them changed, where mistakes come from, and provenance."""

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
    """Where a comparison comes from.

    Attributes:
        made: When, in ISO 8601.
        version: Of Toolmark.
        scorer: Version of the judge.
        cases: The case source.
        split: dev or test.
        case_set: Hash of the ids and the gold of all cases; their order does not count.
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
class ContestantDetails:
    """What a report shows of one contestant beside its figures.

    Attributes:
        flips: What became of each case, by measure: `everything`, then each primary metric.
        confusion: Which tool was called where another was expected.
        offered: `selection.tool` by the number of tools offered, ascending.
        seen: Tools that training saw and others; empty where the training data is not known.
        usage: Tokens, seconds and cost.
    """

    flips: Mapping[str, Flips]
    confusion: Confusion
    offered: Mapping[int, Figure]
    seen: tuple[SeenTools, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything beside the figures.

    Attributes:
        cases: What was asked and answered, in the order of the cases.
        details: By the contestant's name.
        ranks: With three contestants or more.
        policies: What trivial policies would score.
        provenance: None where it is not known.
    """

    cases: tuple[CaseShown, ...]
    details: Mapping[str, ContestantDetails]
    ranks: tuple[Rank, ...]
    policies: tuple[PolicyScores, ...]
    provenance: Provenance | None = None
