"""What a completion amounts to: a call, an abstention, or a malformed attempt.

The third outcome is the point. Garbage is no call, but it is no abstention either, and a benchmark that credits it as
one rewards models that cannot write.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from toolmark.benchmark.data.completions import Completion, ParsedCompletion

__all__ = ["Outcome", "outcome_of"]

Outcome = Literal["call", "abstain", "malformed"]


def outcome_of(reading: ParsedCompletion, completion: Completion, offered: Collection[str]) -> Outcome:
    """Outcome of a *lenient* reading.

    `call`: a call can be read, of an unknown tool too. `malformed`: otherwise, if there was an attempt (a marker of the
    dialect, a native call that the dialect does not read, or anything shaped like a call that names an offered tool) or
    nothing was written for the user: an empty text, or thoughts without an end. `abstain`: the rest.
    """
    if reading.calls:
        return "call"
    attempted = reading.attempted or bool(completion.tool_calls)
    if attempted or not reading.answer.strip() or not reading.named.isdisjoint(offered):
        return "malformed"
    return "abstain"
