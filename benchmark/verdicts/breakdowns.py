"""Where a score comes from: which tool was called for which, seen tools against unseen ones, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, total
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import METRICS
from toolmark.benchmark.verdicts.figure import Figure, figure_of
from toolmark.benchmark.verdicts.intervals import mean_interval

__all__ = ["Confusion", "SeenTools", "Usage", "confusions", "seen_tools", "selection_by_offered", "usage"]

MOST_TOOLS = 24
"""Rows and columns of a confusion; the tools that are mistaken most often are kept."""

NO_CALL, MALFORMED, SEVERAL, ABSTAIN = "no call", "malformed", "several calls", "rightly none"
UNKNOWN_TOOL, OTHERS, WRONG_OTHER = "unknown tool", "other tools", "another tool"


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often which tool was called where another was expected, by one contestant; epochs count apart.

    Attributes:
        expected: Names of rows: tools, then `other tools` and `rightly none` where there are any.
        called: Names of columns: the same tools, `other tools` for those of them that were rightly called, and
            `another tool` for one of them in the place of any other; then the outcomes that are no single known tool.
        counts: Shape (expected, called).
    """

    expected: tuple[str, ...]
    called: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class SeenTools:
    """A metric on the cases whose expected tools the training of a contestant saw, or on those that it did not see.

    Attributes:
        metric: `selection.tool` or `validity.call`.
        tools: `seen` or `unseen`.
        figure: The contestant's.
        base: Its baseline's on the same cases, where it has one.
    """

    metric: str
    tools: Literal["seen", "unseen"]
    figure: Figure
    base: Figure | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What the judged completions of one contestant took. None where the recording does not say.

    Attributes:
        completions: How many.
        read: Tokens.
        written: Tokens.
        answer: Tokens written for an answer.
        seconds: Of generation by the wall clock, without loading; the environment says on which machine.
        cost: US dollars.
        answer_seconds: Seconds an answer; several are written at the same time.
        thousand_cost: US dollars a thousand answers.
    """

    completions: int
    read: int | None
    written: int | None
    answer: Figure
    seconds: float | None
    cost: float | None
    answer_seconds: float | None
    thousand_cost: float | None


def _called(row: Grade) -> str:
    if row.outcome != "call":
        return MALFORMED if row.outcome == "malformed" else NO_CALL
    return row.called[0] if len(row.called) == 1 else SEVERAL


def _expected(row: Grade) -> str | None:
    return ABSTAIN if row.expected == "abstain" else row.tool


def confusions(grades: Sequence[Sequence[Grade]]) -> tuple[Confusion, ...]:
    """One a contestant, all with the same rows and columns; cases that expect several tools are in none.

    Args:
        grades: Of each contestant.
    """
    pairs: list[Counter[tuple[str, str]]] = []
    for rows in grades:
        expected = ((_expected(row), _called(row)) for row in rows if row.waived is None)
        pairs.append(Counter((right, said) for right, said in expected if right is not None))
    known = {right for found in pairs for right, _ in found} - {ABSTAIN}
    wrong: Counter[str] = Counter()
    for found in pairs:
        for (right, said), count in found.items():
            if right != said:
                wrong[right] += count
                wrong[said] += count
    kept = sorted(sorted(known, key=lambda name: (-wrong[name], name))[:MOST_TOOLS])
    folded = len(known) > len(kept)
    abstains = [ABSTAIN] if any(right == ABSTAIN for found in pairs for right, _ in found) else []
    expected_names = (*kept, *([OTHERS] if folded else []), *abstains)
    called_names = (*kept, *([OTHERS, WRONG_OTHER] if folded else []), UNKNOWN_TOOL, SEVERAL, MALFORMED, NO_CALL)

    def row_of(name: str) -> str:
        return name if name in kept or name == ABSTAIN else OTHERS

    def column_of(right: str, said: str) -> str:
        if said in kept or said in (SEVERAL, MALFORMED, NO_CALL):
            return said
        if said not in known:
            return UNKNOWN_TOOL
        return OTHERS if said == right else WRONG_OTHER

    result = []
    for found in pairs:
        cells: Counter[tuple[str, str]] = Counter()
        for (right, said), count in found.items():
            cells[row_of(right), column_of(right, said)] += count
        counts = tuple(tuple(cells[right, said] for said in called_names) for right in expected_names)
        result.append(Confusion(expected_names, called_names, counts))
    return tuple(result)


def selection_by_offered(grades: Sequence[Sequence[Grade]]) -> tuple[Mapping[int, Figure], ...]:
    """`selection.tool` by the number of tools offered, ascending; one mapping a contestant, all of the same numbers.

    Args:
        grades: Of each contestant.
    """
    metric = METRICS["selection.tool"]
    sizes = sorted({row.offered for rows in grades for row in rows if row.expected == "call" and row.waived is None})
    return tuple(
        {size: figure_of(metric, [row for row in rows if row.offered == size]) for size in sizes} for rows in grades
    )


def seen_tools(
    cases: Sequence[Case], known: frozenset[str] | None, grades: Sequence[Grade], base: Sequence[Grade] | None
) -> tuple[SeenTools, ...]:
    """Seen tools against unseen ones; empty where `known` is None.

    Cases that expect tools of both kinds are in neither.

    Args:
        cases: Those that were judged.
        known: Schema hashes of the tools that the contestant's training saw; None where that is not known.
        grades: Of the contestant.
        base: Of its baseline, where it has one.
    """
    if known is None:
        return ()
    sides: dict[Literal["seen", "unseen"], set[str]] = {"seen": set(), "unseen": set()}
    for case in cases:
        if case.expect.action == "call":
            names = {spec.name for option in case.expect.any_of for spec in option.calls}
            hashes = {tool.schema_hash for tool in case.toolbox.tools if tool.name in names}
            if hashes and hashes <= known:
                sides["seen"].add(case.id)
            elif hashes.isdisjoint(known):
                sides["unseen"].add(case.id)
    return tuple(
        SeenTools(
            metric.id,
            side,
            figure_of(metric, [row for row in grades if row.case_id in ids]),
            None if base is None else figure_of(metric, [row for row in base if row.case_id in ids]),
        )
        for metric in (METRICS["selection.tool"], METRICS["validity.call"])
        for side, ids in sides.items()
    )


def usage(grades: Sequence[Grade], completions: Mapping[tuple[str, int], Completion]) -> Usage:
    """Tokens, seconds and cost of the judged completions of one contestant."""
    clusters = {(row.case_id, row.epoch): row.cluster for row in grades}
    used = [(clusters[place], said.usage) for place, said in completions.items() if place in clusters]
    whole = total(usage for _, usage in used)
    counted = whole.output_tokens > 0
    answer = Figure(0)
    if counted:
        written = [float(usage.output_tokens) for _, usage in used]
        interval = mean_interval(written, [cluster for cluster, _ in used], share=False)
        answer = Figure(len(written), sum(written) / len(written), interval)
    return Usage(
        completions=len(used),
        read=whole.input_tokens if counted else None,
        written=whole.output_tokens if counted else None,
        answer=answer,
        seconds=whole.seconds,
        cost=whole.cost,
        answer_seconds=None if whole.seconds is None else whole.seconds / len(used),
        thousand_cost=None if whole.cost is None else whole.cost / len(used) * 1000,
    )
