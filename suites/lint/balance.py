"""Labels, splits, and whether some tool, difficulty or place in the list is favoured."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.scoring.chance import chance
from toolmark.suites.lint.findings import Finding, LocatedCase, expected_tools, stratum

__all__ = ["DIFFICULTIES", "balance", "labels", "splits"]

DIFFICULTIES = ("easy", "hard")

_FEWEST = 40
"""Cases below which a share says nothing about how they were chosen."""
_LESSER = 0.25
"""Least share of the rarer difficulty in a stratum."""
_FAVOUR = 0.1
"""Most by which the first place in the list may be right more often than chance."""
_DEV = (0.1, 0.35)
"""Share of dev cases, where both splits are there."""


def labels(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """`tags`: a case does not say its difficulty, its topic, or its tool, or says another tool than the gold."""
    for row in rows:
        tags, tools = row.case.tags, expected_tools(row.case)
        if tags.get("difficulty") not in DIFFICULTIES:
            yield row.finding("tags", f"difficulty is {tags.get('difficulty')!r}, not one of {', '.join(DIFFICULTIES)}")
        if not isinstance(tags.get("topic"), str) or not tags["topic"]:
            yield row.finding("tags", "topic is missing")
        if len(tools) == 1 and tags.get("tool") != tools[0]:
            yield row.finding("tags", f"tool is {tags.get('tool')!r}, and the gold calls {tools[0]}")


def splits(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """`split`: a family lies in both, or a case in the other one's file. `held-out`: dev calls a held-out tool."""
    families: dict[str, LocatedCase] = {}
    held: dict[Path, frozenset[str]] = {}
    for row in rows:
        case = row.case
        first = families.setdefault(case.cluster, row)
        if first.case.split != case.split:
            yield row.finding(
                "split", f"the group {case.group} is {case.split} here and {first.case.split} at {first.place}"
            )
        named = row.file.name.rpartition(".jsonl")[0].rpartition(".")[2]
        if named in ("dev", "test") and named != case.split:
            yield row.finding("split", f"the case is {case.split}, and the file is called {named}")
        folder = row.file.parent
        if folder not in held:
            held[folder] = _held_out(folder / "MANIFEST.toml")
        for tool in expected_tools(case) if case.split == "dev" else ():
            if tool in held[folder]:
                yield row.finding("held-out", f"a dev case calls {tool}, which the manifest holds out")


def _held_out(manifest: Path) -> frozenset[str]:
    if not manifest.is_file():
        return frozenset()
    try:
        return frozenset(tomllib.loads(manifest.read_text(encoding="utf-8")).get("held_out_tools", []))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"the manifest {manifest} cannot be read: {error}", "Correct its syntax.") from None


def balance(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """`balance`: told at the first case that it concerns; small collections are not judged."""
    yield from _tools(rows)
    yield from _difficulty(rows)
    yield from _places(rows)
    dev = [row for row in rows if row.case.split == "dev"]
    low, high = _DEV
    if len(rows) >= _FEWEST and 0 < len(dev) < len(rows) and not low <= len(dev) / len(rows) <= high:
        yield dev[0].finding("balance", f"{len(dev)} of {len(rows)} cases are dev: outside {low:.0%} to {high:.0%}")


def _tools(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """A tool that is offered in calls and called less than half as often as the median tool."""
    calls = [row for row in rows if expected_tools(row.case)]
    offered: dict[str, LocatedCase] = {}
    for row in calls:
        for name in row.case.toolbox.names:
            offered.setdefault(name, row)
    called = Counter(tool for row in calls for tool in expected_tools(row.case))
    middle = median(called[name] for name in offered) if offered else 0
    for name, row in offered.items():
        if len(calls) >= _FEWEST and called[name] < middle / 2:
            yield row.finding("balance", f"{name} is right in {called[name]} cases, and the median tool in {middle:g}")


def _difficulty(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    strata: Mapping[str, list[LocatedCase]] = defaultdict(list)
    for row in rows:
        strata[stratum(row.case)].append(row)
    for name, members in strata.items():
        counts = Counter(str(row.case.tags.get("difficulty")) for row in members)
        lesser = min(counts[difficulty] for difficulty in DIFFICULTIES)
        if len(members) >= _FEWEST and lesser < _LESSER * len(members):
            told = ", ".join(f"{counts[difficulty]} {difficulty}" for difficulty in DIFFICULTIES)
            yield members[0].finding("balance", f"difficulty of {name}: {told}, of {len(members)}")


def _places(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    chosen = [row for row in rows if expected_tools(row.case) and len(row.case.toolbox.tools) > 1]
    known = chance([row.case for row in chosen])
    if len(chosen) >= _FEWEST and known.first > known.uniform + _FAVOUR:
        told = f"the first of several tools is right in {known.first:.0%}, and by chance in {known.uniform:.0%}"
        yield chosen[0].finding("balance", told)
