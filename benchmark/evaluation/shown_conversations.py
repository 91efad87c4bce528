"""Prepares conversations for a report, in the form of cases: the turns of the user, the gold, and each conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.completions import Completions
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.evaluation.shown_cases import (
    MOST_EXPECTED,
    by_case,
    shown_call,
    shown_grade,
    shown_json,
    shown_tags,
    shown_text,
)
from toolmark.benchmark.scoring.conversation_grades import ConversationGrade
from toolmark.benchmark.scoring.conversations import MOST_CALLS
from toolmark.benchmark.scoring.grades import JudgedCall, legible
from toolmark.benchmark.scoring.turn_demands import PlayedCall, PlayedTurn, Unmet, unmet_by_turn
from toolmark.benchmark.scoring.world_states import Change, changes
from toolmark.benchmark.verdicts.comparison import Side
from toolmark.benchmark.verdicts.report_data import Answer, CallShown, CaseShown, ChangeShown, PlayedShown, Turn

__all__ = ["PlayedTurns", "show_conversations"]

PlayedTurns = Mapping[tuple[str, int], Sequence[PlayedTurn]]
"""The turns of conversations, by the id of the scenario and the number of the repetition."""

_MOST_CHANGES = 40


@dataclass(frozen=True, slots=True)
class _Held:
    """The conversations of one contestant: grades by scenario, completions, and turns."""

    grades: Mapping[str, Sequence[ConversationGrade]]
    completions: Completions
    turns: PlayedTurns


def show_conversations(
    scenarios: Sequence[Scenario],
    sides: Sequence[Side],
    played: Sequence[PlayedTurns],
    gold: Mapping[str, Sequence[PlayedTurn]],
) -> tuple[CaseShown, ...]:
    """Return all scenarios in which at least one contestant held a conversation, in the order of `scenarios`.

    Args:
        scenarios: The scenarios that were judged.
        sides: One side for each contestant.
        played: For each contestant, the turns of its conversations.
        gold: The turns of the gold, by the id of the scenario.
    """
    held = [
        _Held(by_case(cast(Sequence[ConversationGrade], side.grades)), side.completions, turns)
        for side, turns in zip(sides, played, strict=True)
    ]
    shown = []
    for scenario in scenarios:
        answers = tuple(_answer(scenario, one, gold[scenario.id]) for one in held)
        if any(answers):
            shown.append(_scenario(scenario, answers, gold[scenario.id]))
    return tuple(shown)


def _scenario(scenario: Scenario, answers: tuple[Answer | None, ...], gold: Sequence[PlayedTurn]) -> CaseShown:
    turns = [Turn("system", shown_text(scenario.system))] * bool(scenario.system)
    expected = [call for turn in scenario.turns for call in turn.gold.calls]
    return CaseShown(
        id=scenario.id,
        source=f"{legible(scenario.source.name)}: {legible(scenario.source.ref)}",
        turns=(*turns, *(Turn("user", shown_text(turn.user)) for turn in scenario.turns)),
        offered=tuple(map(legible, scenario.toolbox.names)),
        action="call",
        reason=None,
        expected=tuple(shown_call(JudgedCall(call.name, call.arguments)) for call in expected[:MOST_EXPECTED]),
        others=0,
        tool=None,
        tags=shown_tags(scenario.tags),
        waived=None if scenario.waiver is None else shown_text(scenario.waiver),
        answers=answers,
        gold=tuple(map(_played, gold)),
        more_expected=max(0, len(expected) - MOST_EXPECTED),
    )


def _answer(scenario: Scenario, held: _Held, gold: Sequence[PlayedTurn]) -> Answer | None:
    grades = held.grades.get(scenario.id, ())
    found = shown_grade(grades, held.completions)
    if found is None:
        return None
    shown, completion = found
    turns = held.turns.get((shown.case_id, shown.epoch), ())
    unmet = unmet_by_turn(scenario, turns, gold)
    return Answer(
        right=sum(grade.correct for grade in grades) / len(grades),
        outcome="call",
        cause=shown.cause,
        detail=shown.detail,
        calls=(),
        said="",
        text=shown_text(completion.text),
        stop_reason=completion.stop_reason,
        played=tuple(_played(turn, lacks) for turn, lacks in zip(turns, unmet, strict=False)),
    )


def _played(turn: PlayedTurn, unmet: Sequence[Unmet] = ()) -> PlayedShown:
    found = list(changes(turn.before, turn.after))
    rest = [_digest(one) for one in turn.calls[MOST_CALLS:]]
    return PlayedShown(
        calls=tuple(map(_call, turn.calls[:MOST_CALLS])),
        said=f"({turn.ended.replace('_', ' ')})" if turn.answer is None else shown_text(turn.answer),
        unmet=tuple(legible(": ".join(filter(None, (one.demand, one.detail)))) for one in unmet),
        changes=tuple(map(_change, found[:_MOST_CHANGES])),
        more_calls=len(rest),
        rest=digest(rest, 8) if rest else "",
        more_changes=max(0, len(found) - _MOST_CHANGES),
    )


def _call(played: PlayedCall) -> CallShown:
    return replace(
        shown_call(JudgedCall(played.call.name, played.call.arguments)),
        result=shown_text(played.result.text),
        failed=played.result.kind != "ok",
        digest=_digest(played),
    )


def _digest(played: PlayedCall) -> str:
    return digest(played.call.written, 8)


def _change(change: Change) -> ChangeShown:
    return ChangeShown(
        legible(change.path),
        None if change.kind == "added" else shown_json(change.before),
        None if change.kind == "removed" else shown_json(change.after),
    )
