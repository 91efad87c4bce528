"""Decides the outcome of a completion: a call, an abstention, or a malformed attempt to call.

A malformed attempt does not count as an abstention. Otherwise models that cannot write a call would be rewarded.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from toolmark.benchmark.data.completions import Completion, ParsedCompletion

__all__ = ["Outcome", "outcome_of"]

Outcome = Literal["call", "abstain", "malformed"]


def outcome_of(reading: ParsedCompletion, completion: Completion, offered: Collection[str]) -> Outcome:
    """Return the outcome of a completion.

    - `call`: At least one call can be read. A call of an unknown tool also counts.
    - `malformed`: No call can be read, and the completion contains an attempt or no text for the user.
    - `abstain`: Any other completion.

    An attempt is one of these:

    - a marker of the dialect, for example `<tool_call>`
    - a native call that the dialect does not read
    - text that looks like a call and names an offered tool

    If the model starts a block of thoughts and does not end the block, there is no text for the user.

    Args:
        reading: The *lenient* reading of the completion.
        completion: The completion.
        offered: Names of the offered tools.
    """
    if reading.calls:
        return "call"
    attempted = reading.attempted or bool(completion.tool_calls)
    if attempted or not reading.answer.strip() or not reading.named.isdisjoint(offered):
        return "malformed"
    return "abstain"
