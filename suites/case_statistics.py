"""Makes tables with the number of cases in a collection and the minimum detectable effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.scoring.gold import perfect
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.verdicts.power import minimum_detectable_effect
from toolmark.suites.lint.findings import expected_tools, stratum

__all__ = ["DISCORDANCE", "CountTable", "case_tables"]

DISCORDANCE = 0.1
"""Assumed share of cases on which two candidates differ. The minimum detectable effects depend on this share."""


@dataclass(frozen=True, slots=True)
class CountTable:
    """A table whose cells are strings.

    Attributes:
        title: Title of the table.
        head: Names of the columns.
        rows: Rows of the table. A row has a cell for every column.
        left: Number of left-aligned columns. They are the first columns of the table.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def _user_word_count(case: Case) -> int:
    return sum(len(message.content.split()) for message in case.messages if message.role == "user")


def _difficulty(case: Case) -> str:
    return str(case.tags.get("difficulty", "not said"))


def _count(cases: Sequence[Case], holds: Callable[[Case], bool]) -> str:
    return str(sum(map(holds, cases)))


def _counts(name: str, cases: Sequence[Case]) -> tuple[str, ...]:
    """Return the cells of one row: the name, and one cell for each column of `_HEAD`.

    The last cell has the least, median and largest number of words that the user writes in one case.
    """
    lengths = [_user_word_count(case) for case in cases]
    return (
        name,
        str(len(cases)),
        str(len({case.cluster for case in cases})),
        _count(cases, lambda case: case.split == "dev"),
        _count(cases, lambda case: case.split == "test"),
        _count(cases, lambda case: _difficulty(case) == "easy"),
        _count(cases, lambda case: _difficulty(case) == "hard"),
        f"{min(lengths)} / {median(lengths):g} / {max(lengths)}",
    )


_HEAD = ("cases", "clusters", "dev", "test", "easy", "hard", "words: least / median / most")


def _table_by(title: str, cases: Sequence[Case], key: Callable[[Case], Sequence[str]]) -> CountTable:
    """Return a table with a row for each value of `key`. The value with most cases comes first.

    A case can have several values. It then counts in the row of each of these values.
    """
    members: dict[str, list[Case]] = {}
    for case in cases:
        for value in key(case):
            members.setdefault(value, []).append(case)
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return CountTable(title, (title, *_HEAD), tuple(_counts(name, found) for name, found in ordered))


def _table_of_tools(cases: Sequence[Case]) -> CountTable:
    """Return a table of tools: in how many cases each tool is right, and in how many cases the tool is offered."""
    offered = Counter(name for case in cases for name in case.toolbox.names)
    right = _table_by("tool", [case for case in cases if expected_tools(case)], expected_tools)
    never = tuple(
        (name, "0", "0", "0", "0", "0", "0", "–") for name in sorted(offered.keys() - {r[0] for r in right.rows})
    )
    rows = tuple((*row, str(offered[row[0]])) for row in (*right.rows, *never))
    return CountTable("tool that is right", (*right.head, "offered in"), rows)


def _table_of_sizes(cases: Sequence[Case]) -> CountTable:
    sizes = sorted({len(case.toolbox.tools) for case in cases})
    rows = []
    for size in sizes:
        of_size = [case for case in cases if len(case.toolbox.tools) == size]
        called = _count(of_size, lambda case: bool(expected_tools(case)))
        rows.append((str(size), str(len(of_size)), called, str(len(of_size) - int(called))))
    return CountTable(
        "tools offered", ("tools offered", "cases", "call is right", "abstaining is right"), tuple(rows), 0
    )


def _table_of_effects(cases: Sequence[Case]) -> CountTable:
    """Return a table with the number of test cases and the minimum detectable effect of each primary metric.

    A case belongs to a metric if the metric has a value for a perfect answer. The effect is computed from the number of
    clusters, because cases of one cluster are not independent.
    """
    dialect = load("toolmark.dialects", "tagged")()
    judged = [
        (case, grade(case, perfect(case, dialect), dialect))
        for case in cases
        if case.split == "test" and not case.waiver
    ]
    rows = []
    for metric in PRIMARY:
        population = [case for case, perfectly in judged if metric.of(perfectly) is not None]
        clusters = len({case.cluster for case in population})
        effect = minimum_detectable_effect(clusters, DISCORDANCE)
        told = "none" if effect is None else f"{effect * 100:.1f}"
        rows.append((metric.id, str(len(population)), str(clusters), told))
    how = f"80% power, an uncorrected level of 5% and {DISCORDANCE:.0%} discordance"
    title = f"minimum detectable effect in points in the test split, with {how}"
    return CountTable(title, ("metric", "cases", "clusters", "points"), tuple(rows))


def case_tables(cases: Sequence[Case]) -> list[CountTable]:
    """Return the tables by stratum, number of offered tools, tool and topic, and the minimum detectable effects."""
    waived = [case for case in cases if case.waiver]
    everything = _table_by("stratum", cases, lambda case: (stratum(case),))
    totals = [_counts("all", cases)] + ([_counts("waived", waived)] if waived else [])
    return [
        CountTable("strata", everything.head, (*everything.rows, *totals)),
        _table_of_sizes(cases),
        _table_of_tools(cases),
        _table_by("topic", cases, lambda case: (str(case.tags.get("topic", "not said")),)),
        _table_of_effects(cases),
    ]
