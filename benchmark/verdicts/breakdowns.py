"""Computes scores for groups of cases, counts of confused tools, and the tokens, time and cost of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completions, total
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metrics import METRICS
from toolmark.benchmark.verdicts.figure import Figure, figure_of
from toolmark.benchmark.verdicts.intervals import mean_interval

__all__ = ["Confusion", "SeenTools", "Usage", "confusions", "seen_tools", "selection_by_offered", "usage"]

MOST_TOOLS = 24
"""Highest number of tools in a `Confusion`. If there are more tools, those with the most mistakes are kept."""

NO_CALL, MALFORMED, SEVERAL, ABSTAIN = "no call", "malformed", "several calls", "no call is right"
UNKNOWN_TOOL, OTHERS, WRONG_OTHER = "unknown tool", "other tools", "another tool"


@dataclass(frozen=True, slots=True)
class Confusion:
    """A table of the expected tools (rows) and the tools that one contestant called (columns).

    The table has at most `MOST_TOOLS` tools. All remaining tools together are the `other tools`.

    Attributes:
        expected: Names of the rows: the tools, `other tools` and `no call is right`. The last two are left out if there
            are no such cases.
        called: Names of the columns, in this order:

            - the tools of the rows
            - if there are other tools: `other tools` for right calls of these tools, and `another tool` for wrong calls
            - `unknown tool`, `several calls`, `malformed` and `no call`
        counts: Number of completions, shape (expected, called). Every epoch is counted separately.
    """

    expected: tuple[str, ...]
    called: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class SeenTools:
    """A score of one contestant on the cases with seen tools, or on the cases with unseen tools.

    Attributes:
        metric: Id of the metric: `selection.tool` or `validity.call`.
        tools: `seen` if all expected tools were in the training data, `unseen` if no expected tool was in the training
            data.
        figure: Score of the contestant on these cases.
        base: Score of the baseline on the same cases. None if the contestant has no baseline.
    """

    metric: str
    tools: Literal["seen", "unseen"]
    figure: Figure
    base: Figure | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, time and cost of the judged completions of one contestant. A value is None if it was not recorded.

    Attributes:
        completions: Number of completions.
        read: Number of tokens in all prompts.
        written: Number of tokens in all completions.
        answer: Mean number of tokens per answer.
        seconds: Wall-clock seconds of the whole generation, without loading the model.
        cost: Cost of all answers in US dollars.
        answer_seconds: Seconds of generation divided by the number of answers. A single answer takes longer, because
            several answers are generated at the same time.
        thousand_cost: Cost of 1,000 answers in US dollars.
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
    """Return a table of confusions for each contestant. All tables have the same rows and columns.

    Cases that expect several tools are left out.

    Args:
        grades: For each contestant, its grades.
    """
    pairs: list[Counter[tuple[str, str]]] = []
    for rows in grades:
        pairs_of_rows = ((_expected(row), _called(row)) for row in rows if row.waived is None)
        pairs.append(Counter((expected, called) for expected, called in pairs_of_rows if expected is not None))
    tools = {expected for counter in pairs for expected, _ in counter} - {ABSTAIN}
    mistakes: Counter[str] = Counter()
    for counter in pairs:
        for (expected, called), count in counter.items():
            if expected != called:
                mistakes[expected] += count
                mistakes[called] += count
    kept = sorted(sorted(tools, key=lambda name: (-mistakes[name], name))[:MOST_TOOLS])
    folded = len(tools) > len(kept)
    abstains = [ABSTAIN] if any(expected == ABSTAIN for counter in pairs for expected, _ in counter) else []
    expected_names = (*kept, *([OTHERS] if folded else []), *abstains)
    called_names = (*kept, *([OTHERS, WRONG_OTHER] if folded else []), UNKNOWN_TOOL, SEVERAL, MALFORMED, NO_CALL)

    def row_of(name: str) -> str:
        return name if name in kept or name == ABSTAIN else OTHERS

    def column_of(expected: str, called: str) -> str:
        if called in kept or called in (SEVERAL, MALFORMED, NO_CALL):
            return called
        if called not in tools:
            return UNKNOWN_TOOL
        return OTHERS if called == expected else WRONG_OTHER

    result = []
    for counter in pairs:
        cells: Counter[tuple[str, str]] = Counter()
        for (expected, called), count in counter.items():
            cells[row_of(expected), column_of(expected, called)] += count
        counts = tuple(tuple(cells[row, column] for column in called_names) for row in expected_names)
        result.append(Confusion(expected_names, called_names, counts))
    return tuple(result)


def selection_by_offered(grades: Sequence[Sequence[Grade]]) -> tuple[Mapping[int, Figure], ...]:
    """Return the score `selection.tool` for each number of offered tools.

    Args:
        grades: For each contestant, its grades.

    Returns:
        For each contestant, the scores by number of offered tools, ascending. All contestants have the same numbers of
        tools.
    """
    metric = METRICS["selection.tool"]
    sizes = sorted({row.offered for rows in grades for row in rows if row.expected == "call" and row.waived is None})
    return tuple(
        {size: figure_of(metric, [row for row in rows if row.offered == size]) for size in sizes} for rows in grades
    )


def seen_tools(
    cases: Sequence[Case], trained: frozenset[str] | None, grades: Sequence[Grade], base: Sequence[Grade] | None
) -> tuple[SeenTools, ...]:
    """Return the scores of a contestant on cases with seen tools, and on cases with unseen tools.

    A tool is seen if it is in the training data of the contestant. A case that expects both seen and unseen tools is
    left out.

    Args:
        cases: The cases that were judged.
        trained: Schema hashes of the tools in the training data of the contestant. None if the hashes are unknown.
        grades: Grades of the contestant.
        base: Grades of the baseline. None if the contestant has no baseline.

    Returns:
        Two scores for each of the two metrics. Empty if `trained` is None.
    """
    if trained is None:
        return ()
    sides: dict[Literal["seen", "unseen"], set[str]] = {"seen": set(), "unseen": set()}
    for case in cases:
        if case.expect.action == "call":
            names = {spec.name for option in case.expect.any_of for spec in option.calls}
            hashes = {tool.schema_hash for tool in case.toolbox.tools if tool.name in names}
            if hashes and hashes <= trained:
                sides["seen"].add(case.id)
            elif hashes.isdisjoint(trained):
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


def usage(grades: Sequence[Judged], completions: Completions) -> Usage:
    """Return the tokens, seconds and cost of the judged completions of one contestant.

    Args:
        grades: Grades of the contestant. Completions without a grade are left out.
        completions: Completions of the contestant by case id and epoch.
    """
    clusters = {(row.case_id, row.epoch): row.cluster for row in grades}
    used = [(clusters[key], completion.usage) for key, completion in completions.items() if key in clusters]
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
