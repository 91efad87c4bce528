"""What goes to a model and what comes back.

`Prompt` is what a dialect makes of a case. `Completion` is what the candidate gave, untouched. `ParsedCompletion` is
what the dialect makes of that. A bad completion is data: none of these types refuses anything that a model can write.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Call, Message, Tool

__all__ = ["Completion", "ParsedCompletion", "Prompt", "RawCall", "StopReason", "Usage", "total"]

StopReason = Literal["stop", "length", "unknown"]
"""`stop`: the model ended by itself. `length`: it was cut. `unknown`: a recording that does not say."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Turns as the chat template will see them, and the tools that are left to the template (`native` only)."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()

    def digest(self) -> str:
        """Part of a completion's key: the same prompt is never generated twice."""
        return digest([[m.as_openai() for m in self.messages], [tool.shown() for tool in self.tools]])


@dataclass(frozen=True, slots=True)
class RawCall:
    """A native call as the server sent it: `arguments` is its unparsed text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a completion took; two that took different times are still the same.

    Attributes:
        input_tokens: Read.
        output_tokens: Written.
        seconds: Of the wall clock since the completion before it. Many are written side by side, so only their sum over
            a run says something. None: not recorded.
        cost: US dollars. None: no price is known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float | None = field(default=None, compare=False)
    cost: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if type(self.input_tokens) is not int or type(self.output_tokens) is not int:
            raise TypeError("usage counts tokens in whole numbers")
        for amount in (self.seconds, self.cost):
            if amount is not None and not 0 <= amount < math.inf:
                raise ValueError("seconds and cost are numbers from 0")

    def as_json(self) -> dict[str, float]:
        """The ledger's fields; what is not known is not there."""
        known = {"seconds": self.seconds, "cost": self.cost}
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            **{name: amount for name, amount in known.items() if amount is not None},
        }


def total(usages: Iterable[Usage]) -> Usage:
    """Their sum; seconds or cost are known where they are known of every one."""
    each = list(usages)

    def added(amounts: Sequence[float | None]) -> float | None:
        known = [amount for amount in amounts if amount is not None]
        return math.fsum(known) if known and len(known) == len(amounts) else None

    return Usage(
        sum(usage.input_tokens for usage in each),
        sum(usage.output_tokens for usage in each),
        added([usage.seconds for usage in each]),
        added([usage.cost for usage in each]),
    )


@dataclass(frozen=True, slots=True)
class Completion:
    """The text and raw native calls that a candidate gave for a prompt."""

    text: str
    tool_calls: tuple[RawCall, ...] = ()
    stop_reason: StopReason = "stop"
    usage: Usage = Usage()

    def as_json(self) -> dict[str, Any]:
        """The ledger's fields for this completion."""
        return {
            "text": self.text,
            "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in self.tool_calls],
            "stop_reason": self.stop_reason,
            "usage": self.usage.as_json(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Completion:
        """Inverse of `as_json`. Raises `KeyError`, `TypeError` or `ValueError` on a row that is no completion."""
        if not isinstance(row["text"], str) or row["stop_reason"] not in ("stop", "length", "unknown"):
            raise ValueError("text is not a string, or stop_reason is none of stop, length, unknown")
        return cls(
            text=row["text"],
            tool_calls=tuple(RawCall(str(call["name"]), str(call["arguments"])) for call in row["tool_calls"]),
            stop_reason=row["stop_reason"],
            usage=Usage(**row["usage"]),
        )


@dataclass(frozen=True, slots=True)
class ParsedCompletion:
    """What a dialect made of a completion.

    Attributes:
        calls: The calls, in the order written.
        attempted: A marker of the dialect is there, whether or not a call could be read.
        named: Names in anything else that is shaped like a call (a bare or fenced object, `name(…)`): an attempt where
            one of them is an offered tool, which a dialect cannot know. Of a lenient reading only.
        error: Why the reading is not clean; a strict reading with an error has no right call.
        answer: The text for the user, without calls, thinking and answer markers.
    """

    calls: tuple[Call, ...] = ()
    attempted: bool = False
    named: frozenset[str] = field(default_factory=frozenset)
    error: str | None = None
    answer: str = ""
