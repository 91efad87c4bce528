"""What a collection of cases is made of, and how small an effect it can show, as tables of text."""

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
from toolmark.benchmark.verdicts.power import smallest_detectable
from toolmark.suites.lint.findings import expected_tools, stratum

__all__ = ["DISCORDANCE", "CountTable", "tables"]

DISCORDANCE = 0.1
"""Share of cases on which the two candidates of the last table differ."""


@dataclass(frozen=True, slots=True)
class CountTable:
    """A title, the heads of the columns, the first `left` of them words, and rows of cells."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def _words(case: Case) -> int:
    return sum(len(message.content.split()) for message in case.messages if message.role == "user")


def _difficulty(case: Case) -> str:
    return str(case.tags.get("difficulty", "not said"))


def _count(cases: Sequence[Case], holds: Callable[[Case], bool]) -> str:
    return str(sum(map(holds, cases)))


def _counts(name: str, cases: Sequence[Case]) -> tuple[str, ...]:
    """Cells that every table of cases shares: cases, families, splits, difficulties, words of the user."""
    lengths = [_words(case) for case in cases]
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


_HEAD = ("cases", "families", "dev", "test", "easy", "hard", "words: least / median / most")


def _by(title: str, cases: Sequence[Case], key: Callable[[Case], Sequence[str]]) -> CountTable:
    """One row for each value of `key`, the most frequent first; a case may have several."""
    members: dict[str, list[Case]] = {}
    for case in cases:
        for value in key(case):
            members.setdefault(value, []).append(case)
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return CountTable(title, (title, *_HEAD), tuple(_counts(name, found) for name, found in ordered))


def _tools(cases: Sequence[Case]) -> CountTable:
    """Tools by how often they are right, with how often they are offered."""
    offered = Counter(name for case in cases for name in case.toolbox.names)
    right = _by("tool", [case for case in cases if expected_tools(case)], expected_tools)
    never = tuple(
        (name, "0", "0", "0", "0", "0", "0", "–") for name in sorted(offered.keys() - {r[0] for r in right.rows})
    )
    rows = tuple((*row, str(offered[row[0]])) for row in (*right.rows, *never))
    return CountTable("tool that is right", (*right.head, "offered in"), rows)


def _sizes(cases: Sequence[Case]) -> CountTable:
    sizes = sorted({len(case.toolbox.tools) for case in cases})
    rows = []
    for size in sizes:
        of_size = [case for case in cases if len(case.toolbox.tools) == size]
        called = _count(of_size, lambda case: bool(expected_tools(case)))
        rows.append((str(size), str(len(of_size)), called, str(len(of_size) - int(called))))
    return CountTable(
        "tools offered", ("tools offered", "cases", "call is right", "abstaining is right"), tuple(rows), 0
    )


def _effects(cases: Sequence[Case]) -> CountTable:
    """Population of each primary metric on the test split, and the smallest effect that it can detect.

    A metric's population is told by its own rule from the perfect answer. Where families have several cases, a family
    counts once: the effect is then the largest that may be needed.
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
        families = len({case.cluster for case in population})
        effect = smallest_detectable(families, DISCORDANCE)
        told = "none" if effect is None else f"{effect * 100:.1f}"
        rows.append((metric.id, str(len(population)), str(families), told))
    title = f"smallest effect in points, at 80% power, an uncorrected 5% and {DISCORDANCE:.0%} discordance; test split"
    return CountTable(title, ("metric", "cases", "families", "points"), tuple(rows))


def tables(cases: Sequence[Case]) -> list[CountTable]:
    """By stratum, size of the list, tool and topic, and what the primary metrics can detect."""
    waived = [case for case in cases if case.waiver]
    everything = _by("stratum", cases, lambda case: (stratum(case),))
    totals = [_counts("all", cases)] + ([_counts("waived", waived)] if waived else [])
    return [
        CountTable("strata", everything.head, (*everything.rows, *totals)),
        _sizes(cases),
        _tools(cases),
        _by("topic", cases, lambda case: (str(case.tags.get("topic", "not said")),)),
        _effects(cases),
    ]
