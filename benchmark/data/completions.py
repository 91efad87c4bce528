"""Defines prompts and completions.

1. A dialect makes a `Prompt` from a case.
2. The candidate gives an answer, which is stored unchanged as a `Completion`. A completion can contain any text.
3. The dialect parses the completion and returns a `ParsedCompletion`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Call, Message, Tool

__all__ = [
    "MAX_EPOCH",
    "Completion",
    "Completions",
    "FailedAttempt",
    "ParsedCompletion",
    "Prompt",
    "RawCall",
    "StopReason",
    "UntypedCall",
    "Usage",
    "total",
]

StopReason = Literal["stop", "length", "unknown"]
"""Why a completion ends. `stop`: The model ended it. `length`: It was cut. `unknown`: The reason is not recorded."""

MAX_EPOCH = 1_000
"""Highest number of completions of one case. A higher number in a file is a mistake, and would need all memory."""

_MOST_TOKENS = 10**12
_MOST_SECONDS = 1e12


@dataclass(frozen=True, slots=True)
class Prompt:
    """The input of a chat template: turns and, with the dialect `native`, tools.

    Attributes:
        messages: The turns.
        tools: The tools that the template shows.
        template_args: The arguments of the template. The user or a training record sets them, never a dialect.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    template_args: TemplateArgs = field(default_factory=dict, hash=False)

    @property
    def characters(self) -> int:
        """Return the size of the prompt in characters, including its tools."""
        tools = sum(len(str(tool.as_openai())) for tool in self.tools)
        return tools + sum(len(str(message.as_openai())) for message in self.messages)

    def digest(self) -> str:
        """Return the hash of the prompt. The key of a completion contains this hash, so equal prompts run only once."""
        parts: list[object] = [[m.as_openai() for m in self.messages], [tool.shown() for tool in self.tools]]
        return digest([*parts, dict(self.template_args)] if self.template_args else parts)


@dataclass(frozen=True, slots=True)
class RawCall:
    """A native call as the server sent it. `arguments` is text that is not parsed."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, time and cost of a completion. Two usages are equal if their numbers of tokens are equal.

    Attributes:
        input_tokens: Number of tokens of the prompt.
        output_tokens: Number of tokens of the completion.
        seconds: Wall-clock time in seconds since the previous completion ended. Because completions are generated in
            parallel, only the sum over a run has a meaning. None if the time was not recorded.
        cost: Cost in US dollars. None if the price is not known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float | None = field(default=None, compare=False)
    cost: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for tokens in (self.input_tokens, self.output_tokens):
            if type(tokens) is not int or not 0 <= tokens <= _MOST_TOKENS:
                raise ValueError("input_tokens and output_tokens must be whole numbers from 0")
        for amount in (self.seconds, self.cost):
            if amount is not None and (type(amount) not in (int, float) or not 0 <= amount <= _MOST_SECONDS):
                raise ValueError("seconds and cost must be finite numbers from 0")

    def as_json(self) -> dict[str, float]:
        """Return the fields for the ledger. An amount that is not known is left out."""
        amounts = {"seconds": self.seconds, "cost": self.cost}
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            **{name: amount for name, amount in amounts.items() if amount is not None},
        }


def total(usages: Iterable[Usage]) -> Usage:
    """Return the sum of usages. If one usage has no cost or no time, the sum also has no cost or no time."""
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
    """The text and the raw native calls that a candidate gave for a prompt.

    Attributes:
        text: The text.
        tool_calls: The native calls.
        stop_reason: Why the completion ends.
        usage: Tokens, time and cost.
        call_probability: The probability that the completion begins with a call, in [0, 1]. None if it is not known.
            Equality ignores this probability, because its rounding error depends on the batch.
    """

    text: str
    tool_calls: tuple[RawCall, ...] = ()
    stop_reason: StopReason = "stop"
    usage: Usage = Usage()
    call_probability: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        probability = self.call_probability
        if probability is not None and (type(probability) not in (int, float) or not 0 <= probability <= 1):
            raise ValueError("call_probability must be a number from 0 to 1")

    def as_json(self) -> dict[str, Any]:
        """Return the fields of this completion for the ledger."""
        return {
            "text": self.text,
            "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in self.tool_calls],
            "stop_reason": self.stop_reason,
            "usage": self.usage.as_json(),
            **({} if self.call_probability is None else {"call_probability": self.call_probability}),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Completion:
        """Return the completion that a row of a ledger contains. This is the inverse of `as_json`.

        Raises:
            KeyError, TypeError, ValueError: The row is not a completion.
        """
        if not isinstance(row["text"], str) or row["stop_reason"] not in ("stop", "length", "unknown"):
            raise ValueError("text is not a string, or stop_reason is not one of stop, length, unknown")
        calls = row["tool_calls"]
        if not isinstance(calls, list) or not all(
            isinstance(call["name"], str) and isinstance(call["arguments"], str) for call in calls
        ):
            raise TypeError("tool_calls is not a list of objects with the strings name and arguments")
        return cls(
            text=row["text"],
            tool_calls=tuple(RawCall(call["name"], call["arguments"]) for call in calls),
            stop_reason=row["stop_reason"],
            usage=Usage(**row["usage"]),
            call_probability=row.get("call_probability"),
        )


Completions = Mapping[tuple[str, int], Completion]
"""Completions by case id and epoch."""


@dataclass(frozen=True, slots=True)
class UntypedCall:
    """A call whose arguments lack types or names. The schema of the tool tells these types and names.

    The module `toolmark.benchmark.dialects.typed_arguments` makes a `Call` from an untyped call and the schema.

    Attributes:
        name: Name of the tool.
        arguments: Arguments whose values already have a type.
        texts: Arguments that are written as plain text. For example, only the schema tells whether `3` is a number or a
            string.
        positional: Arguments without a name, in order.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A part of a text that looks like a call, but that the dialect cannot read.

    Attributes:
        form: Name of the form in which the call is written, for example `hermes`. None if it is the form of the dialect
            that parses the text.
        reason: Why the call cannot be read.
        name: Name of the tool. Empty if the name cannot be read.
        certain: Whether the part is certainly an attempt to call. If False, the part is perhaps prose or example code.
            The part is then an attempt only if an offered tool has the name `name`. The scorer checks this.
        cut: Whether the part perhaps reaches the end of the text. If False, other text follows it, or the part is
            complete. So a limit on the tokens did not cut the part.
    """

    form: str | None
    reason: str
    name: str = ""
    certain: bool = True
    cut: bool = True


@dataclass(slots=True)  # not frozen, because a frozen class takes several times as long to make
class ParsedCompletion:
    """The result of parsing a completion with a dialect.

    Attributes:
        calls: The calls, in the order in which they are written.
        attempted: Whether the text contains an attempt to call in this dialect. The call can be unreadable.
        error: What is wrong with the text. None if nothing is wrong. An error in a strict reading makes all calls of
            the text wrong.
        answer: The text for the user, without calls, thinking and markers.
        failed: The attempts to call that cannot be read.
        forgiven: The mistakes in the form of the calls that a lenient reading accepts. Each mistake is listed once. A
            strict reading lists these mistakes, too.
        untyped: All calls in order, if at least one of them is an `UntypedCall`. Otherwise empty.
    """

    calls: tuple[Call, ...] = ()
    attempted: bool = False
    error: str | None = None
    answer: str = ""
    failed: tuple[FailedAttempt, ...] = ()
    forgiven: tuple[str, ...] = ()
    untyped: tuple[Call | UntypedCall, ...] = ()
