"""Checks expected answers and recorded tool results. The calls are run, and all primary metrics are computed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call, Case, ExpectCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.scoring.accepted_values import equal
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.gold import GoldProof
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.tools.right_arguments import right_arguments, schema_faults
from toolmark.benchmark.tools.schemas import problems, validator_of
from toolmark.suites.lint.findings import Finding, LocatedCase

__all__ = ["executes", "proves"]


def _failure_and_value(case: Case, call: Call, executor: Executor, *, gold: bool = False) -> tuple[str | None, Any]:
    """Run `call`, and return the reason of its failure and its value.

    If the call succeeds, the reason is None. If the call is not allowed to run, reason and value are None. `gold` is
    true for calls of the expected answer. In these calls, null is right even if the schema does not allow null.
    """
    if call.name not in case.toolbox.names:
        return f"{call.name} is not offered", None
    tool = case.toolbox[call.name]
    found = schema_faults(call.arguments, tool) if gold else problems(call.arguments, validator_of(tool))
    if found:
        return f"{call.name}{found[0].path}: {found[0].message}", None
    if not executor.may_run(tool):
        return None, None
    result = executor.run(tool, call.arguments)
    return (None if result.kind == "ok" else f"{call.name}: {result.error or result.kind}"), result.value


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content


def _gold_calls(case: Case) -> Iterator[Call]:
    for option in case.expect.any_of if isinstance(case.expect, ExpectCall) else ():
        for spec in option.calls:
            tool = case.toolbox.by_name.get(spec.name)
            yield Call(name=spec.name, arguments=right_arguments(spec, tool) if tool else {})


def executes(rows: Sequence[LocatedCase], executor: Executor) -> Iterator[Finding]:
    """Yield findings `execution`: a call of the case is invalid or fails, or a recorded tool result is wrong.

    Expected calls and calls in earlier turns are run.
    """
    for row in rows:
        for call in _gold_calls(row.case):
            fault, _ = _failure_and_value(row.case, call, executor, gold=True)
            if fault is not None:
                yield row.finding("execution", fault)
        for index, message in enumerate(row.case.messages):
            for offset, call in enumerate(message.tool_calls, start=1):
                fault, value = _failure_and_value(row.case, call, executor)
                answers = row.case.messages[index + offset : index + offset + 1]
                if fault is not None:
                    yield row.finding("execution", f"in message {index + 1}: {fault}")
                elif value is not None and answers and answers[0].role == "tool":
                    said = answers[0].content
                    if not equal(_parsed(said), value) and said != value:
                        real = json.dumps(value, ensure_ascii=False)
                        yield row.finding("execution", f"{call.name} gives {real:.200}, not {said:.200}")


def proves(rows: Sequence[LocatedCase], dialect: Dialect, executor: Executor) -> Iterator[Finding]:
    """Yield findings `gold`: a perfect answer does not score 1, or a wrong answer does not score 0."""
    places = {row.case.id: row for row in rows}
    cases = [row.case for row in rows]
    proof = GoldProof(cases, dialect, executor)
    for metric in PRIMARY:
        for case, reason in proof.faults(metric.id):
            yield places[case.id].finding("gold", f"{metric.id}: {reason}")
