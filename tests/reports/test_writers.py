"""Tests Markdown, CSV, JSON, model cards and the stored figures of a site."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema_rs
import pytest
from huggingface_hub import ModelCard, eval_result_entries_to_yaml, parse_eval_result_entries

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.registry import names, renderer_for
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.verdicts.comparison import Figure
from toolmark.benchmark.verdicts.intervals import Interval
from toolmark.reports.cards import card, eval_entries, eval_results, subject
from toolmark.reports.document import document, schema
from toolmark.reports.fairness import fairness
from toolmark.reports.frame import Csv
from toolmark.reports.history import entry_of, read_history
from toolmark.reports.html import Html
from toolmark.reports.markdown import Markdown
from toolmark.reports.sentences import headline, sentences
from toolmark.reports.site import Site
from toolmark.reports.terminal import Terminal

ROOT = Path(__file__).parents[2]
RIGHT = '{"name": "book", "arguments": {"city": "Rome", "nights": 2}}'


def two(make, ask, name="mine", cases=8):
    return make([ask(f"{index}") for index in range(cases)], {"base": ["No."] * cases, name: [RIGHT] * cases})


def test_sentences_by_hand(make, ask):
    found = {sentence.metric: (sentence.verdict, sentence.text) for sentence in sentences(two(make, ask)["mine"])}
    assert found["selection.tool"] == ("improved", "improved by 100.0 points [+35.1, +100.0]")
    assert found["guard.stops"][0] == "inconclusive"
    assert found["guard.stops"][1].startswith("inconclusive: +0.0 points [-32.4, +32.4]; ")
    assert found["timing.restraint"] == ("inconclusive", "inconclusive: this metric has no case")
    assert headline(two(make, ask)["mine"]) == "4 improved, 2 inconclusive"


def test_half_of_a_surrogate_pair_is_written_as_an_escape(make, ask):
    found = make(
        [ask("1")], {"base": ["No."], "mine": [RIGHT]}, contestant={"identity": {"model": "\ud800", "\udfff": ""}}
    )
    assert '"model": "\\ud800"' in document(found)
    assert '"\\udfff": ""' in document(found)


PROVEN = TrainingRecord(base_weights="w")
OURS = {"model": "x", "dialect": "json/1", "template": "t", "dtype": "float32", "decoding": {"temperature": 0.0}}


@pytest.mark.parametrize(
    ("contestant", "what", "state"),
    [
        ({"identity": {**OURS, "dialect": "json/2"}}, "prompts", "bad"),
        ({"identity": {**OURS, "template": "other"}}, "template", "bad"),
        ({"identity": {**OURS, "decoding": {"temperature": 0.7}}}, "decoding", "bad"),
        ({"identity": {**OURS, "dtype": "bfloat16"}}, "dtype", "bad"),
        ({"identity": {**OURS, "system": "Be brief."}}, "system", "bad"),
        ({"environment": {"python": "3.12"}}, "engine", "warning"),
        ({"unproven": "base identity not proven: no record"}, "base identity", "warning"),
        ({"identity": {**OURS, "adapter": "a", "weights": "w"}, "training": PROVEN}, "base identity", "ok"),
        ({"environment": {"python": "3.11", "probe": {"cases": 16, "differ": 0}}}, "probe of the engine", "ok"),
        ({"environment": {"python": "3.11", "probe": {"cases": 16, "differ": 2}}}, "probe of the engine", "warning"),
        ({"environment": {}}, "engine", "unknown"),
        ({"identity": {**OURS, "recording": "of its own"}}, "template", "ok"),
    ],
)
def test_each_thing_that_sides_should_share_is_told_where_they_do_not(make, ask, contestant, what, state):
    cases = [ask(f"{index}") for index in range(8)]
    found = make(cases, {"base": ["No."] * 8, "mine": [RIGHT] * 8}, contestant=contestant)
    strip = {same.what: same for same in fairness(found, found["mine"])}
    assert strip.pop(what).state == state
    assert {same.state for same in strip.values()} == {"ok"}
    shown = Html().page(found)
    assert f'<li class="chip {state}"><b>{what}</b>' in shown
    assert ("What can make the comparison of `mine` unfair" in Markdown().report(found)) is (
        state in ("bad", "warning")
    )


def test_sides_that_answered_other_cases_are_yellow_and_then_red(make, ask):
    cases = [ask(f"{index}") for index in range(40)]
    for count, state in ((40, "ok"), (39, "warning"), (30, "bad")):
        found = make(cases, {"base": ["No."] * 40, "mine": [RIGHT] * count})
        assert fairness(found, found["mine"])[0].state == state


def test_nothing_is_known_of_what_was_not_recorded(make, ask):
    fair = two(make, ask)
    assert {same.state for same in fairness(fair, fair["mine"])} == {"ok"}

    def states(**changed):
        found = replace(fair, contestants=tuple(replace(one, **changed) for one in fair.contestants))
        return {same.what: same.state for same in fairness(found, found["mine"])}

    assert set(states(identity={}, environment={}).values()) == {"ok", "unknown"}
    assert states(identity={"decoding": "not known"})["decoding"] == "unknown"


@pytest.mark.parametrize("baseline", [True, False])
def test_a_base_that_is_not_proven_is_told_everywhere(make, ask, capsys, baseline):
    said = "base identity not proven: there is no toolmark.json in the folder of the adapter"
    cases = [ask(f"{index}") for index in range(8)]
    answers = {"base": ["No."] * 8, "mine": [RIGHT] * 8}
    found = make(cases, answers, baseline=baseline, contestant={"unproven": said})
    Terminal().render(found, None)
    assert f"mine: {said}" in " ".join(capsys.readouterr().out.split())
    why = said.removeprefix("base identity ")
    assert f"⚠️ base identity: `{why}`" in Markdown().report(found)
    assert f'<li class="chip warning"><b>base identity</b> {why}</li>' in Html().page(found)
    assert json.loads(document(found))["comparison"]["contestants"][1]["unproven"] == said


def test_markdown_fits_a_comment_and_says_what_it_left_out(three, make, ask):
    whole = Markdown().report(three)
    assert whole.startswith("### `other` against `base`: ")
    assert "Broken by `mine`: " in whole
    assert whole.endswith("`toolmark report a`")
    short = Markdown().report(three, 3_000)
    assert len(short) <= 3_000
    assert "does not fit here" in short
    assert short.endswith("`toolmark report a`")
    cases = [ask(f"{index} <img src=x> `@team` [a](http://x.invalid) | b" + "long " * 900) for index in range(300)]
    many = {"base": [RIGHT] * 300, **{f"mine{n}": ["<script>`@all`"] * 300 for n in range(9)}}
    text = Markdown().report(make(cases, many))
    assert len(text) < 65_536
    for line in text.splitlines():
        outside = "".join(line.split("`")[::2])
        assert not any(bad in outside for bad in ("<img", "<script", "@team", "http://")), line


def test_markdown_replaces_and_a_summary_is_appended_to(tmp_path, three):
    out = tmp_path / "report.md"
    out.write_text("old")
    Markdown().render(three, out)
    assert out.read_text() == Markdown().report(three) + "\n"


def test_csv_holds_every_figure(tmp_path, three):
    Csv().render(three, tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(newline="") as stream:
        rows = {(row["metric"], row["candidate"]): row for row in csv.DictReader(stream)}
    assert len(rows) == len(three.metrics) * 3
    for contestant in three.contestants:
        for metric, figure in contestant.figures.items():
            line = rows[metric, contestant.name]
            assert line["score"] == ("" if figure.score is None else str(figure.score))
            found = contestant.differences.get(metric)
            assert line["verdict"] == (found.verdict if found else "")
            if found is not None and found.effect is not None:
                assert float(line["difference"]) == found.effect
                assert (line["wins"], line["losses"], line["ties"]) == tuple(
                    map(str, (found.wins, found.losses, found.ties))
                )


def test_csv_starts_no_formula(tmp_path, make, ask):
    Csv().render(two(make, ask, name="=1+1"), tmp_path / "f.csv")
    with (tmp_path / "f.csv").open(newline="") as stream:
        assert {row["candidate"] for row in csv.DictReader(stream)} == {"base", "'=1+1"}


def test_the_published_schema_is_the_one_that_documents_obey(three):
    published = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    assert published == schema()
    validator = jsonschema_rs.Draft202012Validator(published)
    first, *others = three.contestants
    endless = {**first.figures, "timing.recall": Figure(1, 0.5, Interval(-math.inf, math.inf, "none"))}
    changed = replace(three, contestants=(replace(first, figures=endless), *others))
    for comparison in (three, changed, replace(three, report=None)):
        validator.validate(json.loads(document(comparison)))
    found = json.loads(document(three))["comparison"]
    recall = found["contestants"][1]["figures"]["timing.recall"]
    assert recall["score"] == others[0].figures["timing.recall"].score
    assert [case["id"] for case in found["report"]["cases"]] == [case.id for case in three.report.cases]
    with pytest.raises(jsonschema_rs.ValidationError):
        validator.validate({"version": 2, "comparison": {}})


def test_a_model_card_is_read_back_by_the_hub_library(three, make, ask):
    made = two(make, ask, name="mine: [a]\n# b")
    text = card(made)
    read = ModelCard(text).data
    assert read.model_name == "mine: [a] # b"
    assert [asdict(result) for result in read.eval_results] == [
        asdict(result) for result in eval_results(made, subject(made))
    ]
    values = {result.metric_type: result.metric_value for result in read.eval_results}
    assert values["selection.tool"] == 100.0
    assert "timing.restraint" not in values
    with pytest.raises(InputError, match="Give one run"):
        subject(three)


def test_eval_results_are_read_back_by_the_hub_library(make, ask):
    made = two(make, ask)
    entries = eval_entries(made, made["mine"], "someone/toolmark")
    rows = eval_result_entries_to_yaml(entries)
    assert parse_eval_result_entries(rows) == entries
    assert {entry.task_id: entry.value for entry in entries}["selection.tool"] == 100.0
    assert "against base: +100.0 points" in entries[0].notes
    with pytest.raises(InputError, match="ORG/NAME"):
        eval_entries(made, made["mine"], "not a dataset")


def test_a_site_remembers_and_refuses_what_is_not_its_own(tmp_path, three):
    Site().render(three, tmp_path / "site")
    Site().render(three, tmp_path / "site")
    first, second = read_history(tmp_path / "site" / "index.json")
    assert first == entry_of(three)
    assert second == first.model_copy(update={"id": f"{first.id}_2"})
    recall = first.sides[2].metrics["timing.recall"]
    assert recall.score == three["mine"].figures["timing.recall"].score
    assert recall.verdict == three["mine"].differences["timing.recall"].verdict
    for content in (
        "{",
        "[]",
        '{"reports": [{"id": "../x"}]}',
        json.dumps({"reports": [first.model_dump() | {"id": "../x"}]}),
    ):
        (tmp_path / "site" / "index.json").write_text(content)
        with pytest.raises(InputError, match="Remove this file"):
            Site().render(three, tmp_path / "site")
    with pytest.raises(InputError, match="--out site/"):
        Site().render(three, None)


@pytest.mark.parametrize(
    ("out", "name"),
    [
        ("a.html", "html"),
        ("A.HTML", "html"),
        ("a.md", "markdown"),
        ("a.card.md", "card"),
        ("a.csv", "csv"),
        ("a.json", "json"),
        ("a/", "site"),
        ("a.html/", "site"),
    ],
)
def test_a_renderer_is_chosen_by_the_longest_suffix(out, name):
    assert renderer_for(out).name == name
    assert name in names("toolmark.renderers")


def test_a_folder_that_is_there_is_a_site_and_an_unknown_ending_an_error(tmp_path):
    assert renderer_for(str(tmp_path)).name == "site"
    with pytest.raises(InputError, match=r"\.html"):
        renderer_for("report.pdf")


def test_what_cannot_be_written_is_told(three):
    with pytest.raises(EnvironmentFault, match=r"/proc/no/report\.html cannot be written"):
        Html().render(three, Path("/proc/no/report.html"))
