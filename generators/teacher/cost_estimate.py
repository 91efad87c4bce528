"""Estimates the requests, tokens and cost of a generation before the generation starts.

Four characters are counted as one token. The number of written tokens is a guess from typical replies. Repeated
requests (after a failure or an invalid reply) are not counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Tool, Toolbox
from toolmark.benchmark.dialects.json import Json
from toolmark.generators.teacher.options import ROLES, Role, TeacherOptions
from toolmark.generators.teacher.prompt_files import RolePrompts
from toolmark.generators.teacher.recorded_requests import price_of

__all__ = ["estimated_requests"]

_CHARACTERS_A_TOKEN = 4
_QUERY = "x" * 100
_WRITTEN = {"writer": 40, "caller": 60, "answerer": 40}
"""Guessed number of tokens in one reply of each role. For the writer: tokens per question."""


def estimated_requests(
    options: TeacherOptions, prompts: RolePrompts, batches: Sequence[tuple[Tool | None, int]], toolbox: Toolbox
) -> list[str]:
    """Return the estimate as lines of text: one line for each role, and one line for the sum.

    Args:
        options: Models and prices.
        prompts: The prompts of the roles.
        batches: The tool (None for no tool) and the number of questions of each batch.
        toolbox: All tools.
    """
    requests: Counter[Role] = Counter()
    read: Counter[Role] = Counter()
    written: Counter[Role] = Counter()
    for role in ROLES:
        requests[role] = 0
    offered = toolbox.tools[: options.max_distractors + 1]
    turns = (Message(role="system", content=prompts.fill("caller")), Message(role="user", content=_QUERY))
    call_tokens = sum(len(turn.content) for turn in Json().render(turns, offered).messages) // _CHARACTERS_A_TOKEN
    for tool, count in batches:
        shown = json.dumps(tool.shown()) if tool else "\n".join(one.description for one in toolbox.tools)
        instruction = prompts.texts["writer" if tool else "writer_no_tool"]
        requests["writer"] += 1
        read["writer"] += (len(instruction) + len(shown)) // _CHARACTERS_A_TOKEN
        written["writer"] += _WRITTEN["writer"] * count
        requests["caller"] += count
        read["caller"] += call_tokens * count
        written["caller"] += _WRITTEN["caller"] * count
        if tool is not None:
            requests["answerer"] += count
            read["answerer"] += (len(prompts.texts["answerer"]) + 200) // _CHARACTERS_A_TOKEN * count
            written["answerer"] += _WRITTEN["answerer"] * count
    lines, total = [], 0.0
    for role in ROLES:
        price = price_of(options, role)
        cost = (read[role] * price.input + written[role] * price.output) / 1e6 if price else None
        total += cost or 0.0
        told = f"about {cost:.4f} dollars" if cost is not None else "price not known"
        lines.append(
            f"{role} ({options.model_of(role)}): {requests[role]:,} requests, about {read[role]:,} input and "
            f"{written[role]:,} output tokens, {told}"
        )
    known = all(price_of(options, role) for role in ROLES)
    lines.append(f"together: {sum(requests.values()):,} requests" + (f", about {total:.4f} dollars" if known else ""))
    return [*lines, "--dry-run: no request was sent"]
