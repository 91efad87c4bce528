"""What the assistant's turns of a foreign conversation become: one reply, its calls, and nothing that a table added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.readers.samples import case_of, lines, read
from tests.running_time import is_nearly_linear
from toolmark.benchmark.data.cases import Abstain, Call, ExpectCall, Message
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.turn_parts import after_thoughts, turn_parts

WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "near": {"type": "object", "properties": {"km": {"type": "number"}}},
        },
        "required": ["city"],
    },
}
OSLO = Call(name="get_weather", arguments={"city": "Oslo"})
BERGEN = Call(name="get_weather", arguments={"city": "Bergen"})
ASKED = "Weather in Oslo?"


def native(call: Call, **turn: Any) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": function}], **turn}


def openai(*turns: dict[str, Any], **row: Any) -> tuple[str, str, str]:
    messages = [{"role": "user", "content": ASKED}, *turns]
    return "openai", "x.jsonl", lines({"messages": messages, "tools": [WEATHER], **row})


def said(text: str) -> tuple[str, str, str]:
    return openai({"role": "assistant", "content": text})


def sharegpt(*turns: tuple[str, str], **row: Any) -> tuple[str, str, str]:
    listed = [{"from": role, "value": value} for role, value in (("human", ASKED), *turns)]
    return "sharegpt", "x.jsonl", lines({"conversations": listed, "tools": json.dumps([WEATHER]), **row})


def gold(row: Any) -> list[Call]:
    expect = case_of(row).expect
    assert isinstance(expect, ExpectCall), expect
    (option,) = expect.any_of
    return [
        Call(name=spec.name, arguments={k: rule.of[0] for k, rule in spec.arguments.items()}) for spec in option.calls
    ]


LOOK = {"role": "assistant", "content": "Let me look that up."}
RAIN = {"role": "tool", "content": "rain"}
AGAIN = {"role": "user", "content": "No, I said Oslo."}
WRITTEN = json.dumps({"name": "get_weather", "arguments": {"city": "Oslo"}})


@pytest.mark.parametrize(
    ("file", "calls", "text"),
    [
        (openai(LOOK, native(OSLO), RAIN), [OSLO], LOOK["content"]),
        (openai(native(OSLO), LOOK, RAIN), [OSLO], LOOK["content"]),
        (openai(native(OSLO), native(BERGEN), RAIN, RAIN), [OSLO, BERGEN], ""),
        (sharegpt(("gpt", LOOK["content"]), ("function_call", WRITTEN)), [OSLO], LOOK["content"]),
        (
            sharegpt(("function_call", WRITTEN), ("function_call", WRITTEN.replace("Oslo", "Bergen"))),
            [OSLO, BERGEN],
            "",
        ),
        (said(f"<tool_call>\n{WRITTEN}\n</tool_call>"), [OSLO], ""),
        (said(f"Let me see.\n<tool_call>{WRITTEN}</tool_call>"), [OSLO], "Let me see."),
        (said(WRITTEN), [OSLO], ""),
        (said(f"```json\n[{WRITTEN}]\n```"), [OSLO], ""),
        (said(f"<think>Where?</think>\n{WRITTEN}"), [OSLO], "<think>Where?</think>"),
        (said(f"[THINK]a[/THINK]<think>b</think>{WRITTEN}"), [OSLO], "[THINK]a[/THINK]<think>b</think>"),
        (said(f"Where?</think>\n{WRITTEN}"), [OSLO], "Where?</think>"),
        (said("[get_weather(city='Oslo'), get_weather(city=\"Bergen\")]"), [OSLO, BERGEN], ""),
        (said("get_weather(city='Oslo')"), [OSLO], ""),
    ],
    ids=range(14),
)
def test_the_calls_of_one_reply(tmp_path: Path, file: tuple[str, str, str], calls: list[Call], text: str) -> None:
    reader, name, content = file
    (row,) = read(reader, tmp_path / name, content)
    assert gold(row) == calls
    assert isinstance(row, Trace)
    assert row.messages[1] == Message(role="assistant", content=text, tool_calls=tuple(calls))
    assert case_of(row).messages == row.messages[:1]


ROME = WRITTEN.replace("Oslo", "Rome")
DRAFTS = [
    f"Perhaps <tool_call>{ROME}</tool_call>? No.",
    f"Perhaps {ROME}.",
    "I call get_weather(city='Rome') now.",
    "I will use <tool_call> tags.",
    '<tool_call>{"name": ..., "arguments": ...}</tool_call>',
    'get_weather\n{"city": "Rome"}',
]
THOUGHTS = ["<think>DRAFT</think>", "[THINK]DRAFT[/THINK]", "<|channel>thought\nDRAFT<channel|>", "DRAFT</think>"]


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("mark", THOUGHTS)
def test_a_call_in_a_thought_is_only_a_draft(tmp_path: Path, mark: str, draft: str) -> None:
    thought = mark.replace("DRAFT", draft)
    called = said(f"{thought}\n<tool_call>\n{WRITTEN}\n</tool_call>")
    in_a_field = openai(native(OSLO, content=thought))
    for number, file in enumerate((called, in_a_field)):
        (row,) = read("openai", tmp_path / f"{number}.jsonl", file[2])
        assert gold(row) == [OSLO]
        assert row.messages[1].content == thought
    words = f"{thought}\nIt is warm in summer."
    (row,) = read("openai", tmp_path / "x.jsonl", said(words)[2])
    assert case_of(row).expect == Abstain(action="abstain", reason="no_tool_needed")
    assert row.messages[1].content == words


@pytest.mark.parametrize("text", ["<think>a</think>", "I write <think> and </think>, or <tool_call>."])
@pytest.mark.parametrize("form", ["{}", "<tool_call>{}</tool_call>", "<think>b</think>{}"])
def test_the_mark_of_a_thought_in_a_call_is_part_of_the_call(tmp_path: Path, form: str, text: str) -> None:
    call = Call(name="get_weather", arguments={"city": text})
    (row,) = read("openai", tmp_path / "x.jsonl", said(form.format(json.dumps(call.model_dump())))[2])
    assert gold(row) == [call]


def test_a_call_around_a_thought_is_not_lost(tmp_path: Path) -> None:
    """A thought that does not end is plain text."""
    for text in (f"<think>hm <tool_call>{WRITTEN}</tool_call>", f"<tool_call>{WRITTEN}</tool_call><think>b</think>"):
        (row,) = read("openai", tmp_path / "x.jsonl", said(text)[2])
        assert gold(row) == [OSLO]
    two = f"<tool_call>{ROME}</tool_call> <think>or <tool_call>{WRITTEN}</think> <tool_call>{WRITTEN}</tool_call>"
    (row,) = read("openai", tmp_path / "x.jsonl", said(two)[2])
    assert [call.arguments["city"] for call in gold(row)] == ["Rome", "Oslo"]


@pytest.mark.parametrize("part", ["<think>", "</think>", "<think></think>", "<tool_call>", "<tool_call>x</think>"])
def test_the_parts_of_a_hostile_turn_are_found_in_linear_time(part: str) -> None:
    assert is_nearly_linear(lambda text: (turn_parts(text), after_thoughts(text)), part * (1 << 15))


TOOLACE = 'Here is a list of functions:\n[{"name": "get_weather"}]\nUse the format [func1(params_name=params_value)]'


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (sharegpt(("gpt", '[get_weather(city="Oslo")]'), tools=[], system=TOOLACE), "not offered"),
        (sharegpt(("gpt", '<functioncall> {"name": "f", "arguments": \'{"a": 1}\'} ')), "cannot be read"),
        (said("<tool_call>get_weather Oslo"), "cannot be read"),
        (said("<|python_tag|>get_weather Oslo"), "cannot be read"),
        (said("[TOOL_CALLS]get_weather[ARGS]{}"), "cannot be read"),
        (said("<function=get_weather>{}</function>"), "cannot be read"),
        (said(f"I call this: {WRITTEN}"), "cannot be read"),
        (said("I call get_weather(city='Oslo')."), "cannot be read"),
        (said('Action: get_weather\nAction Input: {"city": "Oslo"}'), "form react"),
        (said('<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">'), "form deepseek"),
        (
            said("<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}"),
            "form kimi",
        ),
        (said("{'name': 'get_weather', 'arguments': {'city': 'Oslo'}}"), "form json"),
        (said('{"get_weather": {"city": "Oslo"}}'), "form json"),
        (said('get_weather\n{"city": "Oslo"}'), "form name_and_arguments"),
        (said('✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "Oslo"}'), "form qwen_agent"),
        (said("<get_weather>\n<city>Oslo</city>\n</get_weather>"), "form elements"),
        (said("Action: get_weather[Oslo]"), "form react"),
        (said("get_weather city=Oslo"), "form pairs"),
        (said("tool: get_weather\narguments:\n  city: Oslo\n"), "form yaml"),
        (said("[Get Weather(city='Oslo')]"), "not a list of calls"),
        (openai(native(OSLO, content=f"<tool_call>{WRITTEN}</tool_call>")), "both"),
        (openai({**LOOK, "weight": 0}, native(OSLO, weight=1)), "different weights"),
        (openai(native(OSLO, weight=0)), "no assistant turn"),
        (openai(native(OSLO, weight=2)), "weight"),
        (openai(native(OSLO, train=False, weight=1)), "contradict"),
        (said(""), "empty"),
        (openai({**LOOK, "tool_uses": [OSLO.name]}), "tool_uses"),
    ],
    ids=range(27),
)
def test_a_reply_that_cannot_be_read_is_a_bad_row(tmp_path: Path, file: tuple[str, str, str], why: str) -> None:
    reader, name, content = file
    (row,) = read(reader, tmp_path / name, content)
    assert isinstance(row, BadRow), row
    assert why in row.reason


@pytest.mark.parametrize(
    "text",
    [
        "It rains.",
        "The function is called [here](https://example.org).",
        'JSON has objects, for example {"name": "Ann", "age": 5}.',
        "A thought\nAction: wait for the user.",
        "With get_weather I can look up a city. Which city (or town)?",
        '{"name": "Ann"}',
        "I can use one tool:\ntool: get_weather\narguments: the city",
        "name: Ann\narguments: none",
    ],
)
def test_words_stay_words(tmp_path: Path, text: str) -> None:
    (row,) = read("openai", tmp_path / "x.jsonl", said(text)[2])
    assert case_of(row).expect == Abstain(action="abstain", reason="no_tool_needed")
    assert row.messages[-1].content == text


def test_a_turn_of_weight_0_is_context(tmp_path: Path) -> None:
    wrong, right = native(BERGEN, weight=0), native(OSLO, weight=1)
    (row,) = read("openai", tmp_path / "x.jsonl", openai(wrong, RAIN, AGAIN, right)[2])
    assert gold(row) == [OSLO]
    assert [turn.tool_calls for _, turn in row.turns_to_learn()] == [(OSLO,)]
    assert [turn.tool_calls for turn in case_of(row).messages] == [(), (BERGEN,), (), ()]


@pytest.mark.parametrize("mark", ["weight", "train", "training", "loss"])
def test_every_mark_of_a_turn_that_is_not_learnt_is_read(tmp_path: Path, mark: str) -> None:
    wrong, right = ({"from": "function_call", "value": WRITTEN.replace("Oslo", city)} for city in ("Rome", "Oslo"))
    asked = {"from": "human", "value": ASKED}
    row = {"conversations": [asked, {**wrong, mark: False}, asked, {**right, mark: True}], "tools": [WEATHER]}
    (found,) = read("sharegpt", tmp_path / "x.jsonl", lines(row))
    assert gold(found) == [OSLO]
    (found,) = read("openai", tmp_path / "y.jsonl", openai(native(BERGEN, **{mark: 0}), RAIN, AGAIN, native(OSLO))[2])
    assert gold(found) == [OSLO]


def parquet(path: Path, *rows: dict[str, Any]) -> Path:
    table = pytest.importorskip("pyarrow").Table.from_pylist(list(rows))
    pytest.importorskip("pyarrow.parquet").write_table(table, path)
    return path


def weather_row(arguments: dict[str, Any], **tool: Any) -> dict[str, Any]:
    turn = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"function": {"name": "get_weather", "arguments": arguments}}],
    }
    return {"messages": [{"role": "user", "content": ASKED}, turn], "tools": [{**WEATHER, **tool}]}


def test_nulls_that_a_table_added_are_not_content(tmp_path: Path) -> None:
    rows = [
        weather_row({"city": "Oslo"}),
        weather_row({"near": {"km": 5}, "city": "Oslo"}),
        weather_row({"day": "today"}),
    ]
    rows[2]["tools"][0]["parameters"] = {"type": "object", "properties": {"day": {"enum": ["today"]}}}
    from toolmark.benchmark.readers.trl import TrlReader

    found = list(TrlReader().read(parquet(tmp_path / "x.parquet", *rows)))
    assert [gold(row) for row in found] == [
        [OSLO],
        [Call(name="get_weather", arguments={"city": "Oslo", "near": {"km": 5}})],
        [Call(name="get_weather", arguments={"day": "today"})],
    ]
    assert all(case_of(row).waiver is None for row in found)
    xlam = {"query": "?", "tools": [WEATHER], "answers": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}
    other = {**xlam, "answers": [{"name": "get_weather", "arguments": {"near": {"km": 1}, "city": "Bergen"}}]}
    from toolmark.benchmark.readers.xlam import XlamReader

    first, second = XlamReader().read(parquet(tmp_path / "y.parquet", xlam, other))
    assert (gold(first), gold(second)[0].arguments["near"]) == ([OSLO], {"km": 1})


def test_a_null_in_json_stays_if_the_tool_declares_the_argument(tmp_path: Path) -> None:
    content = lines(
        weather_row({"city": None, "to": None}),
        weather_row({"city": "Oslo", "near": {"km": None, "miles": None}}, run=None),
    )
    first, second = read("trl", tmp_path / "x.jsonl", content)
    assert gold(first) == [Call(name="get_weather", arguments={"city": None})]
    assert gold(second)[0].arguments == {"city": "Oslo", "near": {"km": None}}


def test_an_optional_argument_that_is_null_can_be_left_out(tmp_path: Path) -> None:
    (row,) = read("trl", tmp_path / "x.jsonl", lines(weather_row({"city": "Oslo", "near": None})))
    expect = case_of(row).expect
    assert isinstance(expect, ExpectCall)
    (spec,) = expect.any_of[0].calls
    assert (spec.optional, case_of(row).waiver) == (("near",), None)
