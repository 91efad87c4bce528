"""Tests the page in a real browser, opened from disk without a network."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.data.record import ChosenCheckpoint, CurvePoint, TrainingRecord
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.verdicts.report_data import Provenance
from toolmark.reports.document import document
from toolmark.reports.html import Html
from toolmark.reports.site import Site

PAYLOAD = (
    "</script><script>window.ran=1</script><img src=x onerror=window.ran=1><svg onload=window.ran=1>"
    "\"'><a href='javascript:window.ran=1'>{{7*7}}\u2028\u202e\x00\x1b<!--"
)
SEEN = PAYLOAD.partition("\u2028")[0]


# Not for the session: Playwright's loop would run on while other tests want one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    # Chromium's own sandbox does not run as root; the pages are our own, and the network is off.
    with sync.sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any) -> Callable[..., Any]:
    """`with opened(path) as page`: all figures are drawn; fails if the page logs an error or uses the network."""

    @contextmanager
    def opened(path: Path, fragment: str = "", width: int = 1280, **options: Any) -> Iterator[Any]:
        complaints: list[str] = []
        asked: list[str] = []
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{path.as_uri()}{fragment}")
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        yield page
        assert complaints == []
        assert [url for url in asked if not url.startswith("file://")] == []
        if not options.get("beside"):
            assert page.evaluate("window.ran") is None
        context.close()

    return opened


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[..., Path]:
    def page_of(comparison: Any) -> Path:
        Html().render(comparison, tmp_path / "report.html")
        return tmp_path / "report.html"

    return page_of


def until(page: Any, true: str) -> None:
    """Wait for an expression; Playwright's own way would need the `eval` that the page's policy forbids."""
    deadline = time.monotonic() + 10
    while not page.evaluate(true):
        assert time.monotonic() < deadline, true
        page.wait_for_timeout(20)


def shown(page: Any) -> list[str]:
    return page.locator("#list .asked").all_inner_texts()


def test_every_figure_is_drawn_and_nothing_is_asked_for(opened, page_of, three):
    with opened(page_of(three)) as page:
        assert page.locator(".plot").count() == 9
        assert page.locator(".plot .main-svg").count() >= 9
        assert page.locator("#plot-forest .points path").count() == 12
        assert page.locator("#plot-curves .shapelayer path").count() == 1
        assert page.locator("#plot-curves .legendtext").all_text_contents() == [
            *("training loss", "validation loss", "selection")
        ]
        assert page.locator("#plot-curves .annotation-text").text_content() == "kept: selection 30.0 %"


def test_filters_search_and_measures_choose_the_cases(opened, page_of, three):
    everything = three.report.details["other"].flips["everything"]
    with opened(page_of(three)) as page:
        assert page.locator("#candidate").input_value() == "1"
        labels = page.locator("#fates label").all_inner_texts()
        assert labels == [*(f"{fate} {count}" for fate, count in everything.counts.items()), "waived 1", "all 30"]
        assert len(shown(page)) == everything.counts["broken"]
        page.get_by_text("all 30").click()
        page.locator("#search").fill("no room 3")
        until(page, "document.querySelectorAll('#list > li').length === 1")
        assert shown(page) == ["no room 3"]
        page.locator("#search").fill("")
        page.locator("#tag").select_option("difficulty: easy")
        until(page, "document.querySelectorAll('#list > li').length === 10")
        page.locator("#cause").select_option("wrong_tool")
        rows = {case.id: case for case in three.report.cases}
        wrong = [
            c
            for c in rows.values()
            if c.tags["difficulty"] == "easy" and "wrong_tool" in {a.cause for a in c.answers[:2]}
        ]
        assert len(shown(page)) == len(wrong)
        page.locator("#candidate").select_option("2")
        page.locator("#tag").select_option("")
        page.locator("#cause").select_option("")
        page.locator("#measure").select_option("timing.restraint")
        restraint = three.report.details["mine"].flips["timing.restraint"]
        page.get_by_text(f"fixed {restraint.counts['fixed']}").click()
        assert page.locator("#count").inner_text().startswith(f"{restraint.counts['fixed']} case")
        page.get_by_text("waived 1").click()
        assert shown(page) == ["disputed"]


def test_a_case_shows_both_sides_with_the_differing_argument_marked(opened, page_of, three):
    case = three.report.cases[5]
    with opened(page_of(three), f"#case-{case.id}") as page:
        first = page.locator("#list details").first
        assert first.get_attribute("open") is not None
        assert first.locator(".asked").inner_text() == case.turns[0].text
        assert first.locator(".side h4").all_inner_texts()[:3] == ["Expected", "base ✗ wrong", "other ✗ wrong"]
        assert first.locator(".argument.fault").first.inner_text().startswith('city: "Oslo"')
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        page.evaluate(f"location.hash = 'case-{three.report.cases[25].id}'")
        until(page, "document.querySelector('#list .asked').textContent === 'no room 5'")
        page.evaluate("location.hash = 'case-nothing'")
        until(page, "document.querySelector('#count').textContent.includes('not in this page')")


def test_it_is_reached_by_keyboard_and_named_for_a_screen_reader(opened, page_of, three):
    with opened(page_of(three)) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"theme", "candidate", "measure", "search", "tag", "tool", "cause", "INPUT", "SUMMARY"} <= reached
        page.locator("#list summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("#list details[open]").count() == 1
        nameless = "(e) => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())"
        assert page.evaluate(f"[...document.querySelectorAll('button, select, input')].filter({nameless}).length") == 0
        assert page.locator(".plot:not([role=img][aria-label])").count() == 0
        assert page.locator("h1").count() == 1


def test_dark_mode_and_a_narrow_screen(opened, page_of, three):
    path = page_of(three)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    with opened(path, color_scheme="light") as page:
        light = page.evaluate(background)
        page.locator("#theme").click()
        dark = page.evaluate(background)
        assert dark != light
        drawn = page.evaluate("getComputedStyle(document.querySelector('#plot-scores .ytick text')).fill")
        assert drawn == page.evaluate("getComputedStyle(document.body).color")
    with opened(path, width=380, color_scheme="dark") as page:
        assert page.evaluate(background) == dark
        assert page.evaluate("document.documentElement.scrollWidth") == 380
        for summary in page.locator("#list summary").all()[:3]:
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") == 380


RIGHT = '{"name": "book", "arguments": {"city": "Rome", "nights": 2}}'


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


@pytest.mark.parametrize(
    ("cases", "answers", "heading"),
    [
        pytest.param(
            2, {"base": ["r", "w"], "mine": ["w", "r"]}, "Is mine better", id="two cases", marks=pytest.mark.slow
        ),
        pytest.param(3, {"mine": ["r", "w", "w"]}, "1 candidate, no baseline", id="one candidate"),
        pytest.param(
            *(3, {"base": ["r", "w", "w"], "mine": ["r", "w", "w"]}, "Is mine better"),
            id="no discordant pair",
            marks=pytest.mark.slow,
        ),
        pytest.param(3, {"base": ["w", "w", "w"], "mine": ["w", "w", "w"]}, "Is mine better", id="all failed"),
        pytest.param(3, {"base": ["r", "w", "w"], "mine": []}, "Is mine better", id="one side has no case"),
    ],
)
def test_small_comparisons_are_sensible_pages(opened, page_of, make, ask, cases, answers, heading):
    texts = {name: [RIGHT if kind == "r" else "No." for kind in kinds] for name, kinds in answers.items()}
    with opened(page_of(make([ask(f"{index}") for index in range(cases)], texts))) as page:
        assert page.locator("h1").inner_text().startswith(heading)
        text = page.evaluate("document.body.innerText").casefold()
        for odd in ("undefined", "nan", "infinity", "none%"):
            assert odd not in text.split()


def test_a_metric_that_one_side_lacks_is_a_failure_and_says_so(opened, page_of, make, ask):
    abstain = {"action": "abstain", "reason": "no_tool_fits"}
    cases = [*(ask(f"{index}") for index in range(30)), ask("none", abstain)]
    made = make(cases, {"base": [RIGHT] * 30 + ["No."], "mine": [RIGHT] * 30})
    assert made.compared[0].differences["timing.restraint"].verdict == "missing"
    with opened(page_of(made), width=380) as page:
        restraint = page.locator(".sentences li.missing")
        assert restraint.inner_text().split("\n")[-1].startswith("restraint missing: only the base has a case")
        assert page.locator("#table .verdict.missing").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") == 380
        assert page.locator("#plot-forest .points path").count() == 5


def test_a_site_grows_opens_and_loads_its_other_cases(opened, tmp_path, make, ask):
    site = tmp_path / "site"
    cases = [ask(f"room {index} " + "word " * 700) for index in range(900)]
    worse = make(cases, {"base": [RIGHT] * 900, "mine": [RIGHT] * 850 + ["No."] * 50})
    Site().render(worse, site)
    provenance = replace(worse.report.provenance, made="2026-11-23T12:00:00+00:00")
    Site().render(replace(worse, report=replace(worse.report, provenance=provenance)), site)
    with opened(site / "index.html") as page:
        assert page.locator("h1").inner_text() == "2 reports over time"
        assert page.locator("text=regressed: ").count() == 2
        assert page.locator(".plot .main-svg").count() >= 5
        page.locator("#reports a").first.click()
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        assert "of 900 cases" in page.locator("#count").inner_text()
        assert page.locator("#fates label").first.inner_text() == "broken 50"
        page.locator("#rest").click()
        until(page, "!document.querySelector('#count').textContent.includes('This page holds')")
        page.get_by_text("all 900").click()
        assert page.locator("#count").inner_text() == "900 cases."
