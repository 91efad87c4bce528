"""Decides the outcome of a completion: a call, an abstention, or a malformed attempt to call.

A malformed attempt does not count as an abstention. Otherwise a model that cannot write a call would get a good score.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from toolmark.benchmark.data.completions import Completion, FailedAttempt, ParsedCompletion

__all__ = ["Outcome", "failed_attempt", "outcome_of"]

Outcome = Literal["call", "abstain", "malformed"]


def outcome_of(reading: ParsedCompletion, completion: Completion, offered: Collection[str]) -> Outcome:
    """Return the outcome of a completion.

    - `call`: At least one call can be read. The tool of this call need not be offered.
    - `malformed`: No call can be read, and the completion contains an attempt or no text for the user.
    - `abstain`: Any other completion.

    An attempt is one of these:

    - text that begins a call of the dialect and cannot be read, for example after the mark `<tool_call>`
    - a native call that the dialect does not read
    - a call in a form of another dialect
    - text that looks like a call and names an offered tool

    If the model starts a block of thoughts and does not end the block, there is no text for the user.

    Args:
        reading: The *lenient* reading of the completion.
        completion: The completion.
        offered: Names of the offered tools.
    """
    if reading.calls:
        return "call"
    if reading.attempted or completion.tool_calls or not reading.answer.strip():
        return "malformed"
    return "abstain" if failed_attempt(reading, offered) is None else "malformed"


def failed_attempt(reading: ParsedCompletion, offered: Collection[str]) -> FailedAttempt | None:
    """Return the first attempt to call that cannot be read, or None.

    An attempt with `certain` = False is perhaps only prose or example code. Such an attempt counts only if it names an
    offered tool. In names, `.` and `_` count as equal, because some models see the names of tools with `_` instead of
    `.`. If the completion also contains calls that can be read, an attempt counts only if it has the form of the
    dialect. The reason is that a model often mentions calls in other forms before it calls.

    Args:
        reading: The *lenient* reading of the completion.
        offered: Names of the offered tools.
    """
    if not reading.failed:
        return None
    spelled = {name.replace(".", "_") for name in offered}
    for attempt in reading.failed:
        named = attempt.name.replace(".", "_") in spelled and (attempt.form is None or not reading.calls)
        if attempt.certain or named:
            return attempt
    return None
