"""Case files: what is wrong is told with its place, and a sample is nested, stratified and seeded."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.data.cases import Abstain, Case
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import case_files, limited, load_cases
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.benchmark.tools.catalog import catalog

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "suites" / "cases"

CALL = {"action": "call", "any_of": [{"calls": [{"name": "f", "arguments": {"a": [1]}}]}]}
ROW: dict[str, Any] = {
    "messages": [{"role": "user", "content": "?"}],
    "toolbox": [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}],
    "expect": CALL,
    "source": {"name": "test", "ref": "1"},
    "licence": "none",
}
GOOD = json.dumps(ROW)


def accepting(rule: Any) -> dict[str, Any]:
    return {"expect": {"action": "call", "any_of": [{"calls": [{"name": "f", "arguments": {"a": rule}}]}]}}


def deep(levels: int) -> Any:
    rule: Any = [1]
    for _ in range(levels):
        rule = {"match": "object", "of": {"k": rule}}
    return rule


def without(field: str) -> str:
    return json.dumps({key: value for key, value in ROW.items() if key != field})


def column(line: str, key: str) -> int:
    return line.index(f'"{key}"') + 1


def changed(**fields: Any) -> str:
    return json.dumps({**ROW, **fields})


BROKEN = [
    # line, column (or the key at which it stands), a part of the reason
    ('{"messages": [,', 15, "not JSON"),
    ("[1, 2]", 1, "not list"),
    ("\ufeff" + GOOD, 1, "BOM"),
    ("[" * 100_000, None, "not JSON"),
    (GOOD.replace('"a": [1]', '"a": [' + "9" * 5_000 + "]"), None, "not JSON"),
    (GOOD.replace('"a": [1]', '"a": [NaN]'), None, "NaN"),
    (GOOD.replace('"a": [1]', '"a": [1], "a": [2]'), None, "'a' is written twice"),
    (GOOD.replace('"?"', '"\\ud800"'), None, "surrogate"),
    (without("toolbox"), 1, "toolbox is missing"),
    (without("expect"), None, "expect"),
    (without("licence"), None, "licence"),
    (changed(toolbox="nobody"), "toolbox", "nobody"),
    (changed(toolbox=5), "toolbox", "not int"),
    (changed(toolbox=[{"description": "?"}]), "toolbox", "toolbox.0.name"),
    (changed(toolbox=[5]), "toolbox", "toolbox.0"),
    (changed(toolbox=[{"name": "f"}, {"name": "f"}]), "toolbox", "two tools"),
    (changed(toolbox=[{"name": "f", "parameters": {"type": "objekt"}}]), "toolbox", "JSON Schema"),
    (changed(toolbox=[{"name": "f", "parameters": {"$ref": "http://example.org/s"}}]), "toolbox", "not local"),
    (changed(messages=[]), "messages", "messages"),
    (
        changed(messages=[{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]),
        None,
        "must be user",
    ),
    (changed(messages=[{"role": "user", "content": "?", "tool_calls": 5}]), "messages", "tool_calls"),
    (changed(messages=[{"role": "robot", "content": "?"}]), "messages", "messages.0.role"),
    (changed(expect={"action": "maybe"}), "expect", "maybe"),
    (changed(expect={"action": "call", "any_of": []}), "expect", "any_of"),
    (changed(expect={"action": "abstain", "reason": "tired"}), "expect", "reason"),
    (changed(**accepting(5)), "expect", "accepted value"),
    (changed(**accepting([])), "expect", "at least one"),
    (changed(**accepting({"match": "contains", "of": [5]})), "expect", "strings"),
    (changed(**accepting(deep(400))), None, ""),
    (changed(split="train"), "split", "split"),
    (changed(surprise=1), "surprise", "surprise"),
]


@pytest.mark.parametrize(("line", "where", "reason"), BROKEN, ids=[f"{i}-{row[2]}" for i, row in enumerate(BROKEN)])
def test_a_broken_row_is_told_with_its_place(tmp_path: Path, line: str, where: Any, reason: str) -> None:
    file = tmp_path / "x.test.jsonl"
    file.write_text(f"{GOOD}\n\n{line}\n", encoding="utf-8")
    first, bad = ToolmarkReader().read(file)
    assert isinstance(first, Case)
    assert isinstance(bad, BadRow)
    assert (bad.file, bad.line) == (file, 3)
    assert bad.column == (column(line, where) if isinstance(where, str) else where)
    assert reason in bad.reason
    assert len(bad.reason) < 1_000

    with pytest.raises(InputError, match=r"x\.test\.jsonl:3.*--skip-bad"):
        load_cases(str(file))
    cases, skipped = load_cases(str(file), skip_bad=True)
    assert (cases, skipped) == ([first], [bad])


def test_line_separators_inside_strings_do_not_end_a_row(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    line = json.dumps({**ROW, "messages": [{"role": "user", "content": "a\u2028b\x85c"}]}, ensure_ascii=False)
    file.write_text(line + "\r\n", encoding="utf-8", newline="")
    (case,) = ToolmarkReader().read(file)
    assert isinstance(case, Case)
    assert case.messages[0].content == "a\u2028b\x85c"


def test_two_cases_with_one_id_name_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.test.jsonl").write_text(GOOD, encoding="utf-8")
    other = changed(expect={"action": "abstain", "reason": "no_tool_fits"}, tags={"x": 1})
    (tmp_path / "b.test.jsonl").write_text(other, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_cases(str(tmp_path))
    assert str(tmp_path / "a.test.jsonl") in caught.value.what
    assert str(tmp_path / "b.test.jsonl") in caught.value.what


def test_bad_rows_are_told_even_if_no_row_is_left(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("x\ny\n")
    with pytest.raises(NothingToDo, match=r"all 2 rows are bad. The first is .*x.jsonl:1:1: not JSON"):
        load_cases(f"openai:{tmp_path / 'x.jsonl'}", skip_bad=True)


def test_a_command_for_case_files_says_how_to_import_other_files() -> None:
    with pytest.raises(InputError, match=r"toolmark cases import openai:a.jsonl --out imported.test.jsonl"):
        case_files(Path("openai:a.jsonl"), "test")


def test_splits_lie_in_files_of_their_own(tmp_path: Path) -> None:
    for name in ("b.test.jsonl", "a.test.jsonl", "a.dev.jsonl", "notes.jsonl"):
        (tmp_path / name).write_text("\n", encoding="utf-8")
    assert [file.name for file in case_files(tmp_path, "test")] == ["a.test.jsonl", "b.test.jsonl"]
    with pytest.raises(NothingToDo):
        load_cases(str(tmp_path), "dev")
    with pytest.raises(InputError, match="no cases at"):
        load_cases(str(tmp_path / "nowhere"))


@pytest.fixture(scope="module")
def shipped() -> list[Case]:
    return load_cases(str(SHIPPED))[0]


def kind(case: Case) -> str:
    return case.expect.reason if isinstance(case.expect, Abstain) else case.expect.any_of[0].calls[0].name


def test_a_limited_sample_is_nested_and_in_order(shipped: list[Case]) -> None:
    samples = [limited(shipped, size) for size in (1, 7, 40, 100, len(shipped), 10_000)]
    assert [len(sample) for sample in samples] == [1, 7, 40, 100, len(shipped), len(shipped)]
    for smaller, larger in itertools.pairwise(samples):
        kept = {case.id for case in larger}
        assert {case.id for case in smaller} <= kept
        assert larger == [case for case in shipped if case.id in kept]


def test_a_limited_sample_keeps_the_shares_of_its_strata(shipped: list[Case]) -> None:
    whole, half = Counter(map(kind, shipped)), Counter(map(kind, limited(shipped, len(shipped) // 2)))
    for stratum, count in whole.items():
        assert abs(half[stratum] - count / 2) <= 1.5, stratum


def test_a_limited_sample_follows_its_seed_alone(shipped: list[Case]) -> None:
    first = limited(shipped, 30, seed=1)
    assert {case.id for case in limited(shipped[::-1], 30, seed=1)} == {case.id for case in first}
    assert first != limited(shipped, 30, seed=2)
    with pytest.raises(InputError):
        limited(shipped, 0)


def test_the_manifest_names_catalog_tools_that_no_dev_case_calls() -> None:
    held_out = tomllib.loads((SHIPPED / "MANIFEST.toml").read_text(encoding="utf-8"))["held_out_tools"]
    assert len(set(held_out)) == len(held_out) == 8
    assert set(held_out) <= set(catalog().names)
    dev = {kind(case) for case in load_cases(str(SHIPPED), "dev")[0]}
    assert dev.isdisjoint(held_out)
    assert set(held_out) <= {kind(case) for case in load_cases(str(SHIPPED), "test")[0]}
