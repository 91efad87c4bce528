"""Count leaks, duplicates, query types, tools and lengths in the rows of a trace dataset."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import query_hash
from toolmark.benchmark.data.held_out import HeldOut
from toolmark.benchmark.data.traces import Trace
from toolmark.generators.near_duplicates import NearDuplicates

__all__ = ["Audit", "audit_rows"]


@dataclass(slots=True)
class Audit:
    """The counts of a trace dataset.

    Attributes:
        rows: Number of conversations.
        query_types: Number of conversations of each query type.
        tools: How often each tool is the right tool.
        offered: Number of tools that a conversation offers: least, median, most.
        characters: Length of a conversation without its tool list: median, 95th percentile, most.
        leaks: Number of leaks by kind. The kinds are "a test query" and "the held-out tool NAME".
        repeated: Number of conversations with the same questions and calls as an earlier conversation.
        near: Number of conversations with the same calls and nearly the same questions as an earlier conversation.
        unreadable: For each row that is not a conversation, the reason. The other counts do not include these rows.
    """

    rows: int = 0
    query_types: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    offered: tuple[int, float, int] = (0, 0, 0)
    characters: tuple[float, float, int] = (0, 0, 0)
    leaks: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    near: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Return whether the dataset is free of leaks, of duplicates, and of rows that are not conversations."""
        return not self.leaks and not self.repeated and not self.near and not self.unreadable


def audit_rows(read: Iterable[tuple[Mapping[str, Any], Trace] | InputError], held_out: HeldOut) -> Audit:
    """Return the counts for the rows of `traces/`.

    Args:
        read: The rows with their conversations, or errors. Each row is read only once.
        held_out: The tools and queries that must not be in training data.
    """
    found = Audit()
    sizes: list[int] = []
    offered: list[int] = []
    seen: set[tuple[str, str, str]] = set()
    near = NearDuplicates()
    for one in read:
        if isinstance(one, InputError):
            found.unreadable.append(one.what)
            continue
        row, trace = one
        messages = [message.as_openai() for message in trace.messages]
        found.rows += 1
        found.query_types[trace.query_type] += 1
        if trace.tool_name and row.get("tool_needed"):
            found.tools[trace.tool_name] += 1
        offered.append(len(trace.tools))
        sizes.append(sum(len(json.dumps(message, ensure_ascii=False)) for message in messages))
        names = {tool.name for tool in trace.tools}
        for name in held_out.tools & names:
            found.leaks[f"the held-out tool {name}"] += 1
        asked = [message.content for message in trace.messages if message.role == "user"]
        if any(query_hash(text) in held_out.queries for text in asked):
            found.leaks["a test query"] += 1
        calls = json.dumps([message.get("tool_calls") for message in messages], sort_keys=True)
        questions = "\n".join(asked)
        # A row without a case has invented tools. If the tools differ, equal questions have different meanings.
        key = (questions, calls, "" if row.get("case_id") else ",".join(sorted(names)))
        if key in seen:
            found.repeated += 1
        elif row.get("case_id") and near.find(questions, calls) is not None:
            found.near += 1
        elif row.get("case_id"):
            near.add(questions, calls)
        seen.add(key)
    if sizes:
        tail = quantiles(sizes, n=20, method="inclusive")[-1] if len(sizes) > 1 else float(sizes[0])
        found.offered = (min(offered), median(offered), max(offered))
        found.characters = (median(sizes), tail, max(sizes))
    return found
