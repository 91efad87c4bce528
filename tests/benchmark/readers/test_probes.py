"""Probes: one thing is changed, everything else and the gold stay; seeded, labelled, and each prompt asked once."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import load_cases, open_reader
from toolmark.benchmark.readers.probes import KINDS, SIZES, ProbesReader, probes_of
from toolmark.benchmark.scoring.gold import perfect
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.metrics import case_values, metrics_for

ROOT = Path(__file__).parents[3]
CASES = ROOT / "suites" / "cases" / "calls.dev.jsonl"


@pytest.fixture(scope="module")
def authored() -> list[Case]:
    return load_cases(str(CASES))[0]


def made(case: Case) -> dict[str, Case]:
    return dict(probes_of(case))


def with_toolbox(authored: list[Case], name: str) -> Case:
    return next(case for case in authored if case.toolbox.name == name)


def right(case: Case) -> str:
    assert case.expect.action == "call"
    return case.expect.any_of[0].calls[0].name


def test_masks_hide_every_name_and_nothing_else(authored):
    case = with_toolbox(authored, "everything-40")
    masked = made(case)["names_masked"]
    text = Tagged().render(masked.messages, masked.toolbox.tools).messages[0].content
    assert not any(f'"{name}"' in text for name in case.toolbox.names)
    assert sorted(masked.toolbox.names) == sorted(f"tool_{number}" for number in range(1, 41))
    assert masked.toolbox.names != tuple(f"tool_{number}" for number in range(1, 41))
    assert [tool.description for tool in masked.toolbox.tools] == [tool.description for tool in case.toolbox.tools]
    assert masked.toolbox[right(masked)].description == case.toolbox[right(case)].description


def test_masks_reach_calls_and_results_in_the_conversation(authored):
    case = authored[0]
    name = case.toolbox.names[0]
    turns = [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "tool_calls": [{"name": name, "arguments": {"expression": "2+2"}}]},
        {"role": "tool", "name": name, "content": "4"},
        {"role": "user", "content": "and 3+3?"},
    ]
    masked = made(Case.model_validate({**case.model_dump(), "messages": turns}))["names_masked"]
    assert masked.messages[1].tool_calls[0].name == masked.messages[2].name == right(masked) == "tool_1"


def test_no_tool_keeps_its_description_and_every_one_is_given_away_once(authored):
    case = with_toolbox(authored, "stats-5")
    shuffled = made(case)["descriptions_shuffled"]
    pairs = list(zip(case.toolbox.tools, shuffled.toolbox.tools, strict=True))
    assert all(one.name == other.name and one.parameters == other.parameters for one, other in pairs)
    assert all(one.description != other.description for one, other in pairs)
    assert sorted(one.description for one, _ in pairs) == sorted(other.description for _, other in pairs)
    assert "descriptions_shuffled" not in made(with_toolbox(authored, "calculator-1"))


def test_a_shorter_list_lies_in_a_longer_one(authored):
    for case in authored:
        probes = made(case)
        lists = [set(probes[f"offered_{size}"].toolbox.names) for size in SIZES]
        assert [len(names) for names in lists] == list(SIZES)
        assert all(right(case) in names for names in lists)
        assert all(shorter < longer for shorter, longer in itertools.pairwise(lists))


def test_only_the_right_tool_changes_its_place(authored):
    case = with_toolbox(authored, "stats-5")
    for place, index in (("first", 0), ("middle", 2), ("last", 4)):
        names = made(case)[f"position_{place}"].toolbox.names
        assert names.index(right(case)) == index
        assert [n for n in names if n != right(case)] == [n for n in case.toolbox.names if n != right(case)]


def test_all_of_several_right_tools_are_offered_and_none_is_moved(authored):
    case = with_toolbox(authored, "everything-40")
    row = case.model_dump()
    other = next(name for name in case.toolbox.names if name != right(case))
    row["expect"]["any_of"][0]["calls"] += ({"name": other, "arguments": {}, "optional": ()},)
    probes = made(Case.model_validate(row))
    assert set(probes["offered_5"].toolbox.names) >= {right(case), other}
    assert "offered_1" not in probes
    assert "position_first" not in probes


def test_the_reader_labels_asks_once_and_repeats_itself(authored, tmp_path):
    abstain = (ROOT / "suites" / "cases" / "no_tool_fits.dev.jsonl").read_text().splitlines()[0]
    file = tmp_path / "some.test.jsonl"
    lines = CASES.read_text().splitlines()[:6]
    file.write_text("\n".join([*lines, abstain, "{broken"]))
    (tmp_path / "tools.yaml").write_text((CASES.parent / "tools.yaml").read_text())
    rows = list(ProbesReader().read(file))
    assert rows == list(ProbesReader().read(file))
    assert [row.line for row in rows if isinstance(row, BadRow)] == [8]
    probes = [row for row in rows if isinstance(row, Case)]
    assert len({probe.id for probe in probes}) == len(probes)
    assert {probe.source.name for probe in probes} == {"probes"}
    assert {probe.group for probe in probes} == {case.cluster for case in authored[:6]}
    kinds = [set(probe.tags["probes"]) for probe in probes]
    alone = next(case for case in authored if case.toolbox.name == "calculator-1")
    same = next(probe for probe in probes if probe.id == alone.id)
    assert set(same.tags["probes"]) == {"as_authored", "offered_1"}
    assert set.union(*kinds) == set(KINDS)


def test_a_summary_has_a_line_for_each_kind_over_its_own_cases():
    probes, skipped = load_cases(f"probes:{CASES.parent}", "dev")
    assert not skipped
    grades = [grade(probe, perfect(probe, Tagged()), Tagged()) for probe in probes]
    found = {metric.id: case_values(metric, grades) for metric in metrics_for(grades)}
    calls = sum(case.expect.action == "call" for case in load_cases(str(CASES.parent), "dev")[0])
    for kind in KINDS:
        values = found[f"selection.tool[{kind}]"]
        assert {value.value for value in values} == {1.0}
        assert len(values) <= calls
    assert len(found["selection.tool[as_authored]"]) == len(found["selection.tool[offered_40]"]) == calls
    assert not any(metric.id.endswith("[as_authored]") for metric in metrics_for([]))


def test_a_probe_takes_its_tools_where_its_cases_do(tmp_path):
    (tmp_path / "own.py").write_text('def shout(text: str) -> str:\n    """Shout."""\n    return text.upper()\n')
    row = json.loads(CASES.read_text().splitlines()[0])
    row["toolbox"] = "own"
    row["expect"] = {"action": "call", "any_of": [{"calls": [{"name": "shout", "arguments": {"text": ["a"]}}]}]}
    (tmp_path / "own.test.jsonl").write_text(json.dumps(row))
    probes, _ = load_cases(f"probes:{tmp_path}", tools=str(tmp_path / "own.py"))
    assert {len(probe.toolbox.tools) for probe in probes} == set(SIZES)


def test_probes_are_made_of_a_shipped_set_by_its_name():
    reader, path = open_reader("probes:authored")
    assert isinstance(reader, ProbesReader)
    assert path == ROOT / "suites" / "cases"
