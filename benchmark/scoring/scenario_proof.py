"""Proves scenarios without a model: the gold succeeds, and planted wrong conversations fail.

These conversations are planted:

- `silent`: nothing is called, and every answer is "Done."
- `dropped`: the last call that changes the state is left out
- `doubled`: the last call that changes the state is made twice, if the second call changes the state again
- `altered`: one number or boolean in the last call that changes the state is wrong
- `misread`: one number in an answer is wrong, if the answer must tell this number
- `wrong`: the wrong calls that a turn lists are made after the calls of the gold
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from toolmark.benchmark.data.cases import Abstain, Call
from toolmark.benchmark.data.scenarios import Demands, Scenario
from toolmark.benchmark.data.state_paths import are_records, has_any_step, leading_paths, values_at
from toolmark.benchmark.scoring.gold_conversations import Script, ScriptedTurn, gold_script, play, succeeds
from toolmark.benchmark.scoring.told_facts import Told
from toolmark.benchmark.scoring.turn_demands import PlayedTurn, unmet_by_turn, unmet_demands
from toolmark.benchmark.scoring.world_states import same_state, unchanged
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import NamedWorld

__all__ = ["ScenarioProof"]

_DONE = "Done."


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
                    wanted = "error" if call.fails else "result"
                    told = one.result.error or one.result.value
                    yield f"turn {number}: {call.name} gives no {wanted}: {told!s:.200}"
            for unmet in found:
                yield f"turn {number}: the gold does not meet the demand {unmet.demand}: {unmet.detail}"
            yield from (f"turn {number}: {fault}" for fault in self._faults_of_effects(played))
            if isinstance(turn.expect, Demands):
                yield from (f"turn {number}: {fault}" for fault in _faults_of_paths(turn.expect, played))
            idle = PlayedTurn((), turn.gold.answer, played.before, played.before)
            if not isinstance(turn.expect, Demands) or not (turn.expect.reach or turn.expect.gone):
                continue
            unmet_if_idle = unmet_demands(turn.expect, idle, self._scenario.toolbox)
            if not {"reach", "gone"} & {unmet.demand for unmet in unmet_if_idle}:
                yield f"turn {number}: the demands on the state are already met before the turn"
        states = [state for played in self.gold for state in (played.before, *played.states)]
        for path in self._scenario.free:
            if not any(values_at(state, path) for state in states):
                yield f"free: {path} leads to nothing in every state of the gold"

    def _faults_of_effects(self, played: PlayedTurn) -> Iterator[str]:
        for one, before, after in zip(played.calls, (played.before, *played.states), played.states, strict=False):
            tool = self._scenario.toolbox.by_name.get(one.call.name)
            if tool and tool.effects != "write" and not unchanged(before, after):
                yield f"{tool.name} has the effects {tool.effects}, but changes the state"

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
                if (other := next(filter(self._ends_otherwise, others), None)) is not None:
                    yield kind, other
        for number, turn_ in enumerate(self._scenario.turns):
            calls, answer = script[number].calls, script[number].answer
            for misread in _misread(answer, turn_.expect.say) if isinstance(turn_.expect, Demands) else ():
                told = ScriptedTurn(calls, misread)
                yield f"misread in turn {number + 1}", [*script[:number], told, *script[number + 1 :]]
            if turn_.wrong:
                worse = ScriptedTurn((*calls, *turn_.wrong), answer)
                yield f"wrong in turn {number + 1}", [*script[:number], worse, *script[number + 1 :]]

    def _ends_otherwise(self, script: Script) -> bool:
        return not same_state([self.gold[-1].after], self._played(script)[-1].after, self._scenario.free)

    def _played(self, script: Script) -> list[PlayedTurn]:
        return play(self._scenario, script, self._world, self._sandbox)

    def _last_change(self) -> tuple[int, int] | None:
        """Return the turn and the position of the last call of the gold that changes the state."""
        for turn, played in reversed([*enumerate(self.gold)]):
            states = (played.before, *played.states)
            for index in reversed(range(len(played.calls))):
                if not same_state([states[index]], states[index + 1]):
                    return turn, index
        return None


def _faults_of_paths(demands: Demands, played: PlayedTurn) -> Iterator[str]:
    """Yield what is wrong with the paths of a turn."""
    for path in demands.keep:
        known = path.partition("/*")[0]
        if not values_at(played.before, known):
            yield f"keep: {known} leads to nothing before the turn"
    for path in demands.gone:
        if not values_at(played.before, path):
            yield f"gone: {path} leads to nothing before the turn"
        elif _given_again(played, path):
            yield (
                f"gone: the turn also makes a record. If {path} is removed first, the new record can get the same id. "
                f"Demand the new record with reach in place of gone"
            )
    for path in dict.fromkeys((*demands.reach, *demands.gone, *demands.keep)):
        for place in leading_paths(path):
            if not has_any_step(place) and _made(played, place):
                records = place.rpartition("/")[0]
                yield (
                    f"{path}: {place} is a record that this turn makes. In another right conversation, the record can "
                    f"have another id. Write {records}/* in place of {place}"
                )


def _made(played: PlayedTurn, place: str) -> bool:
    """Return whether a call of the turn makes a record at a path."""
    for before, after in pairwise((played.before, *played.states)):
        if not values_at(before, place) and values_at(after, place):
            return any(map(are_records, values_at(after, place.rpartition("/")[0])))
    return False


def _given_again(played: PlayedTurn, path: str) -> bool:
    """Return whether the turn makes a record that can get the id at the end of `path`: the number after all others."""
    records, _, gone = path.rpartition("/")
    ids = [{str(one) for one in values_at(state, f"{records}/*/id")} for state in (played.before, *played.states)]
    numbers = [int("".join(filter(str.isdecimal, one)) or 0) for one in ids[0] - {gone}]
    again = gone in ids[0] and "".join(filter(str.isdecimal, gone)) == str(1 + max(numbers, default=0))
    return again and any(after - before for before, after in pairwise(ids))


def _misread(answer: str, say: Sequence[Sequence[str | float]]) -> Iterator[str]:
    """Yield copies of an answer. In each copy, the last digit of a number that the answer must tell is wrong."""
    for digits in dict.fromkeys(re.findall(r"[0-9]+", answer)):
        number = re.compile(rf"(?<![0-9]){digits}(?![0-9])")
        without = Told(number.sub("#", answer))
        ways = [way for ways in say if not any(map(without.contains, ways)) for way in ways]
        wrong = (f"{digits[:-1]}{(int(digits[-1]) + step) % 10}" for step in range(1, 10))
        chosen = next((other for other in wrong if not any(other in str(way) for way in ways)), None)
        if ways and chosen:
            yield number.sub(chosen, answer)


def _altered(call: Call) -> Iterator[Call]:
    """Yield copies of a call. In each copy, one number or boolean is wrong."""
    for name, value in call.arguments.items():
        if isinstance(value, bool):
            yield Call(name=call.name, arguments={**call.arguments, name: not value})
        elif isinstance(value, int | float):
            yield Call(name=call.name, arguments={**call.arguments, name: value + 1})
