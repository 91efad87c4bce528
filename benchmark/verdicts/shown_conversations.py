"""Prepares conversations for a report, in the form of cases: the turns of the user, the gold, and each conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.scoring.conversation_grades import ConversationGrade
from toolmark.benchmark.scoring.grades import JudgedCall, legible
from toolmark.benchmark.verdicts.comparison import Side
from toolmark.benchmark.verdicts.shown_cases import (
    MOST_CALLS,
    Answer,
    CallShown,
    CaseShown,
    Completions,
    Turn,
    by_case,
    shown_call,
    shown_grade,
    shown_tags,
    shown_text,
)

__all__ = ["show_conversations"]


def show_conversations(scenarios: Sequence[Scenario], sides: Sequence[Side]) -> tuple[CaseShown, ...]:
    """Return all scenarios in which at least one contestant held a conversation, in the order of `scenarios`.

    Args:
        scenarios: The scenarios that were judged.
        sides: One side for each contestant.
    """
    held = [(by_case(cast(Sequence[ConversationGrade], side.grades)), side.completions) for side in sides]
    shown = []
    for scenario in scenarios:
        answers = tuple(_answer(grades.get(scenario.id, ()), completions) for grades, completions in held)
        if any(answers):
            shown.append(_scenario(scenario, answers))
    return tuple(shown)


def _scenario(scenario: Scenario, answers: tuple[Answer | None, ...]) -> CaseShown:
    turns = [Turn("system", shown_text(scenario.system))] * bool(scenario.system)
    return CaseShown(
        id=scenario.id,
        source=f"{legible(scenario.source.name)}: {legible(scenario.source.ref)}",
        turns=(*turns, *(Turn("user", shown_text(turn.user)) for turn in scenario.turns)),
        offered=tuple(map(legible, scenario.toolbox.names)),
        action="call",
        reason=None,
        expected=_gold(scenario),
        others=0,
        tool=None,
        tags=shown_tags(scenario.tags),
        waived=None if scenario.waiver is None else shown_text(scenario.waiver),
        answers=answers,
    )


def _gold(scenario: Scenario) -> tuple[CallShown, ...]:
    calls = [call for turn in scenario.turns for call in turn.gold.calls]
    return tuple(shown_call(JudgedCall(call.name, call.arguments)) for call in calls[:MOST_CALLS])


def _answer(grades: Sequence[ConversationGrade], completions: Completions) -> Answer | None:
    found = shown_grade(grades, completions)
    if found is None:
        return None
    shown, completion = found
    return Answer(
        right=sum(grade.correct for grade in grades) / len(grades),
        outcome="call",
        cause=shown.cause,
        detail=shown.detail,
        calls=(),
        said=shown_text(completion.text),
        text=shown_text(completion.text),
        stop_reason=completion.stop_reason,
    )
