"""Checks the gold (the right answers) of cases without a model.

For each case, answers are made from the gold. Perfect answers must score 1, and planted wrong answers must score 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from toolmark.benchmark.data.cases import Abstain, Call, CallSpec, Case, Message
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import METRICS
from toolmark.benchmark.tools.example_arguments import example_arguments
from toolmark.benchmark.tools.right_arguments import right_arguments

__all__ = ["PLANTED", "GoldFault", "GoldProof", "perfect", "planted", "written"]

GoldFault = tuple[Case, str]
"""A case with wrong gold, and the reason why the gold is wrong."""

_NEVER_OFFERED = "a_tool_that_nobody_offered"


def _gold_calls(case: Case, option: int = 0) -> list[Call]:
    if isinstance(case.expect, Abstain):
        return []
    return [Call(name=spec.name, arguments=_arguments(spec, case)) for spec in case.expect.any_of[option].calls]


def _arguments(spec: CallSpec, case: Case) -> dict[str, Any]:
    """Return the right arguments of an expected call. If they are not known, return arguments that fit the schema."""
    tool = case.toolbox.by_name.get(spec.name)
    if tool is None:
        return {name: rule.example() for name, rule in spec.arguments.items()}
    return right_arguments(spec, tool) if spec.arguments_known else example_arguments(tool.parameters)


def written(case: Case, calls: Sequence[Call], dialect: Dialect, text: str = "") -> Completion:
    """Return a completion with the calls and the text, written as the dialect prescribes.

    Args:
        case: The case that is answered.
        calls: The calls of the answer.
        dialect: The dialect. If the dialect leaves the writing of calls to a server, the completion has native calls.
        text: Text for the user.
    """
    turn = Message(role="assistant", content=text, tool_calls=tuple(calls))
    # No tools are passed, to save time. A dialect shows tools only in earlier turns, so the last turn does not depend
    # on the tools.
    rendered = dialect.render((*case.messages, turn), ()).messages[-1]
    native = (RawCall(call.name, json.dumps(dict(call.arguments))) for call in rendered.tool_calls)
    return Completion(rendered.content, tuple(native))


def perfect(case: Case, dialect: Dialect, option: int = 0) -> Completion:
    """Return a right answer to a case.

    If abstaining is right, the answer is the last tool result. If there is no tool result, the answer is a short
    refusal.

    Args:
        case: The case.
        dialect: The dialect that the answer is written in.
        option: Index of the right answer in `any_of`. Ignored if abstaining is right.
    """
    calls = _gold_calls(case, option)
    results = [message.content for message in case.messages if message.role == "tool"]
    return written(case, calls, dialect, "" if calls else (results[-1] if results else "No tool call is right here."))


def _silent(case: Case, dialect: Dialect) -> Completion:
    return written(case, (), dialect, "I would rather not.")


def _calls_anyway(case: Case, dialect: Dialect) -> Completion:
    return written(case, [Call(name=(case.toolbox.names or (_NEVER_OFFERED,))[0])], dialect)


def _wrong_tool(case: Case, dialect: Dialect) -> Completion:
    options = case.expect.any_of if case.expect.action == "call" else ()
    right = {spec.name for option in options for spec in option.calls}
    other = next((name for name in case.toolbox.names if name not in right), _NEVER_OFFERED)
    return written(case, [call.model_copy(update={"name": other}) for call in _gold_calls(case)], dialect)


def _unknown_tool(case: Case, dialect: Dialect) -> Completion:
    return written(case, [call.model_copy(update={"name": _NEVER_OFFERED}) for call in _gold_calls(case)], dialect)


def _undeclared_argument(case: Case, dialect: Dialect) -> Completion:
    planted = {"an_argument_that_no_schema_has": True}
    calls = [call.model_copy(update={"arguments": {**call.arguments, **planted}}) for call in _gold_calls(case)]
    return written(case, calls, dialect)


def _one_call_too_many(case: Case, dialect: Dialect) -> Completion:
    calls = _gold_calls(case)
    return written(case, [*calls, calls[0]], dialect)


def _cut(case: Case, dialect: Dialect) -> Completion:
    whole = written(case, calls[:1], dialect) if (calls := _gold_calls(case)) else perfect(case, dialect)
    return Completion(whole.text[: len(whole.text) // 2], stop_reason="length")


PLANTED: Mapping[str, Sequence[Callable[[Case, Dialect], Completion]]] = {
    "timing.recall": (_silent, _cut),
    "timing.restraint": (_calls_anyway,),
    "selection.tool": (_silent, _wrong_tool, _one_call_too_many),
    "validity.schema": (_silent, _unknown_tool, _cut),
    "validity.call": (_silent, _wrong_tool, _undeclared_argument, _one_call_too_many, _cut),
    "guard.stops": (_cut,),
}
"""For each primary metric, functions that make wrong answers. The wrong answers must score 0 on the metric."""


def planted(metric_id: str, case: Case, dialect: Dialect) -> list[tuple[str, Completion]]:
    """Return wrong answers that must score 0 on a metric.

    Args:
        metric_id: A primary metric that is computed on the case.
        case: The case.
        dialect: The dialect that the answers are written in.

    Returns:
        Pairs of the name of the mistake and the wrong answer.
    """
    return [(plant.__name__.strip("_"), plant(case, dialect)) for plant in PLANTED[metric_id]]


class GoldProof:
    """Checks the gold of cases in one dialect. If several metrics need the same answer, the answer is judged only once.

    Args:
        cases: The cases whose gold is checked.
        dialect: The dialect that the answers are written in.
        executor: Runs the calls that are allowed to run.
    """

    def __init__(self, cases: Sequence[Case], dialect: Dialect, executor: Executor) -> None:
        self._cases, self._dialect, self._executor = cases, dialect, executor
        self._grades: dict[tuple[str, str, str], Grade] = {}

    def faults(self, metric_id: str) -> list[GoldFault]:
        """Return the cases whose gold is wrong under one metric, with the reasons.

        The gold of a case is right if every perfect answer scores 1 and every planted wrong answer scores 0. Cases with
        a waiver are left out.
        """
        metric = METRICS[metric_id]
        faults: list[GoldFault] = []
        for case in self._cases:
            options = len(case.expect.any_of) if case.expect.action == "call" else 1
            answers = [self._grade(case, f"perfect {n}", partial(perfect, option=n)) for n in range(options)]
            if case.waiver is not None or metric.of(answers[0]) is None:
                continue
            faults += [
                (case, f"the perfect answer {number} scores {metric.of(judged)}: {judged.cause} {judged.detail}")
                for number, judged in enumerate(answers, start=1)
                if metric.of(judged) != 1
            ]
            for plant in PLANTED[metric_id]:
                name = plant.__name__.strip("_")
                if (score := metric.of(self._grade(case, name, plant))) != 0:
                    faults.append((case, f"the planted wrong answer {name!r} scores {score}"))
        return faults

    def _grade(self, case: Case, name: str, answer: Callable[[Case, Dialect], Completion]) -> Grade:
        key = case.id, case.gold_hash, name
        if key not in self._grades:
            self._grades[key] = grade(case, answer(case, self._dialect), self._dialect, self._executor)
        return self._grades[key]
