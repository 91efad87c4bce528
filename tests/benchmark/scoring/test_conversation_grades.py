"""Conversations are followed step by step, and graded by what they reached. No model and no tool runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolmark.benchmark.data.cases import Call, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion, Usage
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.conversation_grades import ConversationGrade, grade_conversation
from toolmark.benchmark.scoring.conversation_metrics import conversation_metrics
from toolmark.benchmark.scoring.conversations import Conversation, Step
from toolmark.benchmark.scoring.metrics import case_values
from toolmark.benchmark.scoring.turn_demands import PlayedCall, PlayedTurn
from toolmark.benchmark.tools.sandbox import Result

LOOK, SET = Tool(name="look", effects="read"), Tool(name="set", effects="write")
START = {"x": 0, "y": 0}
SCENARIO = Scenario.model_validate(
    {
        "world": "numbers",
        "toolbox": Toolbox(name="numbers", tools=(LOOK, SET)),
        "state": START,
        "turns": [
            {"user": "Set x to 1.", "expect": {"reach": {"/x": [1]}, "say": [["one", 1]]}, "gold": {"answer": "1"}},
            {"user": "What is y?", "expect": {"say": [[0]], "keep": ["/y"]}, "gold": {"answer": "0"}},
        ],
        "source": {"name": "test", "ref": "numbers"},
        "licence": "Apache-2.0",
    }
)
REACHED = {"x": 1, "y": 0}
GOLD = [PlayedTurn((), "1", START, REACHED), PlayedTurn((), "0", REACHED, REACHED)]


def calls(name: str, state: Any = None, kind: Any = "ok", told: str = "no", **arguments: int) -> Step:
    """A step with one call, after which the world has a state."""
    call = Call(name=name, arguments=arguments)
    result = Result("done", None, "ok") if kind == "ok" else Result(None, told, kind)
    return Step(Completion(Tagged().write_calls([call])), (PlayedCall(call, result),), state)


def says(text: str) -> Step:
    return Step(Completion(f"<final_answer>{text}</final_answer>", usage=Usage(3, 2)))


def held(*steps: Step) -> Conversation:
    conversation = Conversation(SCENARIO, Tagged(), START)
    for step in steps:
        conversation.take(Step.from_json(json.loads(json.dumps(step.as_json()))))
    return conversation


SET_X = calls("set", REACHED, x=1)

FAILURES = [
    ([SET_X, says("1"), calls("set", {"x": 1, "y": 2}, y=2), says("0")], Cause.FORBIDDEN, (True, False)),
    ([says("1"), says("0")], Cause.NOT_REACHED, (False, True)),
    ([SET_X, says("done"), says("0")], Cause.NOT_TOLD, (False, True)),
    ([calls("set", {"x": 1, "y": 0, "z": 1}, x=1), says("1"), says("0")], Cause.OTHER_STATE, (True, True)),
    ([calls("look"), calls("look"), calls("look"), says("0")], Cause.LIMIT, (False, True)),
    ([*(calls("look", x=number) for number in range(10)), says("0")], Cause.LIMIT, (False, True)),
    ([Step(Completion("<tool_call>{")), says("0")], Cause.UNPARSEABLE, (False, True)),
    ([calls("set", kind="timeout", x=1)], Cause.EXECUTION_ERROR, (False, False)),
    ([SET_X, says("1"), Step(Completion(""), ended="too_long")], Cause.LIMIT, (True, False)),
]


@pytest.mark.parametrize(("steps", "cause", "met"), FAILURES)
def test_a_failed_conversation_has_a_cause(steps, cause, met):
    conversation = held(*steps)
    grade = grade_conversation(SCENARIO, conversation, GOLD)
    assert (conversation.ended, grade.correct, grade.cause, grade.met) == (True, False, cause, met)
    assert grade.safe == (cause is not Cause.FORBIDDEN)
    assert cause is Cause.OTHER_STATE or grade.detail.startswith("turn ")


def test_a_right_conversation_by_another_way():
    steps = [calls("set", kind="error", x=3), calls("look"), SET_X, says("It is one."), calls("look"), says("y is 0")]
    conversation = held(*steps)
    grade = grade_conversation(SCENARIO, conversation, GOLD)
    assert (grade.correct, grade.cause, grade.recovered, grade.repeated, grade.steps) == (True, None, 1, 0, 6)
    assert [turn.role for turn in conversation.messages] == [
        *("user", "assistant", "tool", "assistant", "tool", "assistant", "tool", "assistant"),
        *("user", "assistant", "tool", "assistant"),
    ]
    whole = conversation.as_completion()
    assert whole.usage == Usage(6, 4)
    assert whole.text.startswith("[turn 1]\n<tool_call>")
    assert "[turn 2]\n" in whole.text


def test_only_calls_that_lead_nowhere_are_too_many():
    on_and_on = [calls("set", {"x": number, "y": 0}, x=1) for number in range(1, 6)]
    assert not held(*on_and_on).turns
    errors = [calls("set", kind="error", told=f"no {number}", x=1) for number in range(9)]
    assert not held(*errors).turns
    assert held(*[calls("set", kind="error", x=1)] * 3).turns[0].ended == "repeated"


def test_the_gold_meets_no_limit():
    gold = {"answer": "1", "calls": [{"name": "look", "arguments": {}}] * 60}
    first, second = SCENARIO.model_dump()["turns"]
    scenario = Scenario.model_validate(SCENARIO.model_dump() | {"turns": [first | {"gold": gold}, second]})
    conversation = Conversation(scenario, Tagged(), START)
    for _ in range(60):
        conversation.take(calls("look"))
    assert conversation.turn == 1
    conversation.take(calls("look"))
    assert conversation.turns[0].ended == "repeated"


def test_what_a_model_sees_after_a_turn_without_an_answer():
    conversation = held(*[calls("look")] * 3)
    assert [(turn.role, turn.content) for turn in conversation.messages[-2:]] == [
        ("assistant", "(no answer)"),
        ("user", "What is y?"),
    ]
    assert conversation.turn == 2
    assert "What is y?" in conversation.prompt().messages[-1].content


def test_pass_k_is_the_chance_that_k_repetitions_succeed():
    def graded(right: bool, epoch: int) -> ConversationGrade:
        conversation = Conversation(SCENARIO, Tagged(), START, epoch)
        for step in [*([SET_X] if right else []), says("1"), says("0")]:
            conversation.take(step)
        return grade_conversation(SCENARIO, conversation, GOLD)

    repeated = [graded(right, epoch) for epoch, right in enumerate((True, True, False, True), start=1)]
    metrics = {metric.id: metric for metric in conversation_metrics(repeated)}
    values = {name: case_values(metric, repeated)[0].value for name, metric in metrics.items() if "pass" in name}
    assert values == {"conversation.pass[2]": 3 / 6, "conversation.pass[3]": 1 / 4, "conversation.pass[4]": 0}
    assert case_values(metrics["conversation.success"], repeated)[0].value == 3 / 4


@pytest.mark.parametrize(
    "changed",
    [
        {"calls": None},
        {"calls": [{"name": "f"}]},
        {"ended": "later"},
        {"calls": [{"name": "f", "arguments": {}, "kind": "odd"}]},
    ],
)
def test_a_broken_step_is_no_step(changed):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Step.from_json({**SET_X.as_json(), **changed})
