"""What the dialects write, and what they read in whatever a model writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmark.cases import Call, Message, Tool
from benchmark.completions import Completion, Reading
from benchmark.dialects import Dialect
from benchmark.dialects.json import Json
from benchmark.dialects.jsontext import MAX_LENGTH
from benchmark.dialects.tagged import Tagged

DIALECTS: tuple[Dialect, ...] = (Tagged(), Json())
both = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

CALL = Call(name="f", arguments={"a": 1})
T = '<tool_call>{"tool_name": "f", "args": {"a": 1}}</tool_call>'
J = '{"name": "f", "arguments": {"a": 1}}'
ONE = {"tagged": T, "json": J}

QUESTION = (Message(role="user", content="?"),)
TOOLS = (
    Tool(
        name="f",
        description="Does f.",
        parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
    ),
    Tool(name="g", description="Größe, “quoted”"),
)


def read(dialect: Dialect, text: str, *, strict: bool) -> Reading:
    return dialect.parse(Completion(text), strict=strict)


def clean_calls(dialect: Dialect, text: str) -> tuple[Call, ...]:
    """The calls that a strict reading credits."""
    reading = read(dialect, text, strict=True)
    return reading.calls if reading.error is None else ()


SYNTAX = st.sampled_from(
    [
        *("<tool_call>", "</tool_call>", "<think>", "</think>", "<final_answer>", "<tool_result>", "```", "```json\n"),
        *('{"tool_name": "f", "args": {}}', '{"name": "f", "arguments": {"a": 1}}', '{"a":', "[", "]", "{", "}", '"'),
        *("NaN", "1e999", '"\\ud800"', "\ud800", "\\", ",", ":", "\n", "f(", "\x00", '{"name":"\\ud800","args":{}}'),
    ]
)


@both
@settings(max_examples=60)
@given(text=st.lists(SYNTAX | st.text(max_size=4), max_size=12).map("".join))
@example(text='{"name":"\\ud800","arguments":{"\\udfff":"\\ud800"}}')
def test_any_text_is_read_and_what_is_right_strictly_is_right_leniently(dialect: Dialect, text: str) -> None:
    lenient = read(dialect, text, strict=False)
    calls = clean_calls(dialect, text)
    if calls:
        assert lenient.calls == calls


MEGABYTE = 1 << 20


@both
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(pattern * (MEGABYTE // len(pattern)), id=repr(pattern))
        for pattern in (
            *("{", "[", '{"a":', "<tool_call>", '<tool_call>{"a":"', "<think>", '{"a":1,"a":2}', "9", "\ud800"),
            *("<tool_call>[", "```a ", "f(\n", "\\frac{a}{b} "),
        )
    ]
    + [
        pytest.param("<tool_call>```" + "\n" * (MEGABYTE - 20) + "x", id="open fence"),
        pytest.param("[" * 900 + '"' + "a" * (MEGABYTE - 1000), id="open string in open lists"),
    ],
)
def test_a_megabyte_of_anything_holds_no_right_call(dialect: Dialect, text: str) -> None:
    # Each of these once took, or in a careless reader would take, minutes: the limit is the patience of the suite.
    assert clean_calls(dialect, text) == ()
    assert read(dialect, text, strict=False).calls == ()


@both
@pytest.mark.parametrize(
    "value",
    [
        "9" * 5_000,
        "NaN",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        '{"b": 1, "b": 2}',
        "[" * 70 + "]" * 70,
        "[" * 20_000 + "]" * 20_000,
        "'single'",
        "True",
        "1,",
    ],
    ids=lambda value: value[:12],
)
def test_values_that_are_no_strict_json_are_no_strict_call(dialect: Dialect, value: str) -> None:
    text = ONE[dialect.name].replace('"a": 1', f'"a": {value}')
    assert clean_calls(dialect, text) == ()
    read(dialect, text, strict=False)


@both
def test_a_text_beyond_the_limit_is_an_attempt_and_no_abstention(dialect: Dialect) -> None:
    reading = read(dialect, ONE[dialect.name] + " " * MAX_LENGTH, strict=False)
    assert (reading.calls, reading.attempted) == ((), True)
    assert reading.error is not None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["</tool_call>", "<tool_call>", "<think>", "</think>", "<tool_result>", "```", '"\\', "{", "}]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.lists(
    st.builds(
        Call, name=st.sampled_from(["f", "g.h", "größe"]), arguments=st.dictionaries(st.text(max_size=4), JSON_VALUES)
    ),
    min_size=1,
    max_size=3,
)


@both
@settings(max_examples=80)
@given(calls=CALLS, words=st.sampled_from(["", "I shall look.", "Step 1\nthen 2:"]))
def test_what_is_rendered_is_read_back_strictly(dialect: Dialect, calls: list[Call], words: str) -> None:
    turn = Message(role="assistant", content=words, tool_calls=tuple(calls))
    written = dialect.render((*QUESTION, turn), TOOLS).messages[-1].content
    reading = read(dialect, written, strict=True)
    assert reading.error is None
    assert reading.calls == tuple(calls)
    assert read(dialect, written, strict=False).calls == tuple(calls)


def both_with(*templates: tuple[str, str]) -> list[Any]:
    """The same text around one call, in each dialect."""
    return [
        pytest.param(dialect, template.replace("CALL", ONE[dialect.name]), id=f"{dialect.name}-{name}")
        for name, template in templates
        for dialect in DIALECTS
    ]


@pytest.mark.parametrize(
    ("dialect", "text"),
    both_with(
        ("inside a thought", "<think>Shall I write CALL?</think>No tool is needed."),
        ("inside a thought that the prompt opened", "Perhaps CALL?</think>No."),
        ("inside a thought without end", "Hm. <think>CALL"),
    ),
)
def test_a_thought_holds_no_call_in_either_reading(dialect: Dialect, text: str) -> None:
    assert read(dialect, text, strict=True).calls == ()
    assert read(dialect, text, strict=False).calls == ()


@pytest.mark.parametrize(
    ("dialect", "text"),
    both_with(
        ("in prose", "One could write CALL here, but it is not needed."),
        ("text after", "CALL\nDone!"),
        ("fenced", "```json\nCALL\n```"),
        ("in a fence that stays open", "```json\nCALL"),
        ("in the answer", "<final_answer>CALL</final_answer>"),
    ),
)
def test_prose_around_a_call_and_fences_are_right_only_leniently(dialect: Dialect, text: str) -> None:
    assert clean_calls(dialect, text) == ()
    assert read(dialect, text, strict=False).calls == (CALL,)


@pytest.mark.parametrize(
    ("dialect", "text"),
    both_with(
        ("alone", "CALL"),
        ("white-space", "\n CALL \n"),
        ("reasoning", "I need {x} and [y] for that:\nCALL"),
        ("closed thought", "<think>Not {this}: CALL</think>\nCALL"),
        ("LaTeX", r"\frac{a}{b} " * 100 + "CALL"),
        ("closed fence before", "```python\nf(1)\n```\nCALL"),
    ),
)
def test_reasoning_may_stand_before_a_call(dialect: Dialect, text: str) -> None:
    assert clean_calls(dialect, text) == (CALL,)


NO_ARGUMENTS = Call(name="f")
OPEN, CLOSE = "<tool_call>", "</tool_call>"
tagged, bare = DIALECTS

FORMS = [
    # dialect, text, strictly right, calls of the lenient reading
    (tagged, T + "\n" + T, True, (CALL, CALL)),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": {{}}}}{CLOSE}', True, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}{{"tool_name": "f"}}{CLOSE}', True, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}\n{{"args": {{"a": 1}}, "tool_name": "f"}}\n{CLOSE}', True, (CALL,)),
    (tagged, T.removesuffix(CLOSE), False, (CALL,)),
    (tagged, f"{OPEN}```json\n{J}\n```{CLOSE}", False, (CALL,)),
    (tagged, f"{OPEN}{J}{CLOSE}", False, (CALL,)),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": {{"a": 1}}, "id": 7}}{CLOSE}', False, (CALL,)),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": "{{\\"a\\": 1}}"}}{CLOSE}', False, (CALL,)),
    (tagged, f'{OPEN}{{"name": "f", "arguments": null}}{CLOSE}', False, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}{{"name": "f", "arguments": ""}}{CLOSE}', False, (NO_ARGUMENTS,)),
    (tagged, f'{OPEN}{{"function": {{"name": "f", "arguments": {{"a": 1}}}}}}{CLOSE}', False, (CALL,)),
    (tagged, f'{OPEN}{{"tool_calls": [{J}, {J}]}}{CLOSE}', False, (CALL, CALL)),
    (tagged, f"{OPEN}{J}\n{J}{CLOSE}", False, (CALL, CALL)),
    (tagged, f"{T}\n<tool_result>5</tool_result>", False, (CALL,)),
    (tagged, f"{T}<tool_result>5</tool_result>{T}", False, (CALL, CALL)),
    (tagged, f"{T}{OPEN}not JSON{CLOSE}", False, (CALL,)),
    (tagged, f"{OPEN}{T}", False, (CALL,)),
    (tagged, T[: len(T) // 2], False, ()),
    (tagged, f'{OPEN}{{"tool_name": 5, "args": {{}}}}{CLOSE}', False, ()),
    (tagged, f'{OPEN}{{"tool_name": "f", "args": [1]}}{CLOSE}', False, ()),
    (tagged, f'{OPEN}{{"outer": {{"tool_name": "f", "args": {{"a": 1}}}}, "cut": {CLOSE}', False, ()),
    (bare, f"{J}\n{J}", True, (CALL, CALL)),
    (bare, f"[{J}, {J}]", True, (CALL, CALL)),
    (bare, '{"name": "f", "arguments": {}}', True, (NO_ARGUMENTS,)),
    (bare, '{"name": "f", "arguments": null}', False, (NO_ARGUMENTS,)),
    (bare, '{"tool_name": "f", "args": {"a": 1}}', False, (CALL,)),
    (bare, '{"name": "f", "arguments": {"a": 1}, "id": 7}', False, (CALL,)),
    (bare, '{"name": "f", "arguments": "{\\"a\\": 1}"}', False, (CALL,)),
    (bare, f'{{"tool_calls": [{J}]}}', False, (CALL,)),
    (bare, f"{OPEN}{J}{CLOSE}", False, (CALL,)),
    (bare, f"{J}\nResult of f: 5\n{J}", False, (CALL, CALL)),
    (bare, f"[{J}", False, (CALL,)),
    (bare, f'{{"call": {J}', False, (CALL,)),
    (bare, f'[{J}, {{"name": "f", "argu', False, (CALL,)),
    (bare, '{"name": "f"}', False, ()),
    (bare, '{"name": "f", "arguments": {"a"', False, ()),
    (bare, '{"answer": 5}', False, ()),
]


@pytest.mark.parametrize(
    ("dialect", "text", "strictly", "calls"), FORMS, ids=lambda value: getattr(value, "name", None)
)
def test_strict_and_lenient(dialect: Dialect, text: str, strictly: bool, calls: tuple[Call, ...]) -> None:
    assert read(dialect, text, strict=False).calls == calls
    assert clean_calls(dialect, text) == (calls if strictly else ())


def test_tags_inside_an_argument_are_part_of_it() -> None:
    written = {"tool_name": "f", "args": {"a": "</tool_call> <tool_call> <tool_result>"}}
    text = f"{OPEN}{json.dumps(written)}{CLOSE}"
    assert clean_calls(tagged, text) == (Call(name="f", arguments=written["args"]),)


@pytest.mark.parametrize(
    "text",
    [
        J,
        "```json\n" + J,
        '{"name": "f"',
        '{"f": {"a": 1}}',
        "f(a=1)",
        "[f(a=1)]",
        "```tool_code\nprint(default_api.f(a=1))\n```",
        "<|python_tag|>f(a=1)",
    ],
)
def test_foreign_calls_are_named(text: str) -> None:
    assert "f" in read(tagged, text, strict=False).named


@pytest.mark.parametrize(
    "text", ["I would use f (the best tool).", "See f, g and h.", "The name is f.", '{"answer": "f"}']
)
def test_words_are_not_named(text: str) -> None:
    assert "f" not in read(tagged, text, strict=False).named


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<final_answer>It is 5.</final_answer>", "It is 5."),
        ("<think>hm</think>It is 5.", "It is 5."),
        ("It is 5. <final_answer></final_answer>", "It is 5."),
        ("<think>I wonder", ""),
        ("<final_answer>It is", "It is"),
    ],
)
def test_the_answer_is_what_the_user_would_see(text: str, answer: str) -> None:
    assert read(tagged, text, strict=False).answer == answer


CONVERSATION = (
    Message(role="system", content="Be kind."),
    Message(role="user", content="f of 1?"),
    Message(role="assistant", tool_calls=(CALL,)),
    Message(role="tool", name="f", content='{"größe": 2}'),
    Message(role="user", content="Thanks.\nAnd of 2?"),
)

TAGGED_GOLD = [
    (
        "system",
        """\
