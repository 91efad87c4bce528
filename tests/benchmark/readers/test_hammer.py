"""The rows of Hammer: instructions with sections, and queries that are lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.readers.samples import ARGUMENTS, QUESTION, WEATHER, case_of, lines, read
from toolmark.benchmark.data.cases import Abstain, ExpectCall
from toolmark.benchmark.readers import BadRow


def hammer(tools: str, output: str) -> dict[str, str]:
    sections = {"TASK INSTRUCTION": "Call.", "AVAILABLE TOOLS": tools, "FORMAT INSTRUCTION": "JSON.", "QUERY": QUESTION}
    text = "".join(f"[BEGIN OF {name}]\n{body}\n[END OF {name}]\n\n" for name, body in sections.items())
    return {"instruction": text, "input": "", "output": output}


CALLS = json.dumps([{"name": "get_weather", "arguments": ARGUMENTS}])


@pytest.mark.parametrize(
    "row",
    [
        hammer(json.dumps([WEATHER]), f"```\n{CALLS}\n```"),
        hammer(str([WEATHER]), f"```json\n{CALLS}\n```"),
        hammer(json.dumps([WEATHER]), json.dumps({"tool_calls": json.loads(CALLS)})),
        {"query": [{"role": "user", "content": QUESTION}], "tools": [WEATHER], "answers": CALLS},
        {"query": [QUESTION], "tools": [WEATHER], "answers": CALLS},
        {
            "query": [{"role": "system", "content": "Hi."}, {"role": "user", "content": QUESTION}],
            "tools": [WEATHER],
            "answers": CALLS,
        },
    ],
    ids=range(6),
)
def test_hammers_rows(tmp_path: Path, row: dict[str, Any]) -> None:
    case = case_of(*read("xlam", tmp_path / "x.jsonl", lines(row)))
    assert (case.messages[-1].role, case.messages[-1].content, case.toolbox.names) == (
        "user",
        QUESTION,
        ("get_weather",),
    )
    assert isinstance(case.expect, ExpectCall)
    rules = case.expect.any_of[0].calls[0].arguments
    assert {name: rule.of[0] for name, rule in rules.items()} == ARGUMENTS


def test_hammers_rows_without_a_call_and_broken_ones(tmp_path: Path) -> None:
    none_fits, *bad = read(
        "xlam",
        tmp_path / "x.jsonl",
        lines(
            hammer(json.dumps([WEATHER]), "```\n[]\n```"),
            {"instruction": "No sections.", "output": "[]"},
            hammer("tools", "[]"),
            {"query": [], "tools": [WEATHER], "answers": "[]"},
            {"query": [{"role": "assistant", "content": "?"}], "tools": [WEATHER], "answers": "[]"},
        ),
    )
    assert case_of(none_fits).expect == Abstain(action="abstain", reason="no_tool_fits")
    assert all(isinstance(row, BadRow) for row in bad)
