"""Texts that fool a careless judge, and what must be said of them. The rows are in `judge.jsonl`.

Each row has the dialect, the text, the right calls (null if no call is right) and what the grade must be.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.scoring.asking import gold
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.scoring.grades import grade

ROWS = [json.loads(line) for line in Path(__file__).with_name("judge.jsonl").read_text(encoding="utf-8").splitlines()]
F = Tool(name="f", parameters={"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string"}}})


def asked(calls: list[dict[str, Any]] | None) -> Case:
    expect: dict[str, Any] = {"action": "abstain", "reason": "no_tool_needed"}
    if calls is not None:
        specs = [gold(call["name"], **{name: [value] for name, value in call["arguments"].items()}) for call in calls]
        expect = {"action": "call", "any_of": [{"calls": specs}]}
    return Case.model_validate(
        {
            "messages": [{"role": "user", "content": "?"}],
            "toolbox": Toolbox(name="test", tools=(F,)),
            "expect": expect,
            "source": {"name": "test", "ref": "1"},
            "licence": "none",
        }
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['dialect']}-{row['text'][:40]!a}")
def test_no_text_fools_the_judge(row: dict[str, Any]) -> None:
    found = grade(asked(row["gold"]), Completion(row["text"]), load("toolmark.dialects", row["dialect"])())
    right = {name: value for name, value in row["right"].items() if name != "why"}
    assert {name: getattr(found, name) for name in right} == right