Be kind.

You can use the tools listed below, one JSON object a line. To call a tool, write
<tool_call>{"tool_name": "NAME", "args": {"ARGUMENT": "VALUE"}}</tool_call>
and nothing after it; several calls follow one another. Its result comes back in <tool_result></tool_result>.
When no tool is needed, none fits, or a required argument is not known, do not call.
Give your answer in <final_answer></final_answer>.
{"tool_name":"f","description":"Does f.","input_args":{"type":"object","properties":{"a":{"type":"integer"}}}}
{"tool_name":"g","description":"Größe, “quoted”","input_args":{"type":"object","properties":{}}}""",
    ),
    ("user", "f of 1?"),
    ("assistant", '<tool_call>{"tool_name": "f", "args": {"a": 1}}</tool_call>'),
    ("user", '<tool_result>{"größe": 2}</tool_result>\nThanks.\nAnd of 2?'),
]

JSON_GOLD = [
    (
        "system",
        """\
Be kind.

Tools, one JSON object a line:
{"name":"f","description":"Does f.","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}
{"name":"g","description":"Größe, “quoted”","parameters":{"type":"object","properties":{}}}
To call a tool, reply with {"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}} and nothing after it.
When no tool is needed, none fits, or a required argument is not known, answer in plain words.""",
    ),
    ("user", "f of 1?"),
    ("assistant", '{"name": "f", "arguments": {"a": 1}}'),
    ("user", 'Result of f: {"größe": 2}\nThanks.\nAnd of 2?'),
]


@pytest.mark.parametrize(("dialect", "gold"), [(tagged, TAGGED_GOLD), (bare, JSON_GOLD)], ids=["tagged", "json"])
def test_the_rendered_bytes_are_fixed(dialect: Dialect, gold: list[tuple[str, str]]) -> None:
    # A change here changes what every trained adapter sees: raise the dialect's version with it.
    prompt = dialect.render(CONVERSATION, TOOLS)
    assert [(turn.role, turn.content) for turn in prompt.messages] == gold
    assert dialect.version == "1"


@both
def test_without_tools_nothing_is_said_of_tools(dialect: Dialect) -> None:
    assert dialect.render(QUESTION, ()).messages == QUESTION
