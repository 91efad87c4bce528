"""The timing curve in every report: the drawing, its table, and the sentence."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.benchmark.verdicts.test_timing_curves import candidate, over_epochs
from toolmark.benchmark.runs.calibration import Calibration
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides
from toolmark.reports.document import document
from toolmark.reports.frame import Csv
from toolmark.reports.html.page import Html
from toolmark.reports.html.timing import timing
from toolmark.reports.markdown import Markdown
from toolmark.reports.terminal import Terminal

FITTED = "8 dev cases of mine (--limit 8)"
SENTENCE = "the same curve, another point: it only calls more; area equivalent: "


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    more = Side("more", candidate(2.5, 0.4, 2), baseline="base", calibration=Calibration(0.7, 8, "mine", "", 8))
    return compare_sides([Side("base", candidate(2.5, 0.6, 1)), more])


def test_the_drawing_has_a_curve_and_a_point_for_each_candidate(comparison):
    found = timing(comparison)
    assert [name for name, _ in found.variants] == ["recall against restraint", "calibration of the probabilities"]
    line, point = found.variants[0][1]["data"][2:]
    assert line["mode"] == "lines"
    assert (np.diff(line["x"]) >= 0).all()
    assert (np.diff(line["y"]) <= 0).all()
    more = comparison["more"].figures
    assert (point["x"], point["y"]) == ([more["timing.restraint"].score * 100], [more["timing.recall"].score * 100])
    base, mine = found.rows
    assert mine[0] == "more"
    assert mine[-1] == f"recall {comparison['more'].timing.at_restraint.recall.score * 100:.1f} above 0.7 ({FITTED})"
    assert base[-1] == "n/a"
    assert len(base) == len(found.head)


def test_without_probabilities_there_is_no_drawing():
    assert timing(compare_sides([Side("base", candidate(2.5, 0.6, 1, known=False))])) is None


@pytest.mark.parametrize(("renderer", "name"), [(Terminal, "a.txt"), (Markdown, "a.md"), (Html, "a.html")])
def test_the_sentence_is_in_every_report(comparison, renderer, name, tmp_path):
    renderer().render(comparison, tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert SENTENCE in text
    assert FITTED in text
    assert "timing curve" in text


@pytest.mark.parametrize(("renderer", "name"), [(Terminal, "a.txt"), (Markdown, "a.md"), (Html, "a.html")])
def test_every_report_names_the_source_of_the_scores(renderer, name, tmp_path):
    sides = [Side("served", over_epochs(2.5, 1, known=False)), Side("local", over_epochs(2.5, 2, known=True))]
    renderer().render(compare_sides(sides), tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8").count("share of epochs with a call") >= 2


def test_data_has_the_difference_and_the_curve(comparison, tmp_path):
    Csv().render(comparison, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8")))
    (row,) = (row for row in rows if row["metric"] == "timing.auroc" and row["candidate"] == "more")
    assert (row["verdict"], row["level"]) == ("equivalent", "secondary")
    found = {row["candidate"]: row["score"] for row in rows if row["metric"] == "timing.at_restraint[0.9]"}
    assert found["base"] == ""
    assert 0 < float(found["more"]) < 1
    written = json.loads(document(comparison))["comparison"]["contestants"][1]["timing"]
    assert written["sentence"].endswith("it only calls more")
    assert 100 < len(written["points"]) <= 200
