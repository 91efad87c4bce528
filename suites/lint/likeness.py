"""Near-duplicates, shared skeletons, and likeness to what training data is made from.

Pairs are compared exactly: an index from 3-grams to cases names every pair that shares one, so that none is missed and
none is guessed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.plugins.protocols import Patterned
from toolmark.suites.lint.findings import Finding, LocatedCase, expected_tools, stratum
from toolmark.suites.lint.skeletons import Skeleton, case_skeleton, grams, similarity, template_skeleton

__all__ = ["LIMIT", "duplicates", "leaks", "training_patterns"]

LIMIT = 0.6
"""Jaccard index of masked 3-grams from which two texts are too much alike."""

Grams = frozenset[Skeleton]


class _Index:
    """Texts by their 3-grams."""

    def __init__(self) -> None:
        self._known: list[Grams] = []
        self._holding: dict[Skeleton, list[int]] = defaultdict(list)

    def add(self, text: Grams) -> None:
        for gram in text:
            self._holding[gram].append(len(self._known))
        self._known.append(text)

    def nearest(self, text: Grams) -> tuple[float, int] | None:
        """Likeness and number of the text most like `text`, the earliest of equals; None where no gram is shared."""
        sharing = Counter(number for gram in text for number in self._holding.get(gram, ()))
        scored = ((similarity(text, self._known[number]), -number) for number in sharing)
        best = max(scored, default=None)
        return None if best is None else (best[0], -best[1])


def duplicates(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """`skeleton`: two cases of one tool differ in values alone. `near-duplicate`: any two share most of their words."""
    index = _Index()
    by_skeleton: dict[tuple[tuple[str, ...], Skeleton], LocatedCase] = {}
    for row in rows:
        skeleton = case_skeleton(row.case)
        own = grams(skeleton)
        missing = getattr(row.case.expect, "tool", None)
        tools = expected_tools(row.case) or (stratum(row.case), missing or "")
        twin = by_skeleton.setdefault((tools, skeleton), row) if own else row
        near = index.nearest(own)
        index.add(own)
        if twin is not row:
            yield row.finding("skeleton", f"only values differ from {twin.place}: {' '.join(skeleton)}")
        elif near is not None and near[0] >= LIMIT:
            yield row.finding("near-duplicate", f"{near[0]:.2f} like {rows[near[1]].place}: {' '.join(skeleton)}")


def training_patterns() -> list[str]:
    """The texts that the installed generators fill, of those that can list them."""
    found: dict[str, None] = {}
    for name in names("toolmark.generators"):
        plugin = load("toolmark.generators", name)
        generator = plugin() if isinstance(plugin, type) else plugin
        if isinstance(generator, Patterned):
            found |= dict.fromkeys(generator.patterns())
    return list(found)


def leaks(rows: Sequence[LocatedCase], patterns: Sequence[str]) -> Iterator[Finding]:
    """Cases that look like a template of training data."""
    index = _Index()
    for pattern in patterns:
        index.add(grams(template_skeleton(pattern)))
    for row in rows:
        near = index.nearest(grams(case_skeleton(row.case)))
        if near is not None and near[0] >= LIMIT:
            yield row.finding("leakage", f"{near[0]:.2f} like the training template {patterns[near[1]]!r}")
