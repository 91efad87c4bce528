"""Follows a conversation of a model in a scenario: what the model is asked next, and what its answers have changed.

A `Conversation` runs no model and no tool. It is given one `Step` after the other: an answer of the model, with the
results of its calls. So a recorded conversation is followed in the same way as a new one.

The calls of an answer are read leniently. If an answer has no call, the turn ends, and the next turn of the user
follows. A turn also ends at one of the limits of this module. If the gold of a turn needs more, the limits of this turn
are one higher than what the gold needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, get_args

from pydantic import JsonValue

from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt, Usage, total
from toolmark.benchmark.data.scenarios import Gold, Scenario
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.typed_arguments import typed
from toolmark.benchmark.scoring.outcomes import outcome_of
from toolmark.benchmark.scoring.turn_demands import PlayedCall, PlayedTurn, TurnEnd
from toolmark.benchmark.tools.sandbox import Kind, Result

__all__ = ["MOST_CALLS", "MOST_REPEATS", "MOST_STEPS", "Conversation", "Step"]

MOST_STEPS = 10
"""Highest number of answers with calls in a turn. After the last of them, the turn ends without an answer."""

MOST_CALLS = 50
"""Highest number of calls in a turn. Further calls of an answer are not made."""

MOST_REPEATS = 3
"""If a call was made this number of times with the same result, and the state did not change, the turn ends."""

_NO_ANSWER = "(no answer)"
"""What a model reads in place of its answer, if a turn ended without one. Many chat templates need such a turn."""


@dataclass(frozen=True, slots=True)
class Step:
    """One answer of a model in a conversation, and the results of its calls.

    Attributes:
        completion: The answer.
        calls: The calls that were made, with their results. These are the first calls of the answer.
        state: The state of the world after the calls. None if the calls did not change the state.
        ended: `too_long` or `unwritable` if the model could not be asked for this step. Otherwise None.
    """

    completion: Completion
    calls: tuple[PlayedCall, ...] = ()
    state: JsonValue = None
    ended: TurnEnd | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields of this step for the ledger."""
        return {
            **self.completion.as_json(),
            "calls": [_call_as_json(one) for one in self.calls],
            **({} if self.state is None else {"state": self.state}),
            **({} if self.ended is None else {"ended": self.ended}),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Step:
        """Return the step that a row of a ledger contains. This is the inverse of `as_json`.

        Raises:
            KeyError, TypeError, ValueError: The row is not a step.
        """
        if not isinstance(row["calls"], list) or row.get("ended") not in (None, *get_args(TurnEnd)):
            raise ValueError('"calls" is not a list, or "ended" has an unknown value')
        calls = tuple(map(_call_from_json, row["calls"]))
        return cls(Completion.from_json(row), calls, row.get("state"), row.get("ended"))


def _call_as_json(one: PlayedCall) -> dict[str, Any]:
    result = one.result
    told = {"value": result.value} if result.kind == "ok" else {"error": result.error}
    return {"name": one.call.name, "arguments": dict(one.call.arguments), "kind": result.kind, **told}


def _call_from_json(row: Mapping[str, Any]) -> PlayedCall:
    name, arguments, kind = row["name"], row["arguments"], row["kind"]
    if not isinstance(name, str) or not isinstance(arguments, dict) or kind not in get_args(Kind):
        raise TypeError("a call has no name, no arguments, or an unknown kind of result")
    value, error = (row["value"], None) if kind == "ok" else (None, row["error"])
    if error is not None and not isinstance(error, str):
        raise TypeError("the error of a call is not a string")
    return PlayedCall(Call(name=name, arguments=arguments), Result(value, error, kind))


class Conversation:
    """A conversation of a model in a scenario.

    Args:
        scenario: The scenario.
        dialect: The dialect of the model.
        start: The state of the world at the start.
        epoch: Number of the repetition, from 1.

    Attributes:
        steps: The steps so far.
        turns: The turns that ended, in order.
        state: The state of the world now.
        ended: Whether no step follows.
    """

    def __init__(self, scenario: Scenario, dialect: Dialect, start: JsonValue, epoch: int = 1) -> None:
        self.scenario, self.dialect, self.epoch = scenario, dialect, epoch
        self.state = start
        self.steps: list[Step] = []
        self.turns: list[PlayedTurn] = []
        self._turns_of_steps: list[int] = []
        self.ended = False
        self.calls: tuple[PlayedCall, ...] = ()
        self._since_change: tuple[PlayedCall, ...] = ()
        self.messages: list[Message] = [Message(role="system", content=scenario.system)] * bool(scenario.system)
        self._begin()

    @property
    def turn(self) -> int:
        """Return the number of the turn that is played now, from 1."""
        return len(self.turns) + 1

    def prompt(self) -> Prompt:
        """Return what the model is asked next.

        Raises:
            InputError: The dialect cannot write a call that the model made, or a tool.
        """
        return self.dialect.render(self.messages, self.scenario.offered(self.turn).tools)

    def calls_of(self, completion: Completion) -> Sequence[Call]:
        """Return the calls of an answer that must be made now."""
        return self._read(completion).calls[: self._most(MOST_CALLS) - len(self.calls)]

    def take(self, step: Step) -> None:
        """Go on by one step.

        Raises:
            RuntimeError: The conversation has ended.
        """
        if self.ended:
            raise RuntimeError("the conversation has ended")
        self.steps.append(step)
        self._turns_of_steps.append(self.turn)
        if step.ended is not None:
            self._end(None, step.ended, last=True)
        elif step.calls:
            self._take_calls(step)
        else:
            self._take_answer(step.completion)

    def _take_calls(self, step: Step) -> None:
        calls = tuple(one.call for one in step.calls)
        answer = self._read(step.completion).answer
        self.messages.append(Message(role="assistant", content=answer, tool_calls=calls))
        self.messages += [Message(role="tool", name=one.call.name, content=one.result.text) for one in step.calls]
        self.calls += step.calls
        if step.state is None:
            self._since_change += step.calls
        else:
            self.state, self._since_change = step.state, ()
        self._steps_of_turn += 1
        if step.calls[-1].result.is_fault:
            self._end(None, "fault", last=True)
        elif limit := self._limit():
            self.messages.append(Message(role="assistant", content=_NO_ANSWER))
            self._end(None, limit)

    def _limit(self) -> TurnEnd | None:
        if _repeats(self._since_change) >= max(MOST_REPEATS, 1 + _equal_calls(self._gold.calls)):
            return "repeated"
        if len(self.calls) >= self._most(MOST_CALLS):
            return "calls"
        return "steps" if self._steps_of_turn >= self._most(MOST_STEPS) else None

    def _most(self, limit: int) -> int:
        return max(limit, 1 + len(self._gold.calls))

    @property
    def _gold(self) -> Gold:
        return self.scenario.turns[len(self.turns)].gold

    def _take_answer(self, completion: Completion) -> None:
        reading = self._read(completion)
        readable = outcome_of(reading, completion, self.scenario.offered(self.turn).names) == "abstain"
        said = reading.answer if readable else completion.text
        self.messages.append(Message(role="assistant", content=said if said.strip() else _NO_ANSWER))
        self._end(reading.answer if readable else None, "answer" if readable else "unreadable")

    def _begin(self) -> None:
        self.calls, self._before, self._steps_of_turn, self._since_change = (), self.state, 0, ()
        self.messages.append(Message(role="user", content=self.scenario.turns[len(self.turns)].user))

    def _end(self, answer: str | None, ended: TurnEnd, *, last: bool = False) -> None:
        self.turns.append(PlayedTurn(self.calls, answer, self._before, self.state, ended))
        self.ended = last or len(self.turns) == len(self.scenario.turns)
        if not self.ended:
            self._begin()

    def _read(self, completion: Completion) -> ParsedCompletion:
        return typed(self.dialect.parse(completion, strict=False), self.scenario.offered(self.turn).tools)

    def as_completion(self) -> Completion:
        """Return the whole conversation as one completion: its texts and results, and the sum of tokens and of cost."""
        texts = []
        for turn, steps in groupby(zip(self._turns_of_steps, self.steps, strict=True), key=lambda pair: pair[0]):
            texts += [f"[turn {turn}]", *(_as_text(step) for _, step in steps)]
        last = self.steps[-1].completion.stop_reason if self.steps else "unknown"
        usage = total(step.completion.usage for step in self.steps) if self.steps else Usage()
        return Completion("\n".join(texts), stop_reason=last, usage=usage)


def _repeats(calls: Sequence[PlayedCall]) -> int:
    """Return how often the most frequent call was made with the same result."""
    return max(Counter((one.call.written, one.result.text) for one in calls).values(), default=0)


def _equal_calls(calls: Sequence[Call]) -> int:
    return max(Counter(one.written for one in calls).values(), default=0)


def _as_text(step: Step) -> str:
    native = (f"{call.name}({call.arguments})" for call in step.completion.tool_calls)
    results = (f"→ {one.result.text}" for one in step.calls)
    return "\n".join(filter(None, (step.completion.text, *native, *results)))
