"""Finds cases that are too similar to each other, or to the templates of training data.

The similarity of two skeletons is the Jaccard index of their 3-grams. To be fast, only skeletons that share at least
one 3-gram are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Abstain, Case
from toolmark.benchmark.plugins.protocols import Patterned
from toolmark.suites.lint.findings import Finding, LocatedCase, expected_tools, stratum
from toolmark.suites.lint.skeletons import Skeleton, case_skeleton, grams, similarity, template_skeleton

__all__ = ["LIMIT", "duplicates", "leaks", "training_patterns"]

LIMIT = 0.6
"""Two texts are too similar if the Jaccard index of their 3-grams is at least this value."""

Grams = frozenset[Skeleton]


class _GramIndex:
    """An index that finds texts by their 3-grams."""

    def __init__(self) -> None:
        self._known: list[Grams] = []
        self._holding: dict[Skeleton, list[int]] = defaultdict(list)

    def add(self, text: Grams) -> None:
        for gram in text:
            self._holding[gram].append(len(self._known))
        self._known.append(text)

    def nearest(self, text: Grams) -> tuple[float, int] | None:
        """Return the highest similarity to a text of the index, and the number of the first text with this similarity.

        Return None if no text of the index shares a 3-gram with `text`.
        """
        sharing = Counter(number for gram in text for number in self._holding.get(gram, ()))
        scored = ((similarity(text, self._known[number]), -number) for number in sharing)
        best = max(scored, default=None)
        return None if best is None else (best[0], -best[1])


def duplicates(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """Yield findings about cases that repeat each other.

    `skeleton`: Two cases of a tool differ only in values. `near-duplicate`: Two cases are too similar.
    """
    index = _GramIndex()
    by_skeleton: dict[tuple[tuple[str, ...], Skeleton], LocatedCase] = {}
    for row in rows:
        skeleton = case_skeleton(row.case)
        own = grams(skeleton)
        tools = expected_tools(row.case) or _reason_and_tool(row.case)
        twin = by_skeleton.setdefault((tools, skeleton), row) if own else row
        near = index.nearest(own)
        index.add(own)
        if twin is not row:
            yield row.finding("skeleton", f"differs only in values from {twin.place}: {' '.join(skeleton)}")
        elif near is not None and near[0] >= LIMIT:
            yield row.finding(
                "near-duplicate", f"similar to {rows[near[1]].place} ({near[0]:.2f}): {' '.join(skeleton)}"
            )


def _reason_and_tool(case: Case) -> tuple[str, str]:
    missing = case.expect.tool if isinstance(case.expect, Abstain) else None
    return stratum(case), missing or ""


def training_patterns() -> list[str]:
    """Return the templates of all installed generators that can list their templates."""
    found: dict[str, None] = {}
    for name in names("toolmark.generators"):
        plugin = load("toolmark.generators", name)
        generator = plugin() if isinstance(plugin, type) else plugin
        if isinstance(generator, Patterned):
            found |= dict.fromkeys(generator.patterns())
    return list(found)


def leaks(rows: Sequence[LocatedCase], patterns: Sequence[str]) -> Iterator[Finding]:
    """Yield findings `leakage`: a case is similar to a template of training data."""
    index = _GramIndex()
    for pattern in patterns:
        index.add(grams(template_skeleton(pattern)))
    for row in rows:
        near = index.nearest(grams(case_skeleton(row.case)))
        if near is not None and near[0] >= LIMIT:
            yield row.finding("leakage", f"similar to the training template {patterns[near[1]]!r} ({near[0]:.2f})")
