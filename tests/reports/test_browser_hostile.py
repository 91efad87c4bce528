"""Tests the page in a real browser with texts from models and files that could run or break the page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.reports.conftest import RIGHT
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.data.record import ChosenCheckpoint, CurvePoint, TrainingRecord
from toolmark.benchmark.evaluation.evaluate import Evaluation, compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.verdicts.report_data import Provenance
from toolmark.reports.document import document

PAYLOAD = (
    "</script><script>window.ran=1</script><img src=x onerror=window.ran=1><svg onload=window.ran=1>"
    "\"'><a href='javascript:window.ran=1'>{{7*7}}\u2028\u202e\x00\x1b<!--"
)
SEEN = PAYLOAD.partition("\u2028")[0]


def hostile(field: str, text: str, make: Any, ask: Any) -> Any:
    """A comparison with `text` in one field."""
    from toolmark.benchmark.data.cases import Tool, Toolbox

    answers: dict[str, Any] = {"base": [RIGHT, "No."], "mine": ["No.", RIGHT]}
    cases = [ask("a"), ask("b")]
    said: Any = None
    match field:
        case "question":
            return make([ask(text), ask("b")], answers)
        case "tags" | "source" | "waiver":
            more = {
                "tags": {"tags": {text: text, "list": [text]}},
                "source": {"source": {"name": text, "ref": text}},
                "waiver": {"waiver": text},
            }[field]
            return make([ask("a"), ask("b", **more)], answers)
        case "tool":
            box = Toolbox(name=text, tools=(Tool(name=text, description=text),))
            expect = {"action": "call", "any_of": [{"calls": [{"name": text, "arguments": {text: [text]}}]}]}
            cases = [ask(name, expect, tools=box) for name in ("a", "b")]
            said = json.dumps({"name": text, "arguments": {text: text}})
            return make(cases, {"base": [said, said], "mine": ["No.", RIGHT]})
        case "completion":
            said = text
        case "arguments":
            said = json.dumps({"name": "book", "arguments": {text: text, "city": {text: [text]}}})
        case "called":
            said = json.dumps({"name": text, "arguments": {}})
        case "native":
            said = Completion(text, (RawCall(text, text),))
        case "name":
            return make(cases, {"base": [RIGHT, "No."], text: ["No.", RIGHT]})
        case "baseline":
            return make(cases, {text: [RIGHT, "No."], "mine": ["No.", RIGHT]})
        case "provenance":
            made = make(cases, answers)
            provenance = Provenance(text, text, text, text, text, text, text)
            return replace(made, report=replace(made.report, provenance=provenance))
    if said is not None:
        return make(cases, {"base": [said, RIGHT], "mine": [RIGHT, said]})
    points = tuple(CurvePoint(step, step, {text: step}, {text: step}) for step in (1.0, 2.0))
    contestant = {
        "run": {"run": text},
        "identity": {"identity": {text: text, "dialect": text}},
        "environment": {"environment": {"python": text, text: text}},
        "training": {
            "training": TrainingRecord(text, text, 1.0, 2, None, text, points, ChosenCheckpoint(1.0, text, 0.5))
        },
        "unproven": {"unproven": text},
    }[field]
    return make(cases, answers, contestant=contestant)


FIELDS = (
    *("question", "tags", "source", "waiver", "tool", "completion", "arguments", "called", "native", "name"),
    *("baseline", "run", "identity", "environment", "training", "unproven", "provenance"),
)
IN_TURN = [
    field if field in ("completion", "name") else pytest.param(field, marks=pytest.mark.slow) for field in FIELDS
]
OPEN = "for (const one of document.querySelectorAll('details')) one.open = true"
"""Opened elements may contain further closed ones, so this runs twice."""


def transfer(to: str, note: str, **more: Any) -> dict[str, Any]:
    """A gold call in the world `bank`."""
    arguments = {"from_account": "loft", "to": to, "amount": 40, "note": note}
    return {"name": "transfer", "arguments": arguments, **more}


def test_a_conversation_shows_results_changes_and_where_the_sides_part(opened, page_of, tmp_path):
    turns = [
        {
            "user": f"Send 40 euros to Ann. {PAYLOAD}",
            "expect": {"reach": {"/accounts/loft/balance": [60]}},
            "gold": {"calls": [transfer(PAYLOAD, "", fails=True), transfer("Ann", PAYLOAD)], "answer": PAYLOAD},
        },
        {
            "user": "Thanks!",
            "expect": {"action": "abstain", "reason": "no_tool_needed"},
            "gold": {"calls": [], "answer": "You are welcome."},
        },
    ]
    state = {"accounts": {"loft": {"balance": 100}}, "payees": {"Ann": {"iban": PAYLOAD}}}
    source = {"name": "made", "ref": "1"}
    scenario = {"world": "bank", "state": state, "turns": turns, "source": source, "licence": "CC0-1.0"}
    (tmp_path / "one.test.jsonl").write_text(json.dumps(scenario) + "\n")
    cases, runs = str(tmp_path / "one.test.jsonl"), tmp_path / "runs"
    request = Request(("policy/oracle",), baseline="policy/never", cases=cases, runs=runs)
    comparison = Evaluation(request).run(logs=False, report=True)
    with opened(page_of(comparison), f"#case-{comparison.report.cases[0].id}") as page:
        first, second = page.locator("#list .exchange").all()
        gold, never, oracle = first.locator(".side").all()
        assert gold.locator("h4").inner_text() == "One right way"
        assert never.locator("h4").inner_text() == "policy/never ✗ not met"
        assert "not met: reach: /accounts/loft/balance" in never.inner_text()
        assert oracle.locator("h4").inner_text() == "policy/oracle ✓ demands met"
        assert oracle.locator(".result").count() == 2
        assert SEEN.partition('"')[0] in oracle.locator(".result.fault").inner_text()
        assert oracle.locator(".changes li").first.inner_text().split() == ["/accounts/loft/balance", "100.0", "60.0"]
        assert SEEN in first.locator(".turn p").inner_text()
        assert page.locator(".parting").count() == 2
        assert oracle.locator("p, div").nth(0).get_attribute("class") == "parting"
        assert second.locator(".side.right").count() == 2


def test_a_long_conversation_says_what_is_left_out_and_whole_calls_are_compared(opened, page_of, tmp_path):
    calls = [{"name": "create_file", "arguments": {"path": f"{number}", "text": "x" * 700}} for number in range(60)]
    expect = {"reach": {"/root/0": ["x" * 700]}}
    turns = [{"user": "Make 60 files.", "expect": expect, "gold": {"calls": calls, "answer": "Done."}}]
    scenario = {"world": "files", "state": {"root": {}}, "turns": turns, "source": {"name": "made", "ref": "1"}}
    (tmp_path / "one.test.jsonl").write_text(json.dumps(scenario | {"licence": "CC0-1.0"}) + "\n")
    request = Request(("policy/oracle",), cases=str(tmp_path / "one.test.jsonl"), runs=tmp_path / "runs")
    Evaluation(request).run(logs=False)
    (ledger,) = tmp_path.glob("runs/*/ledger.jsonl")
    other = tmp_path / "other.jsonl"
    *before, last, answer = ledger.read_text().splitlines(keepends=True)
    other.write_text("".join([*before, last.replace("x" * 700, "x" * 699 + "y"), answer]))
    comparison = compare_recorded(
        replace(request, models=(f"replay/{other}",), baseline=f"replay/{ledger}"), report=True
    )
    path = page_of(comparison)
    assert path.read_text().count("[turn 1]") == 2  # each transcript stands once
    with opened(path, f"#case-{comparison.report.cases[0].id}") as page:
        gold, one, another = page.locator("#list .exchange .side").all()
        assert gold.locator(".call").count() == 50
        assert gold.locator(".because").all_inner_texts() == ["… 10 more calls", "… 20 more changes"]
        for side in (one, another):  # they part in the last of 60 calls
            assert side.locator(".call + .parting + .because").inner_text() == "… 10 more calls"
        assert one.locator(".call").count() == 50


@pytest.mark.parametrize("field", IN_TURN)
def test_hostile_text_is_shown_and_does_nothing(opened, page_of, make, ask, field):
    path = page_of(hostile(field, PAYLOAD, make, ask))
    assert "<img src=x" not in path.read_text()
    with opened(path) as page:
        page.locator("#fates label").last.click()
        for _ in range(2):
            page.evaluate(OPEN)
            page.wait_for_timeout(50)
        text = page.evaluate("document.body.innerText")
        assert SEEN[:60] in text
        assert "\u202e" not in text
        assert "49" not in page.title()
        assert page.locator("img, a[href^=javascript]").count() == 0


@pytest.mark.parametrize("field", IN_TURN)
def test_a_megabyte_in_any_field_is_cut_and_breaks_nothing(opened, page_of, make, ask, field):
    path = page_of(hostile(field, "</script>ö\u202e" * 90_000, make, ask))
    assert path.stat().st_size < 5_500_000
    with opened(path, width=380) as page:
        page.locator("#fates label").last.click()
        for _ in range(2):
            page.evaluate(OPEN)
            page.wait_for_timeout(50)
        assert page.locator("#list > li").count() == 2
        assert page.evaluate("document.documentElement.scrollWidth") == 380


def test_numbers_that_are_none_break_nothing(opened, page_of, make, ask):
    nan = float("nan")
    points = (CurvePoint(1.0, None, {"loss": 1e300}, {"x.y": -1e300}), CurvePoint(1e300, 1e300, {"loss": -1.0}))
    contestant = {
        "training": TrainingRecord(curve=points, chosen=ChosenCheckpoint(1e300)),
        "identity": {"decoding": {"temperature": nan}},
        "environment": {"load": float("inf")},
    }
    said = '{"name": "book", "arguments": {"city": NaN, "nights": -Infinity}}'
    made = make(
        [ask("a", tags={"x": nan}), ask("b")], {"base": [said, RIGHT], "mine": [RIGHT, said]}, contestant=contestant
    )
    json.loads(document(made), parse_constant=pytest.fail)
    with opened(page_of(made)) as page:
        page.locator("#fates label").last.click()
        page.evaluate(OPEN)
        assert page.locator("#list > li").count() == 2
