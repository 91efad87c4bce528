"""Proves the gold of scenarios without a model: the gold succeeds, and planted wrong conversations fail.

These conversations are planted:

- `silent`: nothing is called, and every answer is "Done."
- `dropped`: the last call that changes the state is left out
- `doubled`: the last call that changes the state is made twice, if the second call changes the state again
- `altered`: one number or boolean in the last call that changes the state is wrong
- `wrong`: the wrong calls that a turn lists are made after the calls of the gold
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Abstain, Call
from toolmark.benchmark.data.scenarios import Demands, ReachGold, Scenario
from toolmark.benchmark.scoring.accepted_values import equal
from toolmark.benchmark.scoring.turn_demands import PlayedCall, PlayedTurn, unmet_by_turn, unmet_demands
from toolmark.benchmark.scoring.world_states import same_state
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import NamedWorld
from toolmark.benchmark.tools.worlds.world_session import WorldSession

__all__ = ["ScenarioProof", "ScriptedTurn", "ends_like_gold", "gold_script", "play", "succeeds"]

_DONE = "Done."


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
        calls = tuple(PlayedCall(call, session.call(call, offered)) for call in scripted.calls)
        turns.append(PlayedTurn(calls, scripted.answer, before, session.state))
    return turns


def succeeds(scenario: Scenario, played: Sequence[PlayedTurn], gold: Sequence[PlayedTurn]) -> bool:
    """Return whether a conversation succeeds: each demand is met, and the state at the end is right.

    Args:
        scenario: The scenario.
        played: The turns of the conversation. If turns are missing, the conversation does not succeed.
        gold: The turns of the gold.
    """
    complete = len(played) == len(scenario.turns)
    return complete and not any(unmet_by_turn(scenario, played, gold)) and ends_like_gold(scenario, played, gold)


def ends_like_gold(scenario: Scenario, played: Sequence[PlayedTurn], gold: Sequence[PlayedTurn]) -> bool:
    """Return whether the state at the end is right. The arguments are those of `succeeds`."""
    if isinstance(scenario.turns[-1].expect, ReachGold):
        return True  # `unmet_by_turn` has compared the state.
    return same_state(gold[0].before, gold[-1].after, played[-1].after, scenario.free)


class ScenarioProof:
    """Plays the gold of a scenario, and the planted wrong conversations.

    Args:
        scenario: The scenario.
        world: The world of the scenario.
        sandbox: A sandbox of `world_sandbox`.

    Attributes:
        gold: The turns of the gold.

    Raises:
        InputError, EnvironmentFault: As in `play`.
    """

    def __init__(self, scenario: Scenario, world: NamedWorld, sandbox: Sandbox) -> None:
        self._scenario, self._world, self._sandbox = scenario, world, sandbox
        self.gold = self._played(gold_script(scenario))

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the scenario. Nothing is yielded for a sound scenario."""
        yield from self._faults_of_gold()
        for kind, script in self.planted():
            if succeeds(self._scenario, self._played(script), self.gold):
                yield f"the planted conversation {kind!r} succeeds"

    def _faults_of_gold(self) -> Iterator[str]:
        unmet_of_gold = unmet_by_turn(self._scenario, self.gold, self.gold)
        turns = zip(self._scenario.turns, self.gold, unmet_of_gold, strict=True)
        for number, (turn, played, found) in enumerate(turns, start=1):
            for call, one in zip(turn.gold.calls, played.calls, strict=True):
                if one.result.is_fault or (one.result.kind == "error") != call.fails:
                    wanted = "an error" if call.fails else "a result"
                    told = one.result.error or one.result.value
                    yield f"turn {number}: {call.name} gives no {wanted.split()[1]}: {told!s:.200}"
            for unmet in found:
                yield f"turn {number}: the gold does not meet the demand {unmet.demand}: {unmet.detail}"
            idle = PlayedTurn((), turn.gold.answer, played.before, played.before)
            if not isinstance(turn.expect, Demands) or not (turn.expect.reach or turn.expect.gone):
                continue
            unmet_if_idle = unmet_demands(turn.expect, idle, self._scenario.toolbox)
            if not {"reach", "gone"} & {unmet.demand for unmet in unmet_if_idle}:
                yield f"turn {number}: the demands on the state are already met before the turn"

    def planted(self) -> Iterator[tuple[str, Script]]:
        """Yield the wrong conversations that can be planted, with their kinds."""
        script = gold_script(self._scenario)
        if any(
            not isinstance(turn.expect, Abstain)
            and (turn.gold.calls or (isinstance(turn.expect, Demands) and (turn.expect.calls or turn.expect.say)))
            for turn in self._scenario.turns
        ):
            yield "silent", [ScriptedTurn((), _DONE) for _ in script]
        if place := self._last_change():
            turn, index = place
            calls, answer = script[turn].calls, script[turn].answer

            def changed(*middle: Call) -> Script:
                within = ScriptedTurn((*calls[:index], *middle, *calls[index + 1 :]), answer)
                return [*script[:turn], within, *script[turn + 1 :]]

            yield "dropped", changed()
            for kind, others in (
                ("doubled", [changed(calls[index], calls[index])]),
                ("altered", [changed(call) for call in _altered(calls[index])]),
            ):
                for other in others:
                    if not equal(self._played(other)[-1].after, self.gold[-1].after):
                        yield kind, other
                        break
        for number, turn_ in enumerate(self._scenario.turns):
            if turn_.wrong:
                worse = ScriptedTurn((*script[number].calls, *turn_.wrong), script[number].answer)
                yield f"wrong in turn {number + 1}", [*script[:number], worse, *script[number + 1 :]]

    def _played(self, script: Script) -> list[PlayedTurn]:
        return play(self._scenario, script, self._world, self._sandbox)

    def _last_change(self) -> tuple[int, int] | None:
        """Return the turn and the position of the last call of the gold that changes the state."""
        for turn in reversed(range(len(self.gold))):
            played = self.gold[turn]
            if not equal(played.before, played.after):
                writes = [
                    index
                    for index, one in enumerate(played.calls)
                    if one.result.kind == "ok" and self._scenario.toolbox[one.call.name].effects == "write"
                ]
                return turn, writes[-1]
        return None


def _altered(call: Call) -> Iterator[Call]:
    """Yield copies of a call. In each copy, one number or boolean is wrong."""
    for name, value in call.arguments.items():
        if isinstance(value, bool):
            yield Call(name=call.name, arguments={**call.arguments, name: not value})
        elif isinstance(value, int | float):
            yield Call(name=call.name, arguments={**call.arguments, name: value + 1})
