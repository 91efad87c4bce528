"""If each candidate is compared with the one before, a report shows in which step the scores change."""

from __future__ import annotations

from dataclasses import replace

from toolmark.reports.html.waterfall import waterfall
from toolmark.reports.markdown import Markdown
from toolmark.reports.steps import steps

RIGHT = '{"name": "book", "arguments": {"city": "Rome", "nights": 2}}'


def chained(make, ask):
    """Four candidates: the prompt loses every call, and the parser finds half of them again."""
    half = [RIGHT if index % 2 else "No." for index in range(8)]
    answers = {"float": [RIGHT] * 8, "prompt": ["No."] * 8, "parser": half, "deployed": half}
    comparison = make([ask(f"{index}") for index in range(8)], answers)
    baselines = {"float": None, "prompt": "float", "parser": "prompt", "deployed": "float"}
    found = {one.name: one for one in comparison.contestants}
    backwards = make([ask(f"{index}") for index in range(8)], {"prompt": ["No."] * 8, "parser": half})
    found["parser"] = replace(found["parser"], differences=backwards["parser"].differences)
    ordered = (replace(found[name], baseline=base) for name, base in baselines.items())
    return replace(comparison, contestants=tuple(ordered))


def test_steps_are_shown_with_their_changes(make, ask):
    comparison = chained(make, ask)
    assert steps(comparison) is not None
    text = Markdown().report(comparison)
    assert text.startswith("### Where it was lost")
    changes = [line.split("|")[2:4] for line in text.splitlines() if line.startswith("| change") or "| sum of" in line]
    assert [(name.strip(), change.strip()[:6]) for name, change in changes] == [
        ("prompt", "-100.0"),
        ("parser", "+50.0 "),
        ("deployed", "-50.0 "),
    ]
    drawing = waterfall(comparison)
    assert drawing is not None
    bars = dict(drawing.variants)["recall"]["data"][0]
    assert (bars["base"], bars["y"]) == ([0.0, 100.0, 0.0, 0.0], [100.0, -100.0, 50.0, 50.0])


def test_other_comparisons_have_no_steps(make, ask):
    comparison = make([ask("1")], {"base": ["No."], "one": [RIGHT], "two": [RIGHT], "three": [RIGHT]})
    assert steps(comparison) is None
    assert waterfall(comparison) is None
    assert "Where it was lost" not in Markdown().report(comparison)
