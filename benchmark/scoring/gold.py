"""Every suite proves its own gold, with no model: a perfect answerer scores 1 and planted wrong answers score 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmark.cases import Abstain, Call, Case, Message
from benchmark.completions import Completion
from benchmark.dialects import Dialect
from benchmark.scoring.execution import Executor
from benchmark.scoring.grades import Grade, grade
from benchmark.scoring.matching import canonical_arguments
from benchmark.scoring.metrics import METRICS

__all__ = ["GoldFault", "perfect", "prove", "written"]

GoldFault = tuple[Case, str]
"""A case whose gold does not hold, and what was seen."""

_NEVER_OFFERED = "a_tool_that_nobody_offered"


def _gold_calls(case: Case, option: int = 0) -> list[Call]:
    if isinstance(case.expect, Abstain):
        return []
    return [Call(name=spec.name, arguments=canonical_arguments(spec)) for spec in case.expect.any_of[option].calls]


def written(case: Case, calls: Sequence[Call], dialect: Dialect, text: str = "") -> Completion:
    """What a model would write to make these calls and say this, in the dialect's own hand."""
    turn = Message(role="assistant", content=text, tool_calls=tuple(calls))
    return Completion(dialect.render((*case.messages, turn), case.toolbox.tools).messages[-1].content)


def perfect(case: Case, dialect: Dialect, option: int = 0) -> Completion:
    """The answer that `any_of[option]` accepts; for an abstention, the last tool result, or a plain refusal."""
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


_PLANTED: Mapping[str, Sequence[Callable[[Case, Dialect], Completion]]] = {
    "timing.recall": (_silent, _cut),
    "timing.restraint": (_calls_anyway,),
    "selection.tool": (_silent, _wrong_tool, _one_call_too_many),
    "validity.schema": (_silent, _unknown_tool, _cut),
    "validity.call": (_silent, _wrong_tool, _undeclared_argument, _one_call_too_many, _cut),
    "guard.stops": (_cut,),
}
"""Wrong answers that must score 0, for each primary metric."""


def prove(metric_id: str, cases: Sequence[Case], dialect: Dialect, executor: Executor) -> list[GoldFault]:
    """Unwaived cases on which the perfect answer does not score 1, or a planted wrong one does not score 0."""
    metric = METRICS[metric_id]

    def value(case: Case, completion: Completion) -> tuple[float | None, Grade]:
        judged = grade(case, completion, dialect, executor)
        return metric.of(judged), judged

    found: list[GoldFault] = []
    for case in cases:
        options = len(case.expect.any_of) if case.expect.action == "call" else 1
        answers = [value(case, perfect(case, dialect, option)) for option in range(options)]
        if answers[0][0] is None or case.waiver is not None:
            continue
        found += [
            (case, f"the perfect answer {index} scores {score}: {judged.cause} {judged.detail}")
            for index, (score, judged) in enumerate(answers, start=1)
            if score != 1
        ]
        for plant in _PLANTED[metric_id]:
            score, _ = value(case, plant(case, dialect))
            if score != 0:
                found.append((case, f"the planted wrong answer {plant.__name__.strip('_')!r} scores {score}"))
    return found
