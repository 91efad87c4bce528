"""What a generation will ask, before it asks: requests, tokens and, where the prices are known, dollars.

Tokens are counted as a quarter of the characters; what is written is a guess from the length of such replies. Requests
that fail or are corrected come on top.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Tool, Toolbox
from toolmark.benchmark.dialects.json import Json
from toolmark.generators.teacher.asking import price_of
from toolmark.generators.teacher.options import ROLES, Role, TeacherOptions
from toolmark.generators.teacher.wording import Wording

__all__ = ["estimate"]

_CHARACTERS_A_TOKEN = 4
_QUERY = "x" * 100
_WRITTEN = {"writer": 40, "caller": 60, "answerer": 40}
"""Tokens of a reply; for the writer of each question."""


def estimate(
    options: TeacherOptions, wording: Wording, batches: Sequence[tuple[Tool | None, int]], toolbox: Toolbox
) -> list[str]:
    """Lines to print."""
    requests: Counter[Role] = Counter()
    read: Counter[Role] = Counter()
    written: Counter[Role] = Counter()
    for role in ROLES:
        requests[role] = 0
    offered = toolbox.tools[: options.max_distractors + 1]
    turns = (Message(role="system", content=wording.fill("caller")), Message(role="user", content=_QUERY))
    call_tokens = sum(len(turn.content) for turn in Json().render(turns, offered).messages) // _CHARACTERS_A_TOKEN
    for tool, count in batches:
        shown = json.dumps(tool.shown()) if tool else "\n".join(one.description for one in toolbox.tools)
        instruction = wording.texts["writer" if tool else "writer_no_tool"]
        requests["writer"] += 1
        read["writer"] += (len(instruction) + len(shown)) // _CHARACTERS_A_TOKEN
        written["writer"] += _WRITTEN["writer"] * count
        requests["caller"] += count
        read["caller"] += call_tokens * count
        written["caller"] += _WRITTEN["caller"] * count
        if tool is not None:
            requests["answerer"] += count
            read["answerer"] += (len(wording.texts["answerer"]) + 200) // _CHARACTERS_A_TOKEN * count
            written["answerer"] += _WRITTEN["answerer"] * count
    lines, total = [], 0.0
    for role in ROLES:
        price = price_of(options, role)
        cost = (read[role] * price.input + written[role] * price.output) / 1e6 if price else None
        total += cost or 0.0
        told = f"about {cost:.4f} dollars" if cost is not None else "price not known"
        lines.append(
            f"{role} ({options.model_of(role)}): {requests[role]:,} requests, about {read[role]:,} + {written[role]:,} "
            f"tokens, {told}"
        )
    known = all(price_of(options, role) for role in ROLES)
    lines.append(f"together: {sum(requests.values()):,} requests" + (f", about {total:.4f} dollars" if known else ""))
    return [*lines, "--dry-run: nothing was asked"]
