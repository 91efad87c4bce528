"""The additional data of a report: cases, changed cases, confused tools, and provenance.

Long texts of cases and models are cut, and long lists too. The fields `more…` say how much of a list is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolmark.benchmark.policies.scores import PolicyScores
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.outcomes import Outcome
from toolmark.benchmark.verdicts.breakdowns import Confusion, SeenTools, Usage
from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.flips import Flips
from toolmark.benchmark.verdicts.ranking import Rank

__all__ = [
    "Answer",
    "Argument",
    "CallShown",
    "CaseShown",
    "ChangeShown",
    "ContestantDetails",
    "PlayedShown",
    "Provenance",
    "ReportData",
    "Turn",
]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call.

    Attributes:
        name: Name of the argument.
        value: Value as JSON.
        fault: Label of the cause of failure. Empty if the argument is right.
        rule: The other values that are accepted, in words. Empty if there are none, or if the call is not an expected
            call.
    """

    name: str
    value: str
    fault: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CallShown:
    """One call.

    Attributes:
        name: Name of the tool.
        arguments: Arguments with their faults.
        fault: Why it is wrong to call this tool. Empty if the tool is right.
        missing: Names of the arguments that are missing.
        result: What the call gave. None if the call was not made.
        failed: Whether the result is an error.
        more_arguments: Number of further arguments, which are left out.
        digest: In a scenario, the hash of the whole call. It tells calls apart that differ only in parts that are cut.
    """

    name: str
    arguments: tuple[Argument, ...]
    fault: str = ""
    missing: tuple[str, ...] = ()
    result: str | None = None
    failed: bool = False
    more_arguments: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """A value in the state of a world that a turn changed.

    Attributes:
        path: The path of the value.
        before: The value before the turn, as JSON. None if there was none.
        after: The value after the turn, as JSON. None if there is none.
    """

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PlayedShown:
    """What was done in one turn of a scenario.

    Attributes:
        calls: The calls in order, with their results.
        said: The answer to the user. If a limit or an error ended the turn, the reason in brackets.
        changes: What the turn changed in the state.
        unmet: The demands that are not met, in words. Empty for the gold.
        more_calls: Number of further calls, which are left out.
        rest: The hash of these further calls. Empty if there are none.
        more_changes: Number of further changes, which are left out.
    """

    calls: tuple[CallShown, ...]
    said: str
    changes: tuple[ChangeShown, ...]
    unmet: tuple[str, ...] = ()
    more_calls: int = 0
    rest: str = ""
    more_changes: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation.

    Attributes:
        role: Role of the turn.
        text: Text of the turn, followed by its calls as text.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one contestant to a case.

    If there are several epochs, this is the first wrong answer, or the first answer if all answers are right.

    Attributes:
        right: Share of the epochs in which the whole answer is right.
        outcome: Outcome of the answer: call, abstain or malformed.
        cause: Cause of failure. None if the answer is right.
        detail: The cause in words, with the values of this answer.
        calls: The calls that were read from the answer, with their faults. Malformed calls are included if they can be
            read.
        said: The part of the answer for the user, without calls and markers. Empty in a scenario, because `played` has
            the answer of each turn.
        text: The whole completion. Native calls are written as text.
        stop_reason: Reason why the completion ended: stop, length or unknown.
        played: In a scenario, what was done in each turn that was played. Otherwise empty.
    """

    right: float
    outcome: Outcome
    cause: Cause | None
    detail: str
    calls: tuple[CallShown, ...]
    said: str
    text: str
    stop_reason: str
    played: tuple[PlayedShown, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseShown:
    """One case with the right answer and the answers of the contestants.

    Attributes:
        id: Id of the case.
        source: Name of the collection from which the case comes, and the reference of the case in this collection.
        turns: Turns of the conversation.
        offered: Names of the offered tools.
        action: The right action: call or abstain.
        reason: Why abstaining is right. None if a call is right.
        expected: Calls of the right answer, with the first accepted value of each argument. If there are several right
            answers, this is the right answer that is closest to the calls of the last contestant.
        others: Number of right answers in addition to `expected`.
        tool: The expected tool. None if no tool or several tools are expected.
        tags: Tags of the case, as text.
        waived: Why no metric includes the case. None if the case is not waived.
        answers: For each contestant, its answer. None if the run of the contestant has no answer to the case.
        gold: In a scenario, what the gold does in each turn. Otherwise empty.
        more_expected: Number of further calls of the right answer, which are left out.
    """

    id: str
    source: str
    turns: tuple[Turn, ...]
    offered: tuple[str, ...]
    action: str
    reason: str | None
    expected: tuple[CallShown, ...]
    others: int
    tool: str | None
    tags: Mapping[str, str]
    waived: str | None
    answers: tuple[Answer | None, ...]
    gold: tuple[PlayedShown, ...] = ()
    more_expected: int = 0


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
