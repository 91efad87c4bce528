"""Prompts and completions.

A dialect makes a `Prompt` from a case. A `Completion` is the unchanged answer of the candidate. The dialect parses the
completion and returns a `ParsedCompletion`. A bad completion is data too, so these types accept any text of a model.
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
"""`stop`: the model ended the completion. `length`: the completion was cut. `unknown`: the recording does not say."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The turns for the chat template. With the dialect `native`, a prompt also contains the tools for the template."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()

    def digest(self) -> str:
        """The hash of the prompt. It is part of a completion's key, so that the same prompt is not generated twice."""
        return digest([[m.as_openai() for m in self.messages], [tool.shown() for tool in self.tools]])


@dataclass(frozen=True, slots=True)
class RawCall:
    """A native call in the form in which the server sent the call. `arguments` is the unparsed text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, time and cost of a completion. The comparison of two usages ignores time and cost.

    Attributes:
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the completion.
        seconds: Wall-clock time since the previous completion. Completions are generated in parallel, so only the sum
            over a run has a meaning. None if the time was not recorded.
        cost: US dollars. None if no price is known.
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
        """The ledger's fields, without the amounts that are not known."""
        amounts = {"seconds": self.seconds, "cost": self.cost}
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            **{name: amount for name, amount in amounts.items() if amount is not None},
        }


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of usages. If the seconds of one usage are not known, the sum has no seconds. The same holds for cost."""
    items = list(usages)

    def added(amounts: Sequence[float | None]) -> float | None:
        known = [amount for amount in amounts if amount is not None]
        return math.fsum(known) if known and len(known) == len(amounts) else None

    return Usage(
        sum(usage.input_tokens for usage in items),
        sum(usage.output_tokens for usage in items),
        added([usage.seconds for usage in items]),
        added([usage.cost for usage in items]),
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
        """The completion of a ledger row. This is the inverse of `as_json`.

        Raises:
            KeyError, TypeError, ValueError: The row is not a completion.
        """
        if not isinstance(row["text"], str) or row["stop_reason"] not in ("stop", "length", "unknown"):
            raise ValueError("text is not a string, or stop_reason is not one of stop, length, unknown")
        return cls(
            text=row["text"],
            tool_calls=tuple(RawCall(str(call["name"]), str(call["arguments"])) for call in row["tool_calls"]),
            stop_reason=row["stop_reason"],
            usage=Usage(**row["usage"]),
        )


@dataclass(frozen=True, slots=True)
class ParsedCompletion:
    """The result of parsing a completion with a dialect.

    Attributes:
        calls: The calls, in the order in which they are written.
        attempted: Whether the text has a marker of the dialect, even if no call could be read there.
        named: Names in other text that has the form of a call (a bare or fenced object, `name(…)`). If one of these
            names is an offered tool, the text is an attempt to call. The dialect cannot decide this, because it does
            not know the offered tools. Only a lenient reading sets this attribute.
        error: The fault of the text, or None. A strict reading with an error has no right call.
        answer: The text for the user, without calls, thinking and answer markers.
    """

    calls: tuple[Call, ...] = ()
    attempted: bool = False
    named: frozenset[str] = field(default_factory=frozenset)
    error: str | None = None
    answer: str = ""
