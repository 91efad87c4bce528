"""What the dialects write, and what they read in whatever a model writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.running_time import is_nearly_linear
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, RawCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.elements import raw_call
from toolmark.benchmark.dialects.json_in_text import MAX_LENGTH

DIALECTS: tuple[Dialect, ...] = tuple(load("toolmark.dialects", name)() for name in names("toolmark.dialects"))
every = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

CALL = Call(name="f", arguments={"a": 1})
ONE = {
    "tagged": '<tool_call>{"tool_name": "f", "args": {"a": 1}}</tool_call>',
    "json": '{"name": "f", "arguments": {"a": 1}}',
    "hermes": '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>',
    "llama3": '{"name": "f", "parameters": {"a": 1}}',
    "mistral": '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]',
    "pythonic": "[f(a=1)]",
    "functiongemma": "<start_function_call>call:f{a:1}<end_function_call>",
    "gemma4": "<|tool_call>call:f{a:1}<tool_call|>",
    "qwen_xml": "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>",
    "glm": "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>",
    "harmony": '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>',
    "deepseek": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    ),
    "kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>"
        '{"a": 1}<|tool_call_end|><|tool_calls_section_end|>'
    ),
    "lfm2": "<|tool_call_start|>[f(a=1)]<|tool_call_end|>",
    "llama4": "<|python_start|>[f(a=1)]<|python_end|>",
    "native": '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>',
}
"""One call in each dialect."""
VALUE = dict.fromkeys(ONE, '"a": {}') | {"pythonic": "a={}", "functiongemma": "a:{}", "gemma4": "a:{}"}
VALUE |= {"lfm2": "a={}", "llama4": "a={}", "qwen_xml": "\n{}\n", "glm": "<arg_value>{}</arg_value>"}
"""How each writes the argument."""

QUESTION = (Message(role="user", content="?"),)
TOOLS = (
    Tool(
        name="f",
        description="Does f.",
        parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
    ),
    Tool(name="g", description="Größe, “quoted”"),
)


def read(dialect: Dialect, text: str, *, strict: bool) -> ParsedCompletion:
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
        *(
            '{"name": "f", "parameters": {}}',
            "<|python_tag|>",
            ";",
            "[TOOL_CALLS]",
            "f[ARGS]{}",
            "[f(a=1)]",
            "g(a='b')",
        ),
        *(
            "```tool_code\n",
            "print(",
            "default_api.",
            "**{",
            "a=",
            "'",
            ")",
            "<escape>",
            "{a:1}",
            "call:f",
            "Result of f:",
        ),
        *(
            "<start_function_call>",
            "<end_function_call>",
            "<start_function_response>",
            "<tool_response>",
            "[TOOL_RESULTS]",
        ),
        *ONE.values(),
    ]
)


@every
@settings(max_examples=60)
@given(text=st.lists(SYNTAX | st.text(max_size=4), max_size=12).map("".join))
@example(text='{"name":"\\ud800","arguments":{"\\udfff":"\\ud800"}}')
def test_any_text_is_read_and_what_is_right_strictly_is_right_leniently(dialect: Dialect, text: str) -> None:
    lenient = read(dialect, text, strict=False)
    calls = clean_calls(dialect, text)
    if calls:
        assert lenient.calls == calls


MEGABYTE = 1 << 20
ANYWHERE = ("{", "[", '{"a":', "<think>", '{"a":1,"a":2}', "9", "\ud800", "```a ", "f(\n", "\\frac{a}{b} ")
HOSTILE = dict.fromkeys(ONE, ANYWHERE)
HOSTILE["tagged"] += ("<tool_call>", "<tool_call>[", '<tool_call>{"a":"')
HOSTILE["native"] += HOSTILE["tagged"]
HOSTILE["mistral"] += ("[TOOL_CALLS]", "[TOOL_CALLS][", "[TOOL_CALLS]f[ARGS]{", '[TOOL_CALLS]f[ARGS]{"a":"')
HOSTILE["pythonic"] += ("[f(", "[f(a=[", "[f(a='", "[f(a=1,", "f(a=1)\n;x", "```\n[f(", "'''", "[ ")
HOSTILE["llama4"] += (
    *("<|python_start|>", "<|python_start|>[f(", "[f(a=[", "<|python_start|><|python_end|>", "<|python_end|>"),
    *('<|python_end|>{"name":', '<|python_start|>x<|python_end|>{"name": "f", "parameters": {'),
)
HOSTILE["lfm2"] += ("<|tool_call_start|>", "<|tool_call_start|>[f(a=[")
HOSTILE["gemma4"] += ("<|tool_call>call:f{a:{", '<|tool_call>call:f{a:<|"|>')
HOSTILE["qwen_xml"] += (
    "<tool_call>",
    "<function=f>",
    "<tool_call><function=f><parameter=a>",
)
HOSTILE["glm"] += ("<tool_call>f", "<tool_call>f<arg_key>a</arg_key><arg_value>", "<arg_value></arg_value>")
HOSTILE["harmony"] += (
    "<|channel|>",
    " to=functions.f<|message|>{",
    "<|channel|>analysis<|message|>",
    "<|start|>assistant",
)
HOSTILE["deepseek"] += ("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{", '<｜DSML｜invoke name="f">')
HOSTILE["kimi"] += (
    "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>f:0<|tool_call_argument_begin|>{",
    "<|open|>call",
)
HOSTILE["functiongemma"] += tuple("<start_function_call>" + part for part in ("", "call:f{a:{", "call:f{a:<escape>"))


def hostile(size: int) -> list[Any]:
    """Texts of about this many characters, each in the dialects that it could harm."""
    repeated = [
        (dialect, repr(pattern), pattern * (size // len(pattern)))
        for dialect in DIALECTS
        for pattern in dict.fromkeys(HOSTILE[dialect.name])
    ]
    special = [
        (dialect, name, text)
        for dialect in DIALECTS
        for name, text in (
            ("open fence", "<tool_call>```" + "\n" * (size - 20) + "x"),
            ("lists that never end", ("<tool_call>{} " + "[" * 900) * (size // 912)),
            ("open string in open lists", "[" * 900 + '"' + "a" * (size - 1000)),
        )
    ]
    return [pytest.param(dialect, text, id=f"{dialect.name}-{name}") for dialect, name, text in [*repeated, *special]]


@pytest.mark.parametrize(("dialect", "text"), hostile(1 << 14))
def test_a_hostile_text_holds_no_right_call(dialect: Dialect, text: str) -> None:
    assert clean_calls(dialect, text) == ()
    assert read(dialect, text, strict=False).calls == ()


@pytest.mark.slow
@pytest.mark.parametrize(("dialect", "text"), hostile(MEGABYTE))
def test_a_hostile_megabyte_is_read_in_linear_time(dialect: Dialect, text: str) -> None:
    assert clean_calls(dialect, text) == ()
    assert is_nearly_linear(lambda text: clean_calls(dialect, text), text)


@every
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
    argument = VALUE[dialect.name]
    text = ONE[dialect.name].replace(argument.format(1), argument.format(value))
    assert text != ONE[dialect.name]
    python = dialect.name in ("pythonic", "lfm2", "llama4", "hermes", "native")  # which take Python's literals too
    if dialect.name in ("qwen_xml", "glm"):  # which write every value as text
        return
    if not python or value not in ("'single'", "True", "1,"):
        assert clean_calls(dialect, text) == ()
    read(dialect, text, strict=False)
    server = Completion("", (RawCall("f", f'{{"a": {value}}}'),))
    assert load("toolmark.dialects", "native")().parse(server, strict=True).calls == ()


@every
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
    | st.sampled_from(["</tool_call>", "<tool_call>", "<think>", "</think>", "<tool_result>", "```", '"\\', "{", "}]"])
    | st.sampled_from(
        ["[TOOL_CALLS]", "<escape>", "<end_function_call>", "<|python_tag|>", "')]", "[f(a=1)]", "Result:"]
    ),
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


@every
@settings(max_examples=40)
@given(calls=CALLS, words=st.sampled_from(["", "I shall look.", "Step 1\nthen 2:"]))
def test_what_is_rendered_is_read_back_strictly(dialect: Dialect, calls: list[Call], words: str) -> None:
    turn = Message(role="assistant", content=words, tool_calls=tuple(calls))
    marks = {"functiongemma": "<escape>", "gemma4": '<|"|>'}
    if dialect.name in marks and marks[dialect.name] in str(calls):
        with pytest.raises(InputError, match="cannot write"):
            dialect.render((*QUESTION, turn), TOOLS)
        return
    try:
        written = dialect.render((*QUESTION, turn), TOOLS).messages[-1]
    except InputError:
        assert dialect.name in ("qwen_xml", "glm")  # which do not escape the text of a value
        return
    # What a dialect leaves to a server comes back as a server sends it.
    raw = tuple(RawCall(call.name, json.dumps(dict(call.arguments))) for call in written.tool_calls)
    for strict in (True, False):
        reading = dialect.parse(Completion(written.content, raw), strict=strict)
        assert reading.error is None
        if dialect.name in ("qwen_xml", "glm"):  # where only the schema of the tool gives the types
            assert list(reading.untyped or reading.calls) == [raw_call(call) for call in calls]
        else:
            assert reading.calls == tuple(calls)
        assert reading.answer == words


def every_with(*templates: tuple[str, str]) -> list[Any]:
    """The same text around one call, in each dialect."""
    return [
        pytest.param(dialect, template.replace("CALL", ONE[dialect.name]), id=f"{dialect.name}-{name}")
        for name, template in templates
        for dialect in DIALECTS
    ]


@pytest.mark.parametrize(
    ("dialect", "text"),
    every_with(
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
    every_with(
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
    every_with(
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
