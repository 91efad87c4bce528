"""`timing.auroc` is checked only if `--gate` names it, and a check that is not possible is no regression."""

from __future__ import annotations

import json

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import ExpectCall
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request, check
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.readers.toolmark import case_line

GATE = ("timing.auroc",)


def test_other_metrics_are_not_checked_on_request():
    with pytest.raises(InputError, match=r"--gate timing\.auroc"):
        check(Request(gates=("timing.recall",)))
    with pytest.raises(InputError, match=r"Add --gate timing\.auroc"):
        check(Request(floors=(("timing.auroc", 0.8),)))
    check(Request(gates=GATE, floors=(("timing.auroc", 0.8),)))


def test_the_cases_say_what_is_checked():
    request = Request(models=("policy/never",), limit=5)
    assert "timing.auroc" not in Evaluation(request).case_set.checked
    assert "timing.auroc" in Evaluation(Request(models=("policy/never",), limit=5, gates=GATE)).case_set.checked


def test_a_gate_that_cannot_be_judged_is_no_regression(suites):
    """The other checks still pass or fail, and only a real failure gives the code of a failed check."""
    asked = suites("--model", "policy/never", "--gate", "timing.auroc", "-k", "auroc or recall", "-q")
    assert asked.code == 4
    assert "cannot be checked: timing.auroc: the answers do not show how likely a call was" in asked.stdout
    assert "1 failed" in asked.stdout
    last = asked.stderr.strip().splitlines()[-1]
    assert last.startswith("ERROR: cannot be checked: timing.auroc")
    assert last.endswith("Or leave out --gate timing.auroc")
    low = suites("--model", "policy/never", "--gate", "timing.auroc", "-k", "timing", "--floor", "timing.recall=0.9")
    assert low.code == 1
    assert "2 failed" in low.stdout
    assert suites("--model", "policy/never", "-k", "auroc", "-q").code == 5


def test_recorded_answers_without_probabilities_cannot_pass_the_gate(suites, tmp_path):
    row = {"case": "1", "text": "No call.", "stop_reason": "stop", "dialect": "tagged"}
    turns, box = [{"role": "user", "content": "Hi"}], [{"name": "add", "description": "Add."}]
    known = {"source": {"name": "test", "ref": "1"}, "licence": "CC0-1.0"}
    case = {"messages": turns, "toolbox": box, "expect": {"action": "abstain", "reason": "no_tool_needed"}, **known}
    call = {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]}
    other = {**case, "messages": [{"role": "user", "content": "Add"}], "expect": call}
    other["source"] = {"name": "test", "ref": "2"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(case) + "\n" + json.dumps(other) + "\n")
    answers = tmp_path / "answers.jsonl"
    answers.write_text(json.dumps(row) + "\n" + json.dumps({**row, "case": "2"}) + "\n")
    asked = suites("--model", f"replay/{answers}", "--cases", str(tmp_path / "cases.jsonl"), "--gate", *GATE, "-q")
    assert asked.code == 4
    assert "--epochs 5 --temperature 0.7" in asked.stderr


def test_a_floor_without_a_case_fails_and_says_what_to_do(suites, tmp_path):
    file = tmp_path / "calls.jsonl"
    calls = [case for case in load_cases(shipped_cases())[0] if isinstance(case.expect, ExpectCall)][:3]
    file.write_text("".join(map(case_line, calls)))
    floor = suites("--model", "policy/never", "--cases", str(file), "--floor", "timing.restraint=0.5", "-k", "not gold")
    assert floor.code == 1
    assert "timing.restraint: this metric has no case, so the floor 0.5 cannot be checked. Give cases" in floor.stdout
