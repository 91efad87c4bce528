"""Tests the page in a real browser, opened from disk without a network."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.reports.conftest import RIGHT
from toolmark.reports.site import Site


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
