"""Where a score comes from: which tool was taken for which, known tools against new ones, and what it took."""

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

__all__ = ["Confusion", "Offered", "Seen", "Spent", "confusion", "offered", "seen", "spent"]

MOST_TOOLS = 24
"""Rows and columns of a confusion; the tools that are mistaken most often are kept."""

NO_CALL, MALFORMED, SEVERAL, ABSTAIN = "no call", "malformed", "several calls", "rightly none"
UNKNOWN_TOOL, OTHERS, WRONG_OTHER = "unknown tool", "other tools", "another tool"


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often which tool was called where another was expected, of one column; epochs count apart.

    Attributes:
        column: The candidate's.
        expected: Names of rows: tools, then `other tools` and `rightly none` where there are any.
        called: Names of columns: the same tools, `other tools` for those of them that were rightly called, and
            `another tool` for one of them in the place of any other; then the outcomes that are no single known tool.
        counts: Shape (expected, called).
    """

    column: int
    expected: tuple[str, ...]
    called: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """`selection.tool` among cases that offer this many tools; one figure a column."""

    tools: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A metric on cases whose expected tools a candidate's training saw, and on the others.

    Attributes:
        column: The candidate whose training it was.
        metric: `selection.tool` or `validity.call`.
        tools: `seen` or `unseen`.
        figure: The candidate's.
        base: Its baseline's on the same cases, where it has one.
    """

    column: int
    metric: str
    tools: Literal["seen", "unseen"]
    figure: Figure
    base: Figure | None


@dataclass(frozen=True, slots=True)
class Spent:
    """What the judged completions of one column took. None where the recording does not say.

    Attributes:
        completions: How many.
        read: Tokens.
        written: Tokens.
        answer: Tokens written for an answer.
        seconds: Of generation by the wall clock, without loading; on which machine, the environment says.
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


def confusion(grades: Sequence[Sequence[Grade]]) -> tuple[Confusion, ...]:
    """One a column, all with the same rows and columns; cases that expect several tools are in none."""
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
    for column, found in enumerate(pairs):
        cells: Counter[tuple[str, str]] = Counter()
        for (right, said), count in found.items():
            cells[row_of(right), column_of(right, said)] += count
        counts = tuple(tuple(cells[right, said] for said in called_names) for right in expected_names)
        result.append(Confusion(column, expected_names, called_names, counts))
    return tuple(result)


def offered(grades: Sequence[Sequence[Grade]]) -> tuple[Offered, ...]:
    """By number of tools offered, ascending."""
    metric = METRICS["selection.tool"]
    sizes = sorted({row.offered for rows in grades for row in rows if row.expected == "call" and row.waived is None})
    return tuple(
        Offered(size, tuple(figure_of(metric, [row for row in rows if row.offered == size]) for rows in grades))
        for size in sizes
    )


def seen(
    cases: Sequence[Case],
    grades: Sequence[Sequence[Grade]],
    trained_on: Sequence[frozenset[str] | None],
    baselines: Sequence[int | None],
) -> tuple[Seen, ...]:
    """For every column whose training data is known.

    Cases that expect tools of both kinds are in neither.

    Args:
        cases: Those that were judged.
        grades: Of each column.
        trained_on: Schema hashes of the tools that each column's training saw; None: not known.
        baselines: The column that each is held against.
    """
    found = []
    for column, known in enumerate(trained_on):
        if known is None:
            continue
        sides: dict[Literal["seen", "unseen"], set[str]] = {"seen": set(), "unseen": set()}
        for case in cases:
            if case.expect.action == "call":
                names = {spec.name for option in case.expect.any_of for spec in option.calls}
                hashes = {tool.schema_hash for tool in case.toolbox.tools if tool.name in names}
                if hashes and hashes <= known:
                    sides["seen"].add(case.id)
                elif hashes.isdisjoint(known):
                    sides["unseen"].add(case.id)
        for metric in (METRICS["selection.tool"], METRICS["validity.call"]):
            for side, ids in sides.items():
                ours = figure_of(metric, [row for row in grades[column] if row.case_id in ids])
                baseline = baselines[column]
                base = (
                    None
                    if baseline is None
                    else figure_of(metric, [row for row in grades[baseline] if row.case_id in ids])
                )
                found.append(Seen(column, metric.id, side, ours, base))
    return tuple(found)


def spent(grades: Sequence[Grade], completions: Mapping[tuple[str, int], Completion]) -> Spent:
    """Tokens, seconds and cost of the judged completions of one column."""
    clusters = {(row.case_id, row.epoch): row.cluster for row in grades}
    used = [(clusters[place], said.usage) for place, said in completions.items() if place in clusters]
    whole = total(usage for _, usage in used)
    counted = whole.output_tokens > 0
    answer = Figure(0)
    if counted:
        written = [float(usage.output_tokens) for _, usage in used]
        interval = mean_interval(written, [cluster for cluster, _ in used], share=False)
        answer = Figure(len(written), sum(written) / len(written), interval)
    return Spent(
        completions=len(used),
        read=whole.input_tokens if counted else None,
        written=whole.output_tokens if counted else None,
        answer=answer,
        seconds=whole.seconds,
        cost=whole.cost,
        answer_seconds=None if whole.seconds is None else whole.seconds / len(used),
        thousand_cost=None if whole.cost is None else whole.cost / len(used) * 1000,
    )
