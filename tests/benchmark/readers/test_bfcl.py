"""BFCL's files as cases: what its answers mean, and that the published ones are all read."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Abstain, Call, Case, ExpectCall, Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.bfcl import BfclReader
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.scoring.gold import perfect
from toolmark.benchmark.scoring.grades import grade

DATA = Path(__file__).parents[4] / "shared" / "data" / "bfcl"
DIALECT = Json()

PROPERTIES: dict[str, Any] = {
    "n": {"type": "integer"},
    "x": {"type": "float"},
    "s": {"type": "string"},
    "pair": {"type": "tuple", "items": {"type": "float"}},
    "words": {"type": "array", "items": {"type": "string"}},
    "any": {"type": "any"},
    "box": {"type": "dict", "properties": {"w": {"type": "integer"}, "tag": {"type": "string"}}},
    "boxes": {"type": "array", "items": {"type": "dict"}},
    "flag": {"type": "boolean", "default": True},
    "size": {"type": "string", "enum": ["S", "L"]},
    "most": {"type": "integer", "default": None},
    "odds": {"type": "dict", "properties": {"p": {"type": "string", "enum": ["low", "high"]}}},
}


def files(folder: Path, answer: dict[str, Any], category: str = "simple_python", **function: Any) -> Path:
    """A folder of BFCL with one case whose possible answer is `answer`."""
    tool = {
        "name": "api.f",
        "description": "",
        "parameters": {"type": "dict", "properties": PROPERTIES, "required": ["n"]},
        **function,
    }
    row = {"id": "case_0", "question": [[{"role": "user", "content": "?"}]], "function": [tool]}
    (folder / "possible_answer").mkdir(exist_ok=True)
    (folder / f"BFCL_v4_{category}.json").write_text(json.dumps(row) + "\n")
    truth = {"id": "case_0", "ground_truth": [{"api.f": answer}]}
    (folder / "possible_answer" / f"BFCL_v4_{category}.json").write_text(json.dumps(truth) + "\n")
    return folder


def case_of(folder: Path, answer: dict[str, Any]) -> Case:
    (case,) = BfclReader().read(files(folder, answer))
    assert isinstance(case, Case), case
    return case


def right(case: Case, name: str = "api.f", **arguments: Any) -> bool:
    turn = Message(role="assistant", tool_calls=(Call(name=name, arguments=arguments),))
    said = DIALECT.render((*case.messages, turn), case.toolbox.tools).messages[-1].content
    return grade(case, Completion(said), DIALECT).correct


@pytest.mark.parametrize(
    ("argument", "answer", "accepted", "refused"),
    [
        ("x", [2.5], [2.5], [2, "2.5", None]),
        ("x", [3.0], [3, 3.0], [True]),
        ("s", ["New York, NY"], ["new york ny", "New-York NY"], ["NY", "", None]),
        ("s", ["x", ""], ["X", ""], ["y"]),
        ("pair", [[1.0, 2.5]], [[1, 2.5]], [[2.5, 1.0], [1.0]]),
        ("words", [["A b", "c"]], [["ab", "C"]], [["c", "ab"]]),
        ("any", ["data"], ["Data"], [5]),
        ("box", [{"w": [1, 2], "tag": ["A", ""]}], [{"w": 2}, {"w": 1, "tag": "a"}], [{"tag": "a"}, {"w": 3}]),
        ("box", [{"w": [1]}, {"w": [2]}], [{"w": 1}, {"w": 2}], [{"w": 3}]),
        ("boxes", [[{"k": ["v"]}]], [[{"k": "V"}]], [[], [{"k": "V"}, {"k": "V"}]]),
    ],
    ids=range(10),
)
def test_accepted_values(
    tmp_path: Path, argument: str, answer: list[Any], accepted: list[Any], refused: list[Any]
) -> None:
    case = case_of(tmp_path, {"n": [1], argument: answer})
    assert case.waiver is None
    for value in accepted:
        assert right(case, n=1, **{argument: value}), value
    for value in refused:
        assert not right(case, n=1, **{argument: value}), value
    assert right(case, n=1) is ("" in answer)


def test_names_optional_and_default_arguments(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"n": [1, ""], "s": ["", "x"], "x": [""], "unknown": ["", 5]})
    assert right(case, "api_f", n=1, s="x")
    assert right(case, "api.f", n=1)
    assert right(case, n=1, flag=True)  # as left out: it is the default
    assert not right(case, n=1, flag=False)
    assert not right(case, s="x")  # its schema requires n, whatever the answer says
    assert not right(case, n=1, x=2.0)
    assert not right(case, n=1, unknown=5)


def test_irrelevance_asks_for_no_call(tmp_path: Path) -> None:
    (case,) = BfclReader().read(files(tmp_path, {}, "irrelevance") / "BFCL_v4_irrelevance.json")
    assert isinstance(case, Case)
    assert case.expect == Abstain(action="abstain", reason="no_tool_fits")


@pytest.mark.parametrize(
    ("answer", "function", "said"),
    [
        ({"n": 1}, {}, "list"),
        ({"box": [{"w": 1}]}, {}, "accepted object"),
        (
            {"n": [1]},
            {"parameters": {"type": "dict", "properties": {"n": {"type": "integr"}}}},
            "'integr' is not known",
        ),
        ({"n": [1]}, {"name": "other"}, "not offered"),
    ],
    ids=range(4),
)
def test_a_row_that_cannot_be_read(tmp_path: Path, answer: Any, function: dict[str, Any], said: str) -> None:
    (bad,) = BfclReader().read(files(tmp_path, answer, **function))
    assert isinstance(bad, BadRow)
    assert said in bad.reason
    assert bad.place == f"{tmp_path / 'BFCL_v4_simple_python.json'}:1"


def test_gold_that_its_own_schema_refuses_is_waived(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"n": ["one"]})
    assert case.waiver is not None
    assert '"one" is not of type "integer"' in case.waiver


@pytest.mark.parametrize(
    ("answer", "accepted", "refused"),
    [
        ({"size": ["M", ""]}, [{}], [{"size": "M"}, {"size": "S"}]),
        ({"size": ["M", "L"]}, [{"size": "L"}], [{"size": "M"}, {}]),
        ({"odds": [{"p": ["even", ""]}]}, [{"odds": {}}], [{"odds": {"p": "even"}}, {}]),
        ({"odds": [{"p": ["even", "high"]}]}, [{"odds": {"p": "high"}}], [{"odds": {"p": "low"}}]),
        ({"odds": [{"p": ["even"]}, {"p": ["low"]}]}, [{"odds": {"p": "low"}}], [{"odds": {"p": "even"}}]),
        ({"most": [None, ""]}, [{"most": None}, {}], [{"most": 0}, {"most": "null"}]),
        ({"most": [5, ""]}, [{"most": 5}, {}], [{"most": None}]),
        ({}, [{"most": None}, {}], [{"most": 1}]),
        ({"x": [None]}, [{"x": None}], [{}, {"x": 0.0}]),
        ({"odds": [None, ""]}, [{"odds": None}, {}], [{"odds": {}}]),
        ({"odds": [{"p": [None]}]}, [{"odds": {"p": None}}], [{"odds": {"p": "low"}}, {"odds": None}]),
        ({"words": [["a", None]]}, [{"words": ["a", None]}], [{"words": [None, "a"]}, {"words": None}]),
    ],
    ids=range(12),
)
def test_gold_is_not_waived_if_one_accepted_combination_is_valid(
    tmp_path: Path, answer: dict[str, Any], accepted: list[Any], refused: list[Any]
) -> None:
    case = case_of(tmp_path, {"n": [1], **answer})
    assert case.waiver is None
    assert isinstance(case.expect, ExpectCall)
    for option in range(len(case.expect.any_of)):
        assert grade(case, perfect(case, DIALECT, option), DIALECT).correct, option
    for arguments in accepted:
        assert right(case, n=1, **arguments), arguments
    for arguments in refused:
        assert not right(case, n=1, **arguments), arguments


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"n": [1], "size": ["M", "XL"]}, '"M" is not one of'),
        ({"n": [1], "odds": [{"p": ["even"]}]}, '"even" is not one of'),
        ({"n": ["", 1.5], "size": ["S"]}, 'not of type "integer"'),
        ({"n": [1], "unknown": [1]}, "argument unknown, which api.f does not declare"),
    ],
)
def test_gold_is_waived_if_no_accepted_combination_is_valid(tmp_path: Path, answer: dict[str, Any], said: str) -> None:
    assert said in str(case_of(tmp_path, answer).waiver)


def test_other_files_are_none_of_its_categories(tmp_path: Path) -> None:
    (tmp_path / "BFCL_v4_multi_turn_base.json").write_text("{}")
    with pytest.raises(InputError, match="no single-turn category"):
        list(BfclReader().read(tmp_path))


@pytest.mark.parametrize(
    ("category", "why"),
    [
        ("live_relevance", "no answers"),
        ("simple_java", "Java's"),
        ("javascript", "JavaScript's"),
        ("memory_kv", "tools are not in"),
        ("exec_simple", "not a single-turn category of BFCL v4"),
    ],
)
def test_a_file_that_is_not_read_is_named_with_the_reason(tmp_path: Path, category: str, why: str) -> None:
    file = tmp_path / f"BFCL_v4_{category}.json"
    file.write_text("{}")
    with pytest.raises(InputError, match=f"category {category}, which is not read: .*{why}"):
        list(BfclReader().read(file))


def test_missing_answers_are_named_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "BFCL_v4_multiple.json"
    file.write_text("{}")
    with pytest.raises(InputError, match=f"Copy the folder possible_answer of BFCL to {tmp_path}"):
        list(BfclReader().read(file))


def test_a_file_of_conversations_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "BFCL_v4_multi_turn_base.json"
    file.write_text("{}")
    with pytest.raises(InputError, match=f"conversations and not cases.*toolmark eval .* --cases bfcl:{file}"):
        list(BfclReader().read(file))


def test_a_recording_of_every_published_row_can_be_judged(tmp_path: Path) -> None:
    folder = files(tmp_path, {}, "live_irrelevance")
    file = folder / "BFCL_v4_live_irrelevance.json"
    first = json.loads(file.read_text())
    twin = {**first, "id": "case_1"}
    broken = {**first, "id": "case_2", "question": []}
    other = {**first, "id": "case_3", "question": [[{"role": "user", "content": "!"}]]}
    file.write_text("".join(json.dumps(row) + "\n" for row in (first, twin, other)))
    cases, skipped = load_cases(f"bfcl:{file}")
    assert [case.source.ref for case in cases] == ["case_0", "case_3"]
    assert [(row.ref, row.line) for row in skipped] == [("case_1", 2)]
    file.write_text("".join(json.dumps(row) + "\n" for row in (first, twin, broken, other)))
    cases, skipped = load_cases(f"bfcl:{file}", skip_bad=True)
    assert [row.ref for row in skipped] == ["case_1", "case_2"]
    answers = tmp_path / "answers.jsonl"
    rows = [{"case": f"case_{n}", "text": "No."} for n in range(4)]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    replay = read_replay(answers)
    left_out = {str(row.ref) for row in skipped}
    assert len(replay.answers(cases, left_out=left_out)) == 2
    with pytest.raises(InputError, match="2 cases that are not in the case files: case_1"):
        replay.answers(cases)


def test_equal_questions_with_other_gold_are_an_error(tmp_path: Path) -> None:
    folder = files(tmp_path, {"n": [1]}, "multiple")
    for file, changed in (
        (folder / "BFCL_v4_multiple.json", {}),
        (folder / "possible_answer" / "BFCL_v4_multiple.json", {"ground_truth": [{"api.f": {"n": [2]}}]}),
    ):
        row = json.loads(file.read_text())
        file.write_text(json.dumps(row) + "\n" + json.dumps({**row, "id": "case_1", **changed}) + "\n")
    with pytest.raises(InputError, match="same id"):
        load_cases(f"bfcl:{folder}")


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="BFCL's published cases are not at hand")
def test_every_published_case_is_read_and_its_gold_holds() -> None:
    cases, skipped = load_cases(f"bfcl:{DATA}")
    assert not skipped
    assert Counter(str(case.tags["category"]) for case in cases) == {
        "simple_python": 400,
        "multiple": 200,
        "parallel": 200,
        "parallel_multiple": 200,
        "irrelevance": 240,
    }
    waived = {case.source.ref for case in cases if case.waiver is not None}
    assert waived == {"parallel_multiple_21", "parallel_multiple_94"}
    for case in cases:
        options = len(case.expect.any_of) if isinstance(case.expect, ExpectCall) else 1
        answers = [grade(case, perfect(case, DIALECT, option), DIALECT) for option in range(options)]
        assert all(answer.correct for answer in answers) or case.waiver is not None, case.source.ref
