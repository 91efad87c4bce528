"""Checks the tags and splits of cases. Checks that tools, difficulties and positions of the right tool are balanced."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from toolmark.benchmark.data.held_out import held_out
from toolmark.benchmark.policies.chance import chance
from toolmark.suites.lint.findings import Finding, LocatedCase, expected_tools, stratum

__all__ = ["DIFFICULTIES", "balance", "labels", "splits"]

DIFFICULTIES = ("easy", "hard")

NO_DIFFICULTY = "abstain"
"""The tag `difficulty` that generators write if a case expects no call. Such a case needs no topic."""

_FEWEST_CASES = 40
"""Smallest number of cases for which shares are checked. With fewer cases, shares can be uneven by chance."""
_LEAST_RARER = 0.25
"""In each stratum, the rarer difficulty must have at least this share of the cases."""
_FIRST_PLACE_EXCESS = 0.1
"""The first offered tool must not be right much more often than by chance. This is the largest permitted excess."""
_DEV_SHARE = (0.1, 0.35)
"""Smallest and largest permitted share of dev cases, if the collection has both dev and test cases."""


def labels(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """Yield findings `tags`: the difficulty, topic or tool is missing, or the tool is not the expected tool."""
    for row in rows:
        tags, tools = row.case.tags, expected_tools(row.case)
        allowed = DIFFICULTIES if tools else (*DIFFICULTIES, NO_DIFFICULTY)
        if tags.get("difficulty") not in allowed:
            yield row.finding(
                "tags", f"the tag difficulty is {tags.get('difficulty')!r:.80}, not one of {', '.join(allowed)}"
            )
        known = isinstance(tags.get("topic"), str) and tags["topic"]
        if not known and tags.get("difficulty") != NO_DIFFICULTY:
            yield row.finding("tags", "topic is missing")
        if len(tools) == 1 and tags.get("tool") != tools[0]:
            yield row.finding(
                "tags", f"the tag tool is {tags.get('tool')!r}, but the right call is a call of {tools[0]}"
            )


def splits(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """Yield findings `split`: a cluster is in both splits, or a case is in the file of the other split.

    Also yield findings `held-out`: a dev case calls a held-out tool.
    """
    clusters: dict[str, LocatedCase] = {}
    held: dict[Path, frozenset[str]] = {}
    for row in rows:
        case = row.case
        first = clusters.setdefault(case.cluster, row)
        if first.case.split != case.split:
            yield row.finding(
                "split", f"the group {case.group} is in {case.split} here, but in {first.case.split} at {first.place}"
            )
        named = row.file.name.rpartition(".jsonl")[0].rpartition(".")[2]
        if named in ("dev", "test") and named != case.split:
            yield row.finding("split", f"the case is in the split {case.split}, but the name of the file says {named}")
        folder = row.file.parent
        if folder not in held:
            manifest = folder / "MANIFEST.toml"
            held[folder] = held_out(manifest if manifest.is_file() else None).tools
        for tool in expected_tools(case) if case.split == "dev" else ():
            if tool in held[folder]:
                yield row.finding("held-out", f"a dev case calls {tool}, which is held out in the manifest")


def balance(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """Yield findings `balance`. Small collections are not checked.

    A finding is about several cases. Its place is the place of the first of these cases.
    """
    yield from _rare_tools(rows)
    yield from _rare_difficulties(rows)
    yield from _favoured_place(rows)
    dev = [row for row in rows if row.case.split == "dev"]
    low, high = _DEV_SHARE
    if len(rows) >= _FEWEST_CASES and 0 < len(dev) < len(rows) and not low <= len(dev) / len(rows) <= high:
        yield dev[0].finding(
            "balance", f"{len(dev)} of {len(rows)} cases are dev, but {low:.0%} to {high:.0%} are needed"
        )


def _rare_tools(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """Yield a finding for each rare tool. A tool is rare if it is right less than half as often as the median tool."""
    calls = [row for row in rows if expected_tools(row.case)]
    offered: dict[str, LocatedCase] = {}
    for row in calls:
        for name in row.case.toolbox.names:
            offered.setdefault(name, row)
    called = Counter(tool for row in calls for tool in expected_tools(row.case))
    middle = median(called[name] for name in offered) if offered else 0
    for name, row in offered.items():
        if len(calls) >= _FEWEST_CASES and called[name] < middle / 2:
            told = f"{name} is right in {called[name]} cases, but the median over all tools is {middle:g}"
            yield row.finding("balance", told)


def _rare_difficulties(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    strata: Mapping[str, list[LocatedCase]] = defaultdict(list)
    for row in rows:
        if row.case.tags.get("difficulty") != NO_DIFFICULTY:
            strata[stratum(row.case)].append(row)
    for name, members in strata.items():
        counts = Counter(str(row.case.tags.get("difficulty")) for row in members)
        lesser = min(counts[difficulty] for difficulty in DIFFICULTIES)
        if len(members) >= _FEWEST_CASES and lesser < _LEAST_RARER * len(members):
            told = ", ".join(f"{counts[difficulty]} {difficulty}" for difficulty in DIFFICULTIES)
            yield members[0].finding("balance", f"difficulty of the {len(members)} cases of {name}: {told}")


def _favoured_place(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    chosen = [row for row in rows if expected_tools(row.case) and len(row.case.toolbox.tools) > 1]
    known = chance([row.case for row in chosen])
    if len(chosen) >= _FEWEST_CASES and known.first > known.uniform + _FIRST_PLACE_EXCESS:
        told = (
            f"the first offered tool is right in {known.first:.0%} of the cases, but {known.uniform:.0%} are expected"
        )
        yield chosen[0].finding("balance", told)
