"""Checks whether a played turn of a scenario meets the demands of the turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from toolmark.benchmark.data.cases import Abstain, Call, Toolbox
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.data.scenarios import Demands, ReachGold, Scenario
from toolmark.benchmark.data.state_paths import has_any_step, values_at, without
from toolmark.benchmark.scoring.accepted_values import accepts
from toolmark.benchmark.scoring.matching import all_made
from toolmark.benchmark.scoring.told_facts import Told
from toolmark.benchmark.scoring.world_states import unchanged
from toolmark.benchmark.tools.sandbox import Result

__all__ = ["PlayedCall", "PlayedTurn", "TurnEnd", "Unmet", "unmet_by_turn", "unmet_demands"]

Demand = Literal["answer", "calls", "reach", "gone", "say", "keep", "abstain", "gold"]

TurnEnd = Literal["answer", "unreadable", "steps", "calls", "repeated", "too_long", "unwritable", "fault"]
"""How a turn ended.

- `answer`: The model answered in words.
- `unreadable`: The model wrote an attempt to call that cannot be read, or nothing.
- `steps`, `calls`, `repeated`: The model made too many steps, too many calls, or too often the same call with the same
  result.
- `too_long`: The conversation does not fit into the context of the model. No turn follows.
- `unwritable`: The dialect or the chat template cannot write the conversation. No turn follows.
- `fault`: The world failed. No turn follows.
"""


@dataclass(frozen=True, slots=True)
class PlayedCall:
    """A call of a model, and its result."""

    call: Call
    result: Result


@dataclass(frozen=True, slots=True)
class PlayedTurn:
    """What a model did in a turn.

    Attributes:
        calls: The calls in order, with their results.
        answer: The answer to the user. None if a limit ended the turn before the model answered.
        before: The state of the world before the turn.
        after: The state of the world after the turn.
        ended: How the turn ended.
        states: The state after each call. Empty if only the state after the turn is known.
    """

    calls: tuple[PlayedCall, ...]
    answer: str | None
    before: JsonValue
    after: JsonValue
    ended: TurnEnd = "answer"
    states: tuple[JsonValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmet:
    """A demand that is not met.

    Attributes:
        demand: The kind of demand:

            - `answer`: The turn must end with an answer in words.
            - `calls`, `reach`, `gone`, `say`, `keep`: See `Demands`.
            - `abstain`: Calls that can change the state are forbidden, even if such a call fails.
            - `gold`: See `ReachGold`.
        detail: The call, path or text in question.
    """

    demand: Demand
    detail: str


def unmet_by_turn(scenario: Scenario, played: Sequence[PlayedTurn], gold: Sequence[PlayedTurn]) -> list[list[Unmet]]:
    """Return the demands that are not met, for each turn that was played.

    Args:
        scenario: The scenario.
        played: What the model did in each turn. There can be fewer turns than in the scenario.
        gold: The turns of the gold.
    """
    found: list[list[Unmet]] = []
    results: list[str] = []
    for turn, one, right in zip(scenario.turns, played, gold, strict=False):
        results += [call.result.text for call in one.calls]
        if isinstance(turn.expect, ReachGold):
            found.append(list(_short_of_gold(right, one, results, scenario.free)))
        else:
            found.append(unmet_demands(turn.expect, one, scenario.toolbox))
    return found


def _short_of_gold(
    gold: PlayedTurn, played: PlayedTurn, results: Sequence[str], free: Sequence[str]
) -> Iterator[Unmet]:
    if not gold.calls:
        return
    if not played.calls:
        yield Unmet("gold", "no call")
    # Python's `==` is the comparison of BFCL. For example, 1 and 1.0 are equal.
    if without(played.after, free) != without(gold.after, free):
        yield Unmet("gold", "the state differs from the state of the gold")
    left = list(results)
    for one in gold.calls:
        if one.result.text in left:
            left.remove(one.result.text)
        else:
            yield Unmet("gold", f"the result of {one.call.name} is missing")


def unmet_demands(expect: Demands | Abstain, played: PlayedTurn, toolbox: Toolbox) -> list[Unmet]:
    """Return the demands of a turn that are not met. The list is empty if the turn is right.

    Args:
        expect: What the turn expects.
        played: What the model did.
        toolbox: The tools of the world.
    """
    found = [] if played.answer and played.answer.strip() else [Unmet("answer", "")]
    if isinstance(expect, Abstain):
        return [*found, *_attempts(played, toolbox)]
    return [*found, *_unmet(expect, played, toolbox)]


def _attempts(played: PlayedTurn, toolbox: Toolbox) -> Iterator[Unmet]:
    for one in played.calls:
        tool = toolbox.by_name.get(one.call.name)
        if tool is None or tool.effects == "write":
            yield Unmet("abstain", one.call.name)


def _unmet(demands: Demands, played: PlayedTurn, toolbox: Toolbox) -> Iterator[Unmet]:
    succeeded = [one.call for one in played.calls if one.result.kind == "ok"]
    if demands.calls and not any(all_made(option, succeeded, toolbox) for option in demands.calls):
        yield Unmet("calls", " or ".join(", ".join(spec.name for spec in option.calls) for option in demands.calls))
    for path, rule in demands.reach.items():
        before = _accepted(rule, played.before, path) if has_any_step(path) else 0
        if _accepted(rule, played.after, path) <= before:
            yield Unmet("reach", path)
    for path in demands.gone:
        if values_at(played.after, path):
            yield Unmet("gone", path)
    told = Told(played.answer or "")
    for ways in demands.say:
        if not any(map(told.contains, ways)):
            yield Unmet("say", " or ".join(map(str, ways)))
    for path in demands.keep:
        if not unchanged(values_at(played.before, path), values_at(played.after, path)):
            yield Unmet("keep", path)


def _accepted(rule: Accept, state: JsonValue, path: str) -> int:
    return sum(accepts(rule, value) for value in values_at(state, path))
