"""Renderers draw what the comparison holds, to the last digit, whatever the names are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolmark.benchmark.verdicts.comparison import Column, Comparison, Figure, Row
from toolmark.benchmark.verdicts.intervals import cluster_t, wilson
from toolmark.reports.markdown import Markdown
from toolmark.reports.terminal import Terminal

NAME = "mine|[bold]x[/bold]\n| injected |"
COLUMNS = tuple(Column(name, "run", {}, {}, 10, 0, {"no_call": 3}) for name in ("base", NAME))
COMPARISON = Comparison(
    COLUMNS,
    (
        Row("timing.recall", "calls", "primary", "share", (Figure(10, 0.7, wilson(7, 10)), Figure(0))),
        Row(
            "guard.answer_length", "length", "secondary", "characters", (Figure(1, 12.5, cluster_t([12.5], ["a"])),) * 2
        ),
        Row("selection.tool[add]", "detail", "detail", "share", (Figure(1, 1.0, wilson(1, 1)),) * 2),
    ),
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


def test_five_candidates_fit_a_narrow_terminal_uncut(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"a-model-of-some-length-{number}" for number in range(5)]
    columns = tuple(replace(COLUMNS[0], name=name) for name in names)
    figures = tuple(Figure(100, number / 7, wilson(round(100 * number / 7), 100)) for number in range(5))
    rows = tuple(Row(metric, "means something", "primary", "share", figures) for metric in ("timing.recall", "b"))
    Terminal().render(Comparison(columns, rows), None)
    text = capsys.readouterr().out
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for name, figure in zip(names, figures, strict=True):
        drawn = [line.split() for line in text.splitlines() if name in line and "100" in line]
        assert len(drawn) == 2
        assert {line[-3] for line in drawn} == {f"{figure.score * 100:.1f}"}
