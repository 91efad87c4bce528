"""Tests the page without a browser: its figures are those of the comparison, and text is never markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.intervals import Interval
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeDifference, RecipeResult
from toolmark.reports.html import Html
from toolmark.reports.html.explorer import chosen_cases, pages
from toolmark.reports.html.figures import drawings
from toolmark.reports.html.sections import SECTIONS
from toolmark.reports.sentences import sentences
from toolmark.reports.tables import difference_cells
from toolmark.reports.text import script_json, visible

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_json_in_a_script_says_the_same_and_cannot_end_it(value):
    text = script_json({"value": value, "</script>": "<!--"})
    assert text.isascii()
    assert not set(text) & set("<>&")
    assert json.loads(text)["value"] == json.loads(script_json(value))


@given(text=st.text())
def test_what_is_not_seen_is_named(text):
    shown = visible(text)
    assert visible(shown) == shown
    assert re.sub(r"⟨U\+[0-9A-F]{4,6}⟩", "", shown) in (text, *[re.sub(r"⟨U\+[0-9A-F]{4,6}⟩", "", visible(text))])
    shown.encode()
    for character in "\u202e\u2066\u200b\x00\x1b\x85\u2028\ufeff":
        assert character not in shown


def test_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        script_json(float("nan"))


def test_a_recipe_has_a_table_of_its_own(three):
    sides = [one.name for one in three.compared]
    found = RecipeDifference(40, -0.062, Interval(-0.15, 0.026, "mover"), 0.031, 0.1, 0.2, "inconclusive")
    score = Figure(40, 0.5, Interval(0.4, 0.6, "mover"))
    recipe = RecipeResult("a<b", tuple(sides), {"timing.recall": found}, "base", {"timing.recall": score})
    page = Html().page(replace(three, recipes=(recipe,)))
    assert 'Does the recipe <bdi class="name">a&lt;b</bdi> make' in page
    table = re.search(r'<table class="plain recipe">.*?</table>', page, re.DOTALL)[0]
    cells = [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[dh][ >].*?</t[dh]>", table, re.DOTALL)]
    assert cells[9:] == ["recall", "inconclusive", "-6.2", "[-15.0, +2.6]", "", "±3.1", "50.0", "40", "0.200"]
    assert page.index("This recipe") < page.index("These adapters")
    assert "This recipe" not in Html().page(three)


def test_the_forest_is_the_differences(three):
    forest = next(found for found in drawings(three) if found.id == "forest")
    ((_, drawn),) = forest.variants
    traces = {trace["name"]: trace for trace in drawn["data"]}
    assert len(three.compared) == 2
    for contestant in three.compared:
        held = list(contestant.differences.values())
        trace = traces[contestant.name]
        assert trace["x"] == [found.effect * 100 for found in held]
        high = [x + above for x, above in zip(trace["x"], trace["error_x"]["array"], strict=True)]
        assert high == pytest.approx([found.interval.high * 100 for found in held])
        assert [symbol.endswith("-open") for symbol in trace["marker"]["symbol"]] == [
            found.verdict not in ("improved", "regressed") for found in held
        ]


def test_every_figure_says_its_numbers_in_a_table_too(three):
    found = drawings(three)
    assert [drawing.id for drawing in found] == [
        *("forest", "scores", "offered", "confusion", "causes", "strict", "seen", "curves", "spent")
    ]
    for drawing in found:
        assert drawing.rows
        assert {len(row) for row in drawing.rows} == {len(drawing.head)}


def test_the_page_says_every_difference_and_sentence(three):
    page = Html().page(three)
    for contestant in three.compared:
        for difference in contestant.differences.values():
            cells = difference_cells(difference)
            assert cells.effect in page
            assert cells.interval in page
    for sentence in sentences(three["mine"]):
        assert sentence.text in page
    assert "toolmark report a" in page


def test_cases_beyond_the_budget_are_those_that_nobody_changed(three):
    everything, _ = chosen_cases(three)
    budget = sum(map(len, everything)) - 3_000
    kept, rest = chosen_cases(three, budget)
    assert len(rest) > 1
    assert sum(map(len, kept)) <= budget
    unchanged = {"both wrong", "both right", "wrong", "right"}
    for case in rest:
        flips = (flip for details in three.report.details.values() for flip in details.flips.values())
        assert {flip.fates.get(case.id) for flip in flips} - {None} <= unchanged
    beside = [
        json.loads(text.removeprefix("toolmarkCases(").removesuffix(");\n")) for text in pages(three, rest, 1_000)
    ]
    assert len(beside) > 1
    ids = [json.loads(text)["id"] for text in kept] + [case["id"] for part in beside for case in part]
    assert sorted(ids) == sorted(case.id for case in three.report.cases)


def test_sections_are_in_the_order_of_their_list(three):
    page = Html().page(three)
    assert re.findall(r'<section id="(\w+)"', page) == list(SECTIONS)
