"""Each kind of fault, planted into sound cases, is found at its line; the sound ones give no finding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.suites import CASES as SHIPPED
from toolmark.suites.lint import Finding, lint_cases
from toolmark.suites.lint.findings import KINDS
from toolmark.suites.lint.likeness import training_patterns
from toolmark.suites.lint.skeletons import grams, similarity, template_skeleton

Row = dict[str, Any]


def row(ref: str, text: str, toolbox: str, expect: Row, **fields: Any) -> Row:
    return {
        "messages": [{"role": "user", "content": text}],
        "toolbox": toolbox,
        "expect": expect,
        "group": ref,
        "split": "test",
        "tags": {"difficulty": "easy", "topic": "x"},
        "source": {"name": "toolmark", "ref": ref},
        "licence": "Apache-2.0",
        **fields,
    }


def call(tool: str, arguments: Row) -> Row:
    return {"action": "call", "any_of": [{"calls": [{"name": tool, "arguments": arguments}]}]}


def abstain(reason: str, **more: str) -> Row:
    return {"action": "abstain", "reason": reason, **more}


def calling(ref: str, text: str, toolbox: str, tool: str, arguments: Row, **fields: Any) -> Row:
    tags = {"difficulty": "easy", "topic": "x", "tool": tool}
    return row(ref, text, toolbox, call(tool, arguments), **{"tags": tags, **fields})


MEDIAN = calling(
    "a",
    "the nurse wrote down pulses 61, 74 and 58, so which one sits between the other two",
    "stats-5",
    "compute_median",
    {"numbers": {"match": "set", "of": [[61, 74, 58]]}},
)
REPLY = row("b", "Should my farewell card rhyme or rather not?", "messages-5", abstain("no_tool_needed"))
POST = row(
    "c",
    "slack them that the oven is free again",
    "messages-5",
    abstain("missing_argument", tool="send_slack_message", missing="channel"),
    tags={"difficulty": "abstain"},  # as generators write it
)
TURNS = [
    {"role": "user", "content": "our choir's mail said 1 Feb 2027, on what weekday do we sing then"},
    {"role": "assistant", "tool_calls": [{"name": "get_weekday_from_date", "arguments": {"date": "2027-02-01"}}]},
    {"role": "tool", "name": "get_weekday_from_date", "content": "Monday"},
]
SUNG = row("d", "", "dates-5", abstain("already_answered"), messages=TURNS)
SOUND = [MEDIAN, REPLY, POST, SUNG]


def found(*files: Path) -> list[Finding]:
    return lint_cases(files)[0]


def test_sound_cases_give_no_finding(written):
    assert lint_cases([written(SOUND)]) == ([], len(SOUND), [])


def changed(original: Row, **fields: Any) -> Row:
    return {**original, **fields}


LONDON: Row = {"name": "get_weather", "arguments": {"city": ["London"]}}
TWICE: Row = {"action": "call", "any_of": [{"calls": [LONDON]}, {"calls": [LONDON, LONDON]}]}

PLANTED: list[tuple[str, Row | str, str]] = [
    ("schema", "{broken", "not JSON"),
    ("schema", changed(MEDIAN, toolbox="no-such-box"), "no-such-box"),
    ("schema", {key: value for key, value in MEDIAN.items() if key != "licence"}, "licence"),
    ("id", changed(MEDIAN, group="z"), "the same messages and tools as"),
    (
        "tags",
        calling(
            "e",
            "pls fold C and ff together",
            "text-5",
            "word_count",
            {"text": ["C and ff"]},
            tags={"difficulty": "abstain", "tool": "word_count", "topic": "x"},
        ),
        "difficulty is 'abstain'",
    ),
    ("tags", changed(REPLY, tags={"topic": "x"}, messages=[{"role": "user", "content": "Sing!"}]), "difficulty"),
    (
        "tags",
        calling("e", "pls fold C and ff together", "text-5", "word_count", {"text": ["C and ff"]}, tags=REPLY["tags"]),
        "tool is None",
    ),
    ("split", row("a", "Do trees sleep?", "calculator-1", abstain("no_tool_needed"), split="dev"), "group a is in dev"),
    (
        "execution",
        calling(
            "e", "the letter after the n of Nina", "counting-2", "char_count", {"text": ["Nina"], "character": ["in"]}
        ),
        "char_count",
    ),
    (
        "execution",
        calling("e", "seven over zilch, settle our bet", "calculator-1", "calculator", {"expression": ["7/0"]}),
        "division by zero",
    ),
    (
        "execution",
        changed(SUNG, messages=[*TURNS[:2], {**TURNS[2], "content": "Sunday"}, {"role": "user", "content": "Sure?"}]),
        'gives "Monday"',
    ),
    (
        "gold",
        row(
            "e",
            "one or two helpings, as you like",
            "weather-1",
            TWICE,
            tags={"difficulty": "easy", "topic": "x", "tool": "get_weather"},
        ),
        "one_call_too_many",
    ),
    (
        "near-duplicate",
        row(
            "e",
            "the nurse wrote down pulses 91, 84 and 78, so which one sits between the other ones",
            "stats-5",
            abstain("no_tool_fits"),
        ),
        "similar to",
    ),
    (
        "skeleton",
        calling(
            "e",
            "the nurse wrote down pulses 4, 5, 9, 12, so which one sits between the other two",
            "stats-5",
            "compute_median",
            {"numbers": {"match": "set", "of": [[4, 5, 9, 12]]}},
        ),
        "differs only in values from",
    ),
    (
        "leakage",
        calling(
            "e", "Which number is the median of 8, 9 and 14?", "stats-5", "compute_median", {"numbers": [[8, 9, 14]]}
        ),
        "Which number is the median of {numbers}?",
    ),
    (
        "answerable",
        row("e", "Count how many words 'sing along' has", "counting-2", abstain("no_tool_needed")),
        "word_count",
    ),
    ("answerable", row("e", "what is the time, current UTC", "dates-5", abstain("no_tool_needed")), "get_current"),
    ("answerable", row("e", "who was the last tsar", "lookup-5", abstain("no_tool_needed")), "web_search"),
    (
        "answerable",
        row("e", "does it rain in Paris, whats the weather", "weather-1", abstain("no_tool_needed")),
        "weather",
    ),
    (
        "answerable",
        row("e", "the price of apple, share for share", "prices-2", abstain("no_tool_needed")),
        "fetch_stock",
    ),
    (
        "missing-argument",
        row(
            "e", "ring me when it snows", "stats-5", abstain("missing_argument", tool="set_reminder", missing="message")
        ),
        "not offered",
    ),
    (
        "missing-argument",
        row(
            "e", "ring me when it snows", "reminder-1", abstain("missing_argument", tool="set_reminder", missing="tone")
        ),
        "no argument tone",
    ),
    ("missing-argument", row("e", "ring me when it snows", "reminder-1", abstain("missing_argument")), '"tool"'),
    (
        "missing-argument",
        row(
            "e",
            "put the picnic in on Sunday",
            "calendar-2",
            abstain("missing_argument", tool="create_event", missing="location"),
        ),
        "optional",
    ),
    (
        "missing-argument",
        row(
            "e",
            "swap 75 euros for dollars, what's left",
            "currency-1",
            abstain("missing_argument", tool="convert_currency", missing="to_currency"),
        ),
        "is perhaps in the question",
    ),
    (
        "missing-argument",
        row(
            "e",
            "pick 3 of my 12 apprentices",
            "numbers-10",
            abstain("missing_argument", tool="calculate_combinations", missing="n"),
        ),
        "is perhaps in the question: 3, 12",
    ),
    ("already-answered", row("e", "and once more, slowly?", "dates-5", abstain("already_answered")), "no tool result"),
]


@pytest.mark.parametrize(("kind", "planted", "said"), PLANTED, ids=[f"{kind}-{said[:20]}" for kind, _, said in PLANTED])
def test_a_planted_fault_is_found_at_its_line(written, kind, planted, said):
    file = written([*SOUND, planted])
    findings = found(file)
    assert {finding.line for finding in findings} == {5}
    assert kind in {finding.kind for finding in findings}
    assert any(finding.kind == kind and said in finding.message for finding in findings), findings


def test_what_is_really_missing_gives_no_finding(written):
    for text, toolbox, tool, missing in [
        ("pick 3 of my apprentices", "numbers-10", "calculate_combinations", "n"),
        ("swap 75 euros for something else", "currency-1", "convert_currency", "to_currency"),
        ("for 2025, what do i owe the taxman", "numbers-10", "calculate_tax", "income"),
        ('tell them on slack "lunch is here"', "messages-5", "send_slack_message", "channel"),
    ]:
        assert not found(written([row("e", text, toolbox, abstain("missing_argument", tool=tool, missing=missing))]))


def test_a_row_in_the_wrong_file_and_a_held_out_tool_in_dev(written):
    held = calling(
        "e", "in 'Nina' count n", "counting-2", "char_count", {"text": ["Nina"], "character": ["n"]}, split="dev"
    )
    kinds = {finding.kind for finding in found(written([held]))}
    assert {"split", "held-out"} <= kinds
    assert {finding.kind for finding in found(written([held], "planted.dev.jsonl"))} == {"held-out"}


def test_two_files_are_read_as_one_collection(written):
    first, second = written(SOUND), written([changed(MEDIAN, group="z")], "more.test.jsonl")
    assert [str(finding) for finding in found(first, second)] == [
        f"{second}:1: id: the same messages and tools as {first}:1"
    ]


def many(tools: list[str], count: int, toolbox: list[str], difficulty: str = "easy") -> list[Row]:
    """Calls of small made tools, each question in words of its own."""
    rows = []
    for number in range(count):
        words = " ".join(f"{chr(97 + number % 26)}{chr(97 + number // 26)}{letter}" for letter in "uvwxyz")
        tool = tools[number % len(tools)]
        offered = [{"name": name, "description": "It does."} for name in toolbox]
        tags = {"difficulty": difficulty if number % 2 else "hard", "topic": "x", "tool": tool}
        rows.append(calling(f"g{number}", words, offered, tool, {}, tags=tags))
    return rows


def balances(file: Path) -> list[str]:
    findings = found(file)
    assert {finding.kind for finding in findings} <= {"balance"}
    return [f"{finding.line}: {finding.message}" for finding in findings]


def test_favoured_tools_difficulties_and_places_are_told(written):
    box = [f"made_{number}" for number in range(8)]
    assert balances(written(many(box, 48, box))) == []
    assert balances(written(many(box[1:], 49, box))) == [
        "1: made_0 is right in 0 cases, but the median over all tools is 7",
    ]
    (hard,) = balances(written(many(box, 48, box, "hard")))
    assert hard == "1: difficulty of the 48 cases of call: 0 easy, 48 hard"
    first = balances(
        written(
            [r for tool in box for r in many([tool], 48, [tool, *(n for n in box if n != tool)])[box.index(tool) :: 8]]
        )
    )
    assert first == ["1: the first offered tool is right in 100% of the cases, but 12% are expected"]
    few = many(box, 48, box)
    few[5]["split"] = "dev"
    assert balances(written(few, "all.jsonl")) == ["6: 1 of 48 cases are dev, but 10% to 35% are needed"]


def test_every_kind_is_planted_somewhere():
    assert {kind for kind, _, _ in PLANTED} | {"held-out", "balance"} == set(KINDS)


def test_templates_are_reached_by_their_generators_alone():
    patterns = training_patterns()
    assert len(patterns) > 500
    assert "What is {expression}?" in patterns
    heavy = "print(*{'datasets', 'torch'} & set(sys.modules))"
    script = f"import sys; from toolmark.suites.lint.likeness import training_patterns; training_patterns(); {heavy}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("median of {numbers}", "Median of {a} and {b}", 1.0),
        ("Is '{text}' long?", "is {text} long", 1.0),
        ("count the words of my {text}", "count the letters of my {text}", 1 / 7),
        ("{expression} = ?", "{expression}", 0.0),
    ],
)
def test_likeness_is_of_an_authors_own_words(left, right, alike):
    assert similarity(grams(template_skeleton(left)), grams(template_skeleton(right))) == pytest.approx(alike)


def test_the_command_tells_lines_and_leaves_with_the_code_of_the_fault(written, toolmark, tmp_path):
    file = written([*SOUND, "{broken"])
    run = toolmark("lint", str(file))
    assert (run.returncode, run.stdout) == (
        1,
        f"{file}:5: schema: not JSON: Expecting property name enclosed in double quotes\n",
    )
    assert run.stderr == "4 cases checked: 1 schema\n"
    assert toolmark("lint", str(written(SOUND))).returncode == 0
    for arguments in ([str(tmp_path / "none.jsonl")], []):
        run = toolmark("lint", *arguments)
        assert run.returncode == 4
        assert "Traceback" not in run.stderr


def test_an_unreadable_file_is_the_users_mistake(tmp_path):
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        lint_cases([tmp_path / "bytes.jsonl"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \*\.test\.jsonl"):
        lint_cases([tmp_path / "empty"])


def test_only_the_case_files_of_a_folder_are_read(written, tmp_path):
    written(SOUND)
    (tmp_path / "rejected.jsonl").write_text('{"stage": "duplicate"}\n')
    assert lint_cases([tmp_path]) == ([], 4, [])


def test_the_shipped_cases_have_no_fault_and_share_no_skeleton():
    findings, count, _ = lint_cases([SHIPPED])
    assert count > 300
    assert not [str(finding) for finding in findings if finding.kind != "leakage"]
