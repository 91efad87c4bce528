"""Tests that renderers show the figures of the comparison to the last digit, with any name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.metrics import MetricInfo
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult, Figure
from toolmark.benchmark.verdicts.intervals import Interval, cluster_t, wilson
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeDifference, RecipeResult
from toolmark.reports.markdown import Markdown
from toolmark.reports.terminal import Terminal

NAME = "mine|[bold]x[/bold]\n| injected |"
METRICS = (
    MetricInfo("timing.recall", "recall", "calls", "primary"),
    MetricInfo("guard.answer_length", "length", "length", unit="characters"),
    MetricInfo("selection.tool[add]", "add", "detail", "detail"),
)
FIGURES = {
    "guard.answer_length": Figure(1, 12.5, cluster_t([12.5], ["a"])),
    "selection.tool[add]": Figure(1, 1.0, wilson(1, 1)),
}
COMPARISON = Comparison(
    tuple(
        ContestantResult(name, "run", {}, {}, 10, 0, {Cause.NO_CALL: 3}, {"timing.recall": recall, **FIGURES})
        for name, recall in (("base", Figure(10, 0.7, wilson(7, 10))), (NAME, Figure(0)))
    ),
    METRICS,
)


def test_markdown_is_one_table_of_the_primary_metrics(tmp_path):
    Markdown().render(COMPARISON, tmp_path / "table.md")
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[2:] == ["| `timing.recall` | calls | 10 | 70.0 | [39.7, 89.2] | 0 | n/a | n/a |"]
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}


@pytest.mark.parametrize("to_file", [True, False])
def test_the_terminal_shows_every_figure_and_obeys_no_markup(tmp_path, capsys, to_file):
    out = tmp_path / "table.txt" if to_file else None
    Terminal().render(COMPARISON, out)
    text = out.read_text() if out else capsys.readouterr().out
    assert "timing.recall" in text
    assert "[39.7, 89.2]" in text
    assert "12.5" in text
    assert "not known" in text
    assert "[bold]x[/bold]" in text
    assert "selection.tool[add]" not in text
    assert "no_call 3" in text


def test_a_recipe_is_told_apart_from_its_adapters(capsys):
    found = RecipeDifference(40, -0.062, Interval(-0.15, 0.026, "mover"), 0.031, 0.1, 0.2, "inconclusive")
    recipe = RecipeResult("base+mine", ("base+mine@1", "base+mine@2"), {"timing.recall": found}, "base")
    comparison = replace(COMPARISON, recipes=(recipe,))
    Terminal().render(comparison, None)
    said = "inconclusive: -6.2 points [-15.0, +2.6], p 0.200; standard deviation between trainings 3.1 points"
    text = " ".join(capsys.readouterr().out.split())
    assert "this recipe: base+mine, 2 trainings. The tables above are about single adapters." in text
    assert f"timing.recall: {said}" in text
    written = Markdown().report(comparison)
    assert "### This recipe: `base+mine` over 2 trainings, against `base`: 1 inconclusive" in written
    assert "| `timing.recall` | ❔ inconclusive | 40 | -6.2 | [-15.0, +2.6] | 3.1 | 0.200 |" in written


def test_five_candidates_fit_a_narrow_terminal_uncut(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"a-model-of-some-length-{number}" for number in range(5)]
    figures = tuple(Figure(100, number / 7, wilson(round(100 * number / 7), 100)) for number in range(5))
    metrics = tuple(MetricInfo(metric, metric, "means something", "primary") for metric in ("timing.recall", "b"))
    contestants = tuple(
        replace(COMPARISON.contestants[0], name=name, figures={metric.id: figure for metric in metrics})
        for name, figure in zip(names, figures, strict=True)
    )
    Terminal().render(Comparison(contestants, metrics), None)
    text = capsys.readouterr().out
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for name, figure in zip(names, figures, strict=True):
        drawn = [line.split() for line in text.splitlines() if name in line and "100" in line]
        assert len(drawn) == 2
        assert {line[-3] for line in drawn} == {f"{figure.score * 100:.1f}"}
