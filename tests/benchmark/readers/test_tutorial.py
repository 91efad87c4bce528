"""The tutorial's CSV files: tools counted in the prompt, calls between tags, and traces that are no cases."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Abstain, Call, Case, ExpectCall
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.readers.tutorial import TutorialReader

DATA = Path(__file__).parents[4] / "shared" / "data" / "tutorial"
SHOWN = [
    {"tool_name": "add", "description": "Add.", "input_args": {"items": "array - What.", "round": "boolean - If."}}
]
CALL = '<tool_call>\n{"tool_name": "add", "args": {"items": [1, 2]}}\n</tool_call>'


def trace(*turns: str, tools: Any = SHOWN) -> str:
    prompt = f"<instructions>Call with <tool_call>…</tool_call>.</instructions>\n<tools>\n{json.dumps(tools)}\n</tools>"
    roles = ("user", "assistant", "user", "assistant")
    written = [{"role": "user", "content": prompt}]
    written += [{"role": role, "content": text} for role, text in zip(roles, turns, strict=False)]
    return repr(written)


def written(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def row(text: str, **fields: str) -> dict[str, str]:
    return {"query": "?", "query_type": "easy", "trace": text, "num_tools_available": "0", "tool_name": "x", **fields}


def test_a_trace_is_read_as_it_stands(tmp_path: Path) -> None:
    answered = trace(
        "Add 1\nand 2.", f"I add.\n{CALL}", "<tool_result>\n3\n</tool_result>", "<final_answer>3</final_answer>"
    )
    file = written(tmp_path / "traces.csv", row(answered), row(json.dumps(json.loads("[]"))), row("[cut"))
    whole, short, broken = TutorialReader().read(file)
    assert isinstance(whole, Trace)
    assert [turn.role for turn in whole.messages] == ["user", "assistant", "tool", "assistant"]
    assert [turn.content for turn in whole.messages] == ["Add 1\nand 2.", "I add.", "3", "3"]
    assert (whole.query, whole.query_type, whole.tool_name, len(whole.tools)) == ("Add 1\nand 2.", "easy", "add", 1)
    assert whole.tools[0].parameters["properties"]["items"] == {"type": "array", "description": "What."}
    assert isinstance(whole.case, Case)
    assert isinstance(whole.case.expect, ExpectCall)
    for bad in (short, broken):
        assert isinstance(bad, BadRow)
        assert bad.line > 2


def test_what_cannot_be_a_case_stays_a_trace(tmp_path: Path) -> None:
    elsewhere = trace("Add.", CALL, "<tool_result>3</tool_result>", "3", tools=[])
    unreadable = trace("Add.", "<tool_call>{'tool_name': 'add'}</tool_call>")
    file = written(tmp_path / "traces.csv", row(elsewhere), row(unreadable, query_type="no_tool"))
    not_offered, written_as_text = TutorialReader().read(file)
    assert isinstance(not_offered, Trace)
    assert not_offered.case is None
    assert isinstance(written_as_text, Trace)
    assert written_as_text.messages[1].tool_calls == (Call(name="add"),)
    with pytest.raises(InputError, match=r"traces\.csv:2: .* no case can be made from it"):
        load_cases(f"tutorial:{file}")
    assert len(load_cases(f"tutorial:{file}", skip_bad=True)[0]) == 1


def test_queries_and_results(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text("tools: [{name: add}, {name: sub}]")
    queries = written(
        tmp_path / "queries.csv",
        {"query": "Add.", "query_type": "hard", "tool_needed": "True", "tool_name": "add"},
        {"query": "Hi.", "query_type": "no_tool", "tool_needed": "False", "tool_name": ""},
    )
    needed, needless = TutorialReader().read(queries)
    assert isinstance(needed, Case)
    assert isinstance(needless, Case)
    assert (needed.toolbox.names, needed.tags, needed.seen_unknown) == (("add", "sub"), {"difficulty": "hard"}, False)
    assert needless.expect == Abstain(action="abstain", reason="no_tool_needed")
    results = written(
        tmp_path / "eval_results.csv",
        *({"model_name": model, "query": "Add.", "query_type": "easy", "expected_tool_name": "add"} for model in "ab"),
    )
    first, second = TutorialReader().read(results)
    assert isinstance(first, Case)
    assert isinstance(second, Case)
    assert first.seen_unknown
    assert first.id != second.id  # nobody knows what either model was shown
    with pytest.raises(InputError, match="has the columns a, but the reader tutorial needs"):
        list(TutorialReader().read(written(tmp_path / "other.csv", {"a": "1"})))


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the tutorial's files are not at hand")
def test_the_published_files_are_read_whole() -> None:
    traces = list(TutorialReader().read(DATA / "traces.csv.gz"))
    assert len(traces) == 600
    assert all(isinstance(trace, Trace) for trace in traces)
    assert len(list(TutorialReader().read(DATA / "queries.csv"))) == 600
    assert len({case.id for case in TutorialReader().read(DATA / "eval_results.csv") if isinstance(case, Case)}) == 120
