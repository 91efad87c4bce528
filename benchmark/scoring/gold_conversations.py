"""Plays the gold of scenarios without a model, and compares conversations with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.scenarios import ReachGold, Scenario
from toolmark.benchmark.scoring.turn_demands import PlayedCall, PlayedTurn, Unmet, unmet_by_turn
from toolmark.benchmark.scoring.world_states import same_state, unchanged
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import NamedWorld
from toolmark.benchmark.tools.worlds.world_session import WorldSession

__all__ = ["Script", "ScriptedTurn", "gold_script", "play", "succeeds"]


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """What is done in a turn: the calls in order, then the answer."""

    calls: tuple[Call, ...]
    answer: str


Script = Sequence[ScriptedTurn]


def gold_script(scenario: Scenario) -> list[ScriptedTurn]:
    """Return the gold of a scenario as a script."""
    return [ScriptedTurn(turn.gold.calls, turn.gold.answer) for turn in scenario.turns]


def play(scenario: Scenario, script: Script, world: NamedWorld, sandbox: Sandbox) -> list[PlayedTurn]:
    """Run the calls of a script in the world of a scenario.

    Args:
        scenario: The scenario.
        script: One element for each turn of the scenario.
        world: The world of the scenario.
        sandbox: A sandbox of `world_sandbox`.

    Raises:
        InputError: The state of the scenario does not fit the world, or the world cannot be imported.
        EnvironmentFault: The sandbox cannot be started.
    """
    session = WorldSession(world, scenario.state, sandbox)
    turns: list[PlayedTurn] = []
    for number, scripted in enumerate(script, start=1):
        before, offered = session.state, scenario.offered(number).names
        calls: list[PlayedCall] = []
        states: list[JsonValue] = []
        for call in scripted.calls:
            calls.append(PlayedCall(call, session.call(call, offered)))
            last = states[-1] if states else before
            states.append(last if unchanged(last, session.state) else session.state)  # Equal states share memory.
        turns.append(PlayedTurn(tuple(calls), scripted.answer, before, session.state, states=tuple(states)))
    return turns


def succeeds(
    scenario: Scenario,
    played: Sequence[PlayedTurn],
    gold: Sequence[PlayedTurn],
    unmet: Sequence[Sequence[Unmet]] | None = None,
) -> bool:
    """Return whether a conversation succeeds: each demand is met, and the state at the end is right.

    Args:
        scenario: The scenario.
        played: The turns of the conversation. If turns are missing, the conversation does not succeed.
        gold: The turns of the gold.
        unmet: The result of `unmet_by_turn` for this conversation, if it is known.
    """
    if len(played) < len(scenario.turns) or any(unmet_by_turn(scenario, played, gold) if unmet is None else unmet):
        return False
    if isinstance(scenario.turns[-1].expect, ReachGold):
        return True  # `unmet_by_turn` has compared the state.
    return same_state(_states(gold), played[-1].after, scenario.free)


def _states(turns: Sequence[PlayedTurn]) -> list[JsonValue]:
    return [turns[0].before, *(state for turn in turns for state in (*turn.states, turn.after))]
